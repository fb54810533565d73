/* libdebuginfod is loaded at run time: it brings libcurl and its certificates into the process, which nobody who does not ask for it needs. */
#include "cmd/debuginfo.h"

#include "base/mem.h"
#include "proc/elf.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUILD_ID_MAX = AP_ELF_BUILD_ID_MAX };

static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		fd = ap_close(fd);
	return fd;
}

static bool is_hex(const char *build_id)
{
	size_t n = strlen(build_id);

	return n >= 4 && n <= 2 * BUILD_ID_MAX && n % 2 == 0 && strspn(build_id, "0123456789abcdef") == n;
}

int debuginfo_below(const char *const *dirs, const char *build_id)
{
	char path[PATH_MAX];
	int fd = -1;

	if (!is_hex(build_id))
		return -1;
	for (; fd < 0 && *dirs; dirs++)
		if (snprintf(path, sizeof path, "%s/.build-id/%.2s/%s.debug", *dirs, build_id, build_id + 2) < (int)sizeof path)
			fd = open_regular(path);
	return fd;
}

static bool has_build_id(int fd, const char *build_id)
{
	struct ap_elf_input in = {.fd = fd};
	char hex[2 * AP_ELF_BUILD_ID_MAX + 1] = "";
	struct ap_elf_head head;

	if (ap_elf_head_read(&in, &head))
		return false;
	for (size_t i = 0; i < head.build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", head.build_id[i]);
	ap_elf_head_done(&head);
	return !strcmp(hex, build_id);
}

int debuginfo_at_path(const char *path, const char *build_id)
{
	int fd = path[0] == '/' && is_hex(build_id) ? open_regular(path) : -1;

	if (fd >= 0 && !has_build_id(fd, build_id))
		fd = ap_close(fd);
	return fd;
}

int debuginfo_fetch(const char *build_id, bool *ret_no_library)
{
	static void *library;
	void *(*begin)(void), (*end)(void *), *client;
	int (*find)(void *, const unsigned char *, int, char **), fd = -1;
	unsigned char id[BUILD_ID_MAX];
	size_t n = strlen(build_id) / 2;

	if (!library)
		library = dlopen("libdebuginfod.so.1", RTLD_NOW);
	*ret_no_library = !library;
	if (!library || !is_hex(build_id))
		return -1;
	*(void **)&begin = dlsym(library, "debuginfod_begin");
	*(void **)&end = dlsym(library, "debuginfod_end");
	*(void **)&find = dlsym(library, "debuginfod_find_debuginfo");
	if (!begin || !end || !find || !(client = begin()))
		return -1;
	for (size_t i = 0; i < n; i++)
		sscanf(build_id + 2 * i, "%2hhx", &id[i]);
	fd = find(client, id, (int)n, NULL);
	end(client);
	return fd;
}
