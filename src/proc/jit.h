/* What a JIT leaves for profilers, kept findable after its process has ended: /tmp/perf-PID.map in the process's own root, by its pid in its
 * own pid namespace, and the jitdump that it has mapped. */
#ifndef AP_PROC_JIT_H
#define AP_PROC_JIT_H

#include "proc/tracker.h"

struct ap_jit {
	int tmp;	      /* O_PATH of /tmp in its root; -1: none, the process had ended */
	uint32_t pid;	      /* in its own namespace */
	int64_t uid;	      /* whose files are believed, beside root's and our own; -1: not known */
	uint64_t started_ns;  /* realtime; older files are another process's; 0: not known */
	const struct ap_binary *dump; /* NULL: none was mapped */
};

/* While the process lives. `start_ns` as in struct ap_process. */
void ap_jit_remember(struct ap_jit *j, const char *proc, uint32_t pid, uint64_t start_ns);
void ap_jit_done(struct ap_jit *j);

/* The perf map of a JIT binary: the one that was kept when the process ended, else what is there now; the caller closes it. A regular file
 * of the process's user, ours or root's, opened without blocking and without following links. -1: there is none. */
int ap_jit_open_map(const struct ap_binary *b);
/* Opens it and keeps it in b->fd, as the process has ended. */
void ap_jit_keep_map(struct ap_binary *b);
/* The descriptor of the jitdump, the tracker's; -1: none. */
int ap_jit_dump(const struct ap_binary *b);
/* Whether a path ends as jitdumps do: /jit-PID.dump */
bool ap_jit_is_dump(const char *path);

#endif
