/* The tracker's inside, for tracker.c (events), known.c (questions and /proc) and say.c (rows). Private to src/proc. */
#ifndef AP_PROC_PRIVATE_H
#define AP_PROC_PRIVATE_H

#include "proc/binary.h"
#include "proc/kernel.h"
#include "proc/process.h"

#define AP_NO_PID UINT32_MAX /* how the kernel numbers a task whose pid was given back already: its last steps are sampled too */

/* The id that a natural key was given, so that a process or thread that was forgotten and comes back keeps its row. */
struct ap_row_key {
	uint64_t a, b;
};
struct ap_row_ids {
	struct ap_index ix;
	struct ap_row_key *v; /* id i at index i - 1 */
	size_t n, cap;
};
/* 0: out of memory. */
uint32_t ap_row_ids_get(struct ap_row_ids *ids, struct ap_row_key key);
void ap_row_ids_done(struct ap_row_ids *ids);

struct ap_tracker {
	struct ap_tracker_rows rows;
	char *proc; /* "/proc" */
	char boot[9]; /* first digits of the boot id */
	struct ap_processes ps;
	struct ap_binaries *binaries;
	struct ap_kernel *kernel;
	struct ap_row_ids process_ids, thread_ids;
	uint32_t n_mapping_ids;
	unsigned char *binary_said; /* by id */
	size_t cap_said;
	uint64_t now_ns;      /* of the last event */
	int64_t boot_offset;  /* BOOTTIME - MONOTONIC */
	uint64_t n_layout_changes;
	struct ap_learned_mapping *layout; /* what ap_tracker_layout handed out last */
	size_t layout_cap;
	uint64_t n_mappings;  /* seen in all */
	uint32_t doubts;      /* how often records were lost */
	bool replayed;
};

/* say.c: rows. Each says what it refers to first. Without memory for an id, nothing is said. */
void ap_say_binary(struct ap_tracker *t, const struct ap_binary *b);
void ap_say_process(struct ap_tracker *t, struct ap_proc *p); /* once more where it was said: it has changed */
void ap_say_exec(struct ap_tracker *t, const struct ap_proc *p);
void ap_say_task(struct ap_tracker *t, struct ap_task *task);
void ap_say_mapping(struct ap_tracker *t, struct ap_proc *p, struct ap_map_entry *e, uint64_t to_ns);
void ap_settle_start(struct ap_tracker *t, struct ap_proc *p);
void ap_learn_parent(struct ap_tracker *t, struct ap_proc *p, uint32_t parent_pid); /* by its end alone; does not say it */
/* Since boot, truncated as a start is. */
uint64_t ap_boot_time_ns(const struct ap_tracker *t, uint64_t time_ns);

/* layout.c: one process's mappings. */
struct ap_layout_change {
	uint64_t time_ns; /* 0: was there before */
	struct ap_mapped m; /* path as the kernel says it */
};
void ap_layout_put(struct ap_tracker *t, struct ap_proc *p, const struct ap_layout_change *c);
void ap_layout_clear(struct ap_tracker *t, struct ap_proc *p, uint64_t start, uint64_t end, uint64_t time_ns);
void ap_layout_drop(struct ap_tracker *t, struct ap_proc *p, uint64_t time_ns); /* all of it: exec */
void ap_layout_end(struct ap_tracker *t, struct ap_proc *p);			  /* says when each ended; they stay through the grace */
/* Makes the mappings this process's own. False: out of memory or none. */
bool ap_layout_own(struct ap_proc *p);

/* fresh.c */
struct ap_proc *ap_fresh_process(struct ap_tracker *t, struct ap_proc *p); /* who has the pid now; NULL: out of memory */
bool ap_fresh_after_miss(struct ap_tracker *t, struct ap_proc *p);	     /* an address was in no mapping; true: look again */

/* known.c */
struct ap_proc *ap_known_process(struct ap_tracker *t, uint32_t pid); /* scans what was never seen; NULL: out of memory */
void ap_known_maps(struct ap_tracker *t, struct ap_proc *p);
void ap_known_holes(struct ap_tracker *t, struct ap_proc *p); /* the same, but leaves what is known as it is */

#endif
