/* Readers of /proc/PID files. Each file is read whole, up to a limit, and parsed from memory; a process that ends meanwhile shows as
 * -ESRCH or as a shorter text, never as a wait. */
#include "proc/scan.h"

#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STAT_MAX = 4096, MAPS_MAX = 64 << 20, STATUS_MAX = 16 << 10, CGROUP_MAX = 64 << 10 };
enum { PF_KTHREAD = 0x00200000 }; /* include/linux/sched.h */

static int read_file(const char *proc, uint32_t pid, const char *name, size_t max, struct ap_buf *b)
{
	char path[256];
	int r;

	snprintf(path, sizeof path, "%s/%u/%s", proc, pid, name);
	r = ap_file_read(AT_FDCWD, path, max, b);
	if (r == -ENOENT)
		return -ESRCH;
	return r == -EFBIG ? 0 : r;
}

int ap_stat_parse(const char *text, size_t n, struct ap_stat *ret_stat)
{
	const char *open = memchr(text, '(', n), *close = n ? memrchr(text, ')', n) : NULL;
	unsigned long long ticks;
	unsigned int parent, flags;
	struct ap_stat s = {0};
	size_t comm;

	if (!open || !close || close < open)
		return -EBADMSG;
	comm = (size_t)(close - open - 1);
	memcpy(s.comm, open + 1, comm < sizeof s.comm - 1 ? comm : sizeof s.comm - 1);
	/* behind the name: state ppid pgrp session tty tpgid flags, twelve more, starttime */
	if (sscanf(close + 1, " %*c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &parent, &flags, &ticks) != 3)
		return -EBADMSG;
	s.start_ns = ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	s.parent = parent;
	s.kernel = flags & PF_KTHREAD;
	*ret_stat = s;
	return 0;
}

int ap_scan_stat(const char *proc, uint32_t pid, uint32_t tid, struct ap_stat *ret_stat)
{
	struct ap_buf b = {0};
	char name[64] = "stat";
	int r;

	if (tid)
		snprintf(name, sizeof name, "task/%u/stat", tid);
	r = read_file(proc, pid, name, STAT_MAX, &b);
	if (!r)
		r = b.len ? ap_stat_parse(b.data, b.len, ret_stat) : -ESRCH;
	ap_buf_done(&b);
	return r;
}

int ap_scan_numbers(const char *path, void (*found)(void *ctx, uint32_t number), void *ctx)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((e = readdir(d))) {
		char *end;
		unsigned long v = isdigit((unsigned char)e->d_name[0]) ? strtoul(e->d_name, &end, 10) : 0;

		if (v && v <= INT32_MAX && !*end)
			found(ctx, (uint32_t)v);
	}
	closedir(d);
	return 0;
}

/* The kernel writes a newline in a path as \012, and nothing else so. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (!strncmp(s, "\\012", 4)) {
			*to++ = '\n';
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

bool ap_maps_line_parse(char *line, struct ap_maps_line *ret_line)
{
	unsigned long long start, end, offset, inode;
	unsigned int major, minor;
	int path = 0;
	char perm[5];

	if (sscanf(line, "%16llx-%16llx %4s %16llx %8x:%8x %20llu%n", &start, &end, perm, &offset, &major, &minor, &inode, &path) != 7)
		return false;
	if (start >= end || strlen(perm) != 4)
		return false;
	while (line[path] == ' ')
		path++;
	unescape(line + path);
	*ret_line = (struct ap_maps_line){.start = start, .end = end, .file_offset = offset, .inode = inode, .device_major = major,
		.device_minor = minor, .executable = perm[2] == 'x', .path = line + path};
	return true;
}

int ap_scan_maps(const char *proc, uint32_t pid, void (*found)(void *ctx, const struct ap_maps_line *line), void *ctx)
{
	struct ap_buf b = {0};
	int r = read_file(proc, pid, "maps", MAPS_MAX, &b);

	for (char *p = b.data, *next; !r && p && *p; p = next) {
		struct ap_maps_line line;
		size_t n = strcspn(p, "\n");

		next = p + n + (p[n] == '\n');
		p[n] = '\0';
		if (ap_maps_line_parse(p, &line) && line.executable)
			found(ctx, &line);
	}
	ap_buf_done(&b);
	return r;
}

/* "Uid:	real	effective	saved	file system" */
static int64_t effective_user(const char *status)
{
	const char *line = status ? strstr(status, "\nUid:") : NULL;
	long long uid;

	return line && sscanf(line, " Uid: %*u %lld", &uid) == 1 ? uid : -1;
}

int ap_scan_user(const char *proc, uint32_t pid, int64_t *ret_uid)
{
	struct ap_buf b = {0};
	int r = read_file(proc, pid, "status", STATUS_MAX, &b);
	int64_t uid = effective_user(b.data);

	ap_buf_done(&b);
	if (r || uid < 0)
		return r ? r : -EBADMSG;
	*ret_uid = uid;
	return 0;
}

static char *read_text(const char *proc, uint32_t pid, const char *name, size_t max, size_t *ret_n)
{
	struct ap_buf b = {0};

	if (read_file(proc, pid, name, max, &b) || !b.data) {
		ap_buf_done(&b);
		*ret_n = 0;
		return strdup("");
	}
	*ret_n = b.len;
	return b.data;
}

int ap_scan_about(const char *proc, uint32_t pid, struct ap_about *ret_about)
{
	struct ap_about a = {.uid = -1};
	size_t n;
	AP_AUTO_FREE char *status = read_text(proc, pid, "status", STATUS_MAX, &n);
	AP_AUTO_FREE char *cgroup = read_text(proc, pid, "cgroup", CGROUP_MAX, &n);

	a.uid = effective_user(status);
	a.cmdline = read_text(proc, pid, "cmdline", AP_CMDLINE_MAX, &n);
	while (a.cmdline && n && !a.cmdline[n - 1])
		n--;
	for (size_t i = 0; a.cmdline && i < n; i++)
		if (!a.cmdline[i])
			a.cmdline[i] = ' ';
	a.cgroup = cgroup ? ap_cgroup_path(cgroup) : NULL;
	a.container = a.cgroup ? ap_cgroup_container(a.cgroup) : NULL;
	if (!a.cmdline || !a.container) {
		ap_about_done(&a);
		return -ENOMEM;
	}
	*ret_about = a;
	return 0;
}

void ap_about_done(struct ap_about *a)
{
	free(a->cmdline);
	free(a->cgroup);
	free(a->container);
	*a = (struct ap_about){.uid = -1};
}
