/* By the time that names are asked for, the process has usually ended, and with it its /proc folder and perhaps its mount namespace. So its
 * /tmp is held from when its first code is seen; a descriptor keeps a mount alive. The names are another's to choose: openat2 keeps to that
 * folder, O_NONBLOCK keeps a FIFO from blocking, fstat refuses all but regular files of a user who may speak for the process. */
#include "proc/jit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATUS_MAX = 16 << 10 };
static const uint64_t CLOCK_SLACK_NS = 1000000000; /* REALTIME may have been set meanwhile */

/* The last number of a line of /proc/PID/status. False: no such line. */
static bool last_number(const char *status, const char *key, uint32_t *ret_value)
{
	const char *at = strstr(status, key), *end, *last;

	if (!at)
		return false;
	at += strlen(key);
	end = at + strcspn(at, "\n");
	for (last = end; last > at && isdigit((unsigned char)last[-1]);)
		last--;
	if (last == end)
		return false;
	*ret_value = (uint32_t)strtoul(last, NULL, 10);
	return true;
}

static int open_below(int folder, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

void ap_jit_remember(struct ap_jit *j, const char *proc, uint32_t pid, uint64_t start_ns)
{
	AP_AUTO_CLOSE int root = -1;
	struct ap_buf status = {0};
	char path[256];
	uint32_t uid;

	*j = (struct ap_jit){.tmp = -1, .pid = pid, .uid = -1};
	if (start_ns)
		j->started_ns = ap_now_realtime_ns() - ap_now_boottime_ns() + start_ns;
	snprintf(path, sizeof path, "%s/%u/status", proc, pid);
	if (!ap_file_read(AT_FDCWD, path, STATUS_MAX, &status) && status.data) {
		last_number(status.data, "\nNSpid:", &j->pid);
		if (last_number(status.data, "\nUid:", &uid)) /* the last is the one that new files get */
			j->uid = uid;
	}
	ap_buf_done(&status);
	snprintf(path, sizeof path, "%s/%u/root", proc, pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		j->tmp = open_below(root, "/tmp", O_PATH | O_DIRECTORY);
}

void ap_jit_done(struct ap_jit *j)
{
	j->tmp = ap_close(j->tmp);
}

static bool is_believed(const struct ap_jit *j, const struct stat *st)
{
	uint64_t changed_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;

	if (!S_ISREG(st->st_mode) || (st->st_uid != 0 && st->st_uid != geteuid() && (int64_t)st->st_uid != j->uid))
		return false;
	return changed_ns + CLOCK_SLACK_NS >= j->started_ns;
}

static int open_map(const struct ap_jit *j, int folder, uint32_t pid)
{
	char name[64];
	struct stat st;
	int fd;

	snprintf(name, sizeof name, "perf-%u.map", pid);
	fd = open_below(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) || !is_believed(j, &st)))
		fd = ap_close(fd);
	return fd;
}

int ap_jit_open_map(const struct ap_binary *b)
{
	AP_AUTO_CLOSE int ours = -1;
	int fd = -1;

	if (!b->jit)
		return -1;
	if (b->fd >= 0)
		return fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
	if (b->jit->tmp >= 0)
		fd = open_map(b->jit, b->jit->tmp, b->jit->pid);
	if (fd < 0) { /* a process that had ended when it was first seen; a map written from outside, by the outer number */
		ours = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd = ours < 0 ? -1 : open_map(b->jit, ours, b->pid);
	}
	return fd;
}

void ap_jit_keep_map(struct ap_binary *b)
{
	if (b->fd < 0)
		b->fd = ap_jit_open_map(b);
	if (b->fd >= 0 && b->jit)
		ap_jit_done(b->jit); /* one descriptor a JIT */
}

int ap_jit_dump(const struct ap_binary *b)
{
	return b->jit && b->jit->dump ? b->jit->dump->fd : -1;
}

bool ap_jit_is_dump(const char *path)
{
	const char *name = strrchr(path, '/');
	unsigned pid;
	int n = 0;

	return name && sscanf(name, "/jit-%u.dump%n", &pid, &n) == 1 && n && !name[n];
}
