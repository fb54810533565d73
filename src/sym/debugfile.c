/* openat2 keeps a path below its folder whatever links and dots it holds; O_NONBLOCK keeps a FIFO from blocking. */
#include "sym/debugfile.h"

#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ID_MIN = 2, ID_MAX = 64 };

void debug_dirs_open(struct debug_dirs *d, const char *const *paths)
{
	d->n = 0;
	for (; paths && *paths && d->n < DEBUG_DIRS_MAX; paths++) {
		d->v[d->n] = open(*paths, O_PATH | O_DIRECTORY | O_CLOEXEC);
		d->n += d->v[d->n] >= 0;
	}
}

void debug_dirs_close(struct debug_dirs *d)
{
	while (d->n)
		ap_close(d->v[--d->n]);
}

static int open_below(int folder, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		fd = ap_close(fd);
	return fd;
}

static int open_in_any(const struct debug_dirs *d, const char *path)
{
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < d->n; i++)
		fd = open_below(d->v[i], path);
	return fd;
}

int debug_by_id(const struct debug_dirs *d, const uint8_t *id, size_t n)
{
	char path[2 * ID_MAX + 32];
	int at;

	if (n < ID_MIN || n > ID_MAX)
		return -1;
	at = snprintf(path, sizeof path, ".build-id/%02x/", id[0]);
	for (size_t i = 1; i < n; i++)
		at += snprintf(path + at, sizeof path - (size_t)at, "%02x", id[i]);
	snprintf(path + at, sizeof path - (size_t)at, ".debug");
	return open_in_any(d, path);
}

/* The CRC-32 of ISO 3309, as .gnu_debuglink has it; a bit at a time would be 8 times slower, a table of 16 is small enough. */
static uint32_t crc_add(uint32_t crc, const uint8_t *data, size_t n)
{
	static const uint32_t table[] = {0, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
		0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

	for (size_t i = 0; i < n; i++) {
		crc ^= data[i];
		crc = table[crc & 15] ^ crc >> 4;
		crc = table[crc & 15] ^ crc >> 4;
	}
	return crc;
}

static bool has_crc(int fd, uint32_t wanted)
{
	uint8_t chunk[65536];
	uint32_t crc = UINT32_MAX;
	uint64_t at = 0;
	ssize_t n;

	while ((n = ap_pread_all(fd, chunk, sizeof chunk, at)) > 0) {
		crc = crc_add(crc, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	return !n && ~crc == wanted;
}

int debug_by_link(const struct debug_dirs *d, const char *binary, const char *link, uint32_t crc)
{
	const char *slash = strrchr(binary, '/');
	char path[PATH_MAX];
	int fd = -1;

	if (binary[0] != '/' || !slash || strchr(link, '/'))
		return -1;
	for (size_t i = 0; fd < 0 && i < d->n; i++) {
		if (snprintf(path, sizeof path, "%.*s/%s", (int)(slash - binary), binary, link) >= (int)sizeof path)
			return -1;
		fd = open_below(d->v[i], path);
		if (fd >= 0 && !has_crc(fd, crc))
			fd = ap_close(fd);
	}
	return fd;
}

int debug_supplement(const struct debug_dirs *d, const char *name)
{
	const char *below = strstr(name, "/.dwz/");

	if (!below && !strncmp(name, ".dwz/", 5))
		below = name;
	return below ? open_in_any(d, below) : -1;
}
