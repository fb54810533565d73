/* The tables of processes and threads behind the tracker: found by number, ended by number, forgotten after a grace. Private to src/proc. */
#ifndef AP_PROC_PROCESS_H
#define AP_PROC_PROCESS_H

#include "base/hash.h"
#include "proc/maps.h"
#include "proc/scan.h"
#include "proc/tracker.h"

struct ap_proc;

struct ap_task {
	struct ap_thread t; /* t.id 0: no row was said yet */
	struct ap_proc *proc;
	struct ap_task *next, **at;  /* of the same process; what points to this one */
	struct ap_task *older, *newer; /* in the list of the ended */
	uint64_t end_ns;	     /* 0: lives */
	uint32_t slot;
};

struct ap_proc {
	struct ap_process p;	/* p.id 0: no row was said yet */
	struct ap_maps *maps;	/* NULL: none; shared with forks */
	struct ap_binary *jit;	/* NULL: none yet */
	const struct ap_binary *jitdump; /* that it has mapped; NULL: none */
	struct ap_binary *exe;	/* what the last exec runs; NULL: not known */
	struct ap_task *tasks;
	struct ap_about about;	/* strings NULL before the first row */
	struct ap_proc *less, *more; /* in the list by use */
	uint64_t fork_ns, exec_ns, scan_ns, end_ns; /* monotonic; 0: not seen */
	uint64_t miss_next_ns, miss_wait_ns, user_next_ns; /* fresh.c: when to look again after a miss, and how long after that; when to ask for the user */
	int64_t user;		/* effective; -1: not known */
	uint32_t slot, n_live, parent_pid, doubts /* as of the last check */;
	uint64_t maps_version; /* changes with the mappings */
	bool comm_unknown;	/* nothing has said its name yet: say.c looks for it */
	bool maps_known;	/* by a scan, an exec or the parent */
	bool start_settled;	/* /proc was asked for the start time, or could not be */
};

/* Numbers to pointers. */
struct ap_number_slot {
	uint32_t number;
	void *item; /* NULL: free */
};
struct ap_number_table {
	struct ap_index ix;
	struct ap_number_slot *v;
	size_t n, cap;
	uint32_t *free_slots;
	size_t n_free, cap_free;
};

struct ap_processes {
	struct ap_number_table pids, tids;
	struct ap_task *oldest, *newest; /* the ended, by end_ns */
	struct ap_proc *least, *most;	 /* all, by use */
	size_t n, max;
	uint64_t seen, seen_tasks, evicted;
};

void ap_processes_done(struct ap_processes *ps);
struct ap_proc *ap_processes_find(const struct ap_processes *ps, uint32_t pid); /* NULL: none */
struct ap_task *ap_processes_task(const struct ap_processes *ps, uint32_t tid); /* NULL: none */
/* Whoever had the number before is forgotten. NULL: out of memory. */
struct ap_proc *ap_processes_add(struct ap_processes *ps, uint32_t pid, uint64_t start_ns, const char comm[16]);
struct ap_task *ap_processes_add_task(struct ap_processes *ps, struct ap_proc *p, uint32_t tid, uint64_t start_ns, const char comm[16]);
void ap_processes_touch(struct ap_processes *ps, struct ap_proc *p);
void ap_processes_end_task(struct ap_processes *ps, struct ap_task *t, uint64_t time_ns);
/* Forgets what ended before time_ns. */
void ap_processes_reap(struct ap_processes *ps, uint64_t time_ns);

#endif
