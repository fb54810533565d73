/* Candidates, in order of trust: the map_files link (the mapped inode itself, but it wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), the
 * path inside the process's own root, /proc/PID/exe, and the plain path once the process is gone. Each is first taken as an O_PATH
 * descriptor, which opens nothing; only when that is a regular file with the right identity is it opened for reading, through
 * /proc/self/fd, so that nothing can be swapped in between. O_NONBLOCK keeps a lease from blocking us.
 *
 * Identity is the build ID that the kernel told, else device and inode. btrfs and overlayfs show stat() another device than the mapping
 * has: there the inode must be the same and the build ID must be the one in the process's memory, as long as that can be read. */
#include "proc/open.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

ssize_t ap_read_memory(uint32_t pid, uint64_t address, void *data, size_t n)
{
	struct iovec to = {.iov_base = data, .iov_len = n}, from = {.iov_base = (void *)(uintptr_t)address, .iov_len = n};
	ssize_t r = process_vm_readv((pid_t)pid, &to, 1, &from, 1, 0);

	return r < 0 ? -errno : r;
}

static int open_path(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_map_files(const struct ap_mapped *m)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%u/map_files/%llx-%llx", m->proc, m->pid, (unsigned long long)m->start, (unsigned long long)m->end);
	return open_path(path);
}

static int open_exe(const struct ap_mapped *m)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%u/exe", m->proc, m->pid);
	return open_path(path);
}

static int open_in_root(const struct ap_mapped *m)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char root[256];
	AP_AUTO_CLOSE int dir = -1;
	long fd;

	snprintf(root, sizeof root, "%s/%u/root", m->proc, m->pid);
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = syscall(SYS_openat2, dir, m->path, &how, sizeof how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* a seccomp filter or valgrind: links may then lead out, to be refused by identity */
		fd = openat(dir, m->path + strspn(m->path, "/"), O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* While it lives its own root has been asked, and ours says nothing about it. A zombie has a folder in /proc, but no root; access(2) would not
 * tell, for it asks without our capabilities, and a zombie that had some is then refused. */
static int open_plain(const struct ap_mapped *m)
{
	AP_AUTO_CLOSE int root = -1;
	char path[256];

	snprintf(path, sizeof path, "%s/%u/root", m->proc, m->pid);
	root = open_path(path);
	return root == -ENOENT || root == -ESRCH ? open_path(m->path) : -ENOENT;
}

/* 1: the memory of the process has this build ID; 0: another; -1: cannot tell. */
static int memory_agrees(const struct ap_mapped *m, const struct ap_elf_head *h)
{
	uint8_t id[AP_ELF_BUILD_ID_MAX];
	uint64_t bias;

	if (!h->build_id_size || !ap_elf_bias(h->segments, h->n_segments, m->start, m->file_offset, &bias))
		return -1;
	if (ap_read_memory(m->pid, bias + h->build_id_address, id, h->build_id_size) != (ssize_t)h->build_id_size)
		return -1;
	return !memcmp(id, h->build_id, h->build_id_size);
}

static bool device_is_virtual(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (fs.f_type == OVERLAYFS_SUPER_MAGIC || (uint32_t)fs.f_type == BTRFS_SUPER_MAGIC);
}

static bool is_the_mapped(const struct ap_mapped *m, int fd, const struct stat *st, const struct ap_elf_head *h)
{
	bool same_inode = m->inode && st->st_ino == m->inode;
	int memory;

	if (m->build_id_size)
		return h->build_id_size >= m->build_id_size && !memcmp(h->build_id, m->build_id, m->build_id_size);
	if (same_inode && st->st_dev == makedev(m->device_major, m->device_minor))
		return true;
	if (m->inode && !same_inode && !device_is_virtual(fd)) /* what the process has there now may be another file than the event told of */
		return false;
	memory = memory_agrees(m, h);
	if (!same_inode)
		return memory == 1;
	return memory == 1 || (memory < 0 && device_is_virtual(fd));
}

/* Takes over path_fd. */
static int accept_candidate(const struct ap_mapped *m, int candidate, struct ap_opened *ret_opened)
{
	AP_AUTO_CLOSE int path_fd = candidate, fd = -1;
	struct ap_elf_head head = {0};
	struct stat st;
	char self[64];
	int r;

	if (fstat(path_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	snprintf(self, sizeof self, "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = ap_elf_head_read(&(struct ap_elf_input){.fd = fd}, &head);
	if (r < 0 && r != -ENOEXEC && r != -EBADMSG)
		return r;
	if (!is_the_mapped(m, fd, &st, &head)) {
		ap_elf_head_done(&head);
		return -ESTALE;
	}
	*ret_opened = (struct ap_opened){.elf = !r, .head = head, .size = (uint64_t)st.st_size,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
		.ctime_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec};
	ret_opened->fd = AP_STEAL_FD(fd);
	return 0;
}

static int refuse(const struct ap_mapped *m, int r, struct ap_why *why)
{
	if (r == -ESTALE)
		return ap_why(why, -r, "another file lies at %s by now than process %u has mapped", m->path, m->pid);
	if (r == -ENODEV)
		return ap_why(why, -r, "%s of process %u is not a regular file", m->path, m->pid);
	if (r == -EACCES || r == -EPERM)
		return ap_why(why, -r, "%s of process %u: %s: run as the same user, or with CAP_SYS_PTRACE", m->path, m->pid, strerror(-r));
	return ap_why(why, -r, "%s of process %u could not be opened: %s", m->path, m->pid, strerror(-r));
}

int ap_open_mapped(const struct ap_mapped *m, struct ap_opened *ret_opened, struct ap_why *why)
{
	static int (*const ways[])(const struct ap_mapped *) = {open_map_files, open_in_root, open_exe, open_plain};
	int worst = -ENOENT;

	for (size_t i = 0; i < AP_ARRAY_LEN(ways); i++) {
		bool by_path = ways[i] == open_in_root || ways[i] == open_plain;
		int fd, r;

		if (by_path && (m->deleted || m->path[0] != '/'))
			continue;
		fd = ways[i](m);
		r = fd < 0 ? fd : accept_candidate(m, fd, ret_opened);
		if (!r)
			return 0;
		/* What the path holds says more than that a link was missing or that the main program is another file. */
		if (by_path || worst == -ENOENT)
			worst = r == -ENOENT || (r == -ESTALE && ways[i] == open_exe) ? worst : r;
	}
	return refuse(m, worst, why);
}
