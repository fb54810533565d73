/* What /proc says of one process, as plain data. The bytes are another process's to choose: names, arguments, paths. */
#ifndef AP_PROC_SCAN_H
#define AP_PROC_SCAN_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct ap_stat {
	uint64_t start_ns; /* boot time, truncated to 10 ms */
	uint32_t parent;   /* pid */
	bool kernel;	   /* a kernel thread */
	char comm[16];
};
/* /proc/PID/stat, or /proc/PID/task/TID/stat where tid is not 0. 0, -ESRCH, -EBADMSG, or what /proc refused. */
int ap_scan_stat(const char *proc, uint32_t pid, uint32_t tid, struct ap_stat *ret_stat);
int ap_stat_parse(const char *text, size_t n, struct ap_stat *ret_stat); /* NUL-terminated at n; 0 or -EBADMSG */

/* Calls `found` for each numeric name in a folder of /proc. 0 or negative errno. */
int ap_scan_numbers(const char *path, void (*found)(void *ctx, uint32_t number), void *ctx);

/* One line of /proc/PID/maps. `path` points into the line, "" for anonymous memory. */
struct ap_maps_line {
	uint64_t start, end, file_offset, inode;
	uint32_t device_major, device_minor;
	bool executable;
	const char *path;
};
/* Takes a NUL-terminated line without its newline, and unescapes it in place. False: malformed. */
bool ap_maps_line_parse(char *line, struct ap_maps_line *ret_line);
/* Calls `found` for each executable mapping. 0, -ESRCH, or what /proc refused. */
int ap_scan_maps(const char *proc, uint32_t pid, void (*found)(void *ctx, const struct ap_maps_line *line), void *ctx);

enum { AP_CMDLINE_MAX = 4096 };
/* Who and what a process is. Text that /proc does not give stays "". */
struct ap_about {
	int64_t uid; /* effective; -1: not known */
	char *cmdline, *cgroup, *container; /* heap, never NULL */
};
int ap_scan_about(const char *proc, uint32_t pid, struct ap_about *ret_about); /* 0 or -ENOMEM */
int ap_scan_user(const char *proc, uint32_t pid, int64_t *ret_uid); /* the effective one; 0, -ESRCH, -EBADMSG, or what /proc refused */
void ap_about_done(struct ap_about *a);

/* The cgroup's path out of /proc/PID/cgroup: that of version 2, else the longest. "" where it is the root. Heap; NULL: no memory. */
char *ap_cgroup_path(const char *text);
/* The container's id in a cgroup path, 64 hex digits, or "" : docker, containerd, cri-o, podman, Kubernetes. Heap; NULL: no memory. */
char *ap_cgroup_container(const char *path);

#endif
