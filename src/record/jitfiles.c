/* A hostile target owns these paths: O_NONBLOCK keeps a FIFO from blocking, openat2 keeps symbolic links inside the target's root, fstat
 * refuses all but regular files. */
#include "record/jitfiles.h"

#include "base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t namespace_pid(uint32_t pid)
{
	struct ap_buf b = {0};
	uint32_t own = pid;
	char path[64], *at, *last;

	snprintf(path, sizeof path, "/proc/%u/status", pid);
	ap_file_read(AT_FDCWD, path, 16 << 10, &b);
	at = b.data ? strstr(b.data, "\nNSpid:") : NULL;
	if (at) {
		at += strlen("\nNSpid:");
		at[strcspn(at, "\n")] = '\0';
		last = strrchr(at, '\t');
		own = (uint32_t)strtoul(last ? last + 1 : at, NULL, 10);
	}
	ap_buf_done(&b);
	return own;
}

static int open_regular(int root, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		fd = ap_close(fd);
	return fd;
}

static int open_below(const char *root_path, uint32_t pid)
{
	AP_AUTO_CLOSE int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];

	snprintf(path, sizeof path, "/tmp/perf-%u.map", pid);
	return root < 0 ? -1 : open_regular(root, path);
}

int ap_jit_open_map(uint32_t pid)
{
	char root[64];
	int fd;

	snprintf(root, sizeof root, "/proc/%u/root", pid);
	fd = open_below(root, namespace_pid(pid));
	return fd >= 0 ? fd : open_below("/", pid);
}

int ap_jit_find_dump(struct ap_binary *const *binaries, size_t n, uint32_t pid)
{
	char name[48];
	size_t have, want = (size_t)snprintf(name, sizeof name, "/jit-%u.dump", pid);

	for (size_t i = 0; i < n; i++) {
		have = strlen(binaries[i]->path);
		if (binaries[i]->fd >= 0 && have >= want && !strcmp(binaries[i]->path + have - want, name))
			return binaries[i]->fd;
	}
	return -1;
}
