/* A source of events: a const table of operations. Sources: perf (perf_event mmap rings), bpf, gpu, and replay (a stored event file).
 * All calls of one source come from one thread. Calls go probe, open, start, {fd, drain}*, stop, drain until 0, stats, free. */
#ifndef AP_EVENT_SOURCE_H
#define AP_EVENT_SOURCE_H

#include "base/why.h"
#include "event/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum ap_call_graph { AP_CALL_GRAPH_AUTO, AP_CALL_GRAPH_DWARF, AP_CALL_GRAPH_FP, AP_CALL_GRAPH_NONE };

/* What to watch. Plain data; the caller owns the arrays, which must outlive the source. */
struct ap_source_config {
	/* target: pids and tids, or all. Children and new threads of a target are followed. */
	const pid_t *pids;
	size_t n_pids;
	const pid_t *tids; /* these threads alone, and what they create */
	size_t n_tids;
	bool all;
	bool enable_on_exec; /* the one pid is our child, stopped before exec: begin at its exec */
	/* Narrowing; ignored when empty. A source that knows a hit's user leaves others out and counts them as filtered; what it hands over all
	 * the same is the pipeline's to sort out, from /proc. */
	const int *cpus;
	size_t n_cpus;
	bool has_uid;
	uid_t uid;
	const char *cgroup; /* NULL, or a path under the cgroup v2 mount */
	/* events: names as -e takes them; none: cycles:P, else cycles, else cpu-clock */
	const char *const *events;
	size_t n_events;
	uint64_t frequency_hz; /* 0 when period is set; UINT64_MAX: as fast as the kernel allows */
	uint64_t period;       /* 0 when frequency_hz is set */
	enum ap_call_graph call_graph;
	uint32_t stack_dump_bytes; /* for DWARF: 0 = the source's default; at most 65,528 - room for the record */
	uint64_t max_memory;	   /* bytes that rings may take in all; 0: the source's default */
	bool measure;		   /* the source's own cost too, where it can */
	bool keep_dump;		   /* a source that unwinds hands over what it unwound from beside its frames, where that has room: tests compare */
	const char *replay_path;   /* replay only */
};

/* Can it run here? `usable` false: why.text is one sentence with the failing call, the cause and the one least-privilege remedy.
 * `usable` true: why.text may say what is missing all the same ("user space only: ..."), else "". */
struct ap_probe {
	bool usable;
	struct ap_why why;
};

/* One sampled event as it was opened. Strings live as long as the source. */
struct ap_source_event {
	const char *name;      /* as perf would print it: "cycles:P", "cpu-clock:u" */
	const char *why;       /* why this and not what was asked for; "" when as asked */
	uint64_t frequency_hz; /* after clamping; 0 with a period */
	uint64_t period;
	bool user_only;	       /* kernel samples excluded */
};

/* How long the source's own program took for one hit. */
struct ap_source_cost {
	uint64_t n, median_ns, p99_ns; /* n 0: not measured */
};

/* The identity that holds at the end: seen = stored + filtered + the sum of lost. */
struct ap_source_stats {
	uint64_t seen;	   /* hits of sampled events, as the kernel counted where it can tell */
	uint64_t stored;   /* samples handed to the sink */
	uint64_t filtered;
	uint64_t lost[AP_LOSS_COUNT]; /* by enum ap_loss_cause */
	uint64_t wakeups, drains;
	uint64_t cold; /* of the stored: they came with registers and stack, because the source could not unwind them itself */
	struct ap_source_cost hit, unwind; /* where cfg.measure was set and the source can tell */
};

/* What the rest of the pipeline teaches a source that asks for it (DESIGN.md section 3). The arrays live only until the call returns, a table
 * until the source is freed or told so by a later AP_LEARNED_BINARY. Saying the same again costs little and changes nothing. */
enum ap_learned_kind {
	AP_LEARNED_PROCESS, /* pid: these are all its executable mappings now, as of `version` */
	AP_LEARNED_CHANGED, /* pid: its mappings have changed; 1 comes back where the source wants them now */
	AP_LEARNED_GONE,    /* pid: it has ended, or runs a new program: forget its mappings */
	AP_LEARNED_BINARY,  /* binary: how its code is unwound */
};
enum ap_learned_unwind { AP_LEARNED_TABLE, AP_LEARNED_FRAME_POINTERS, AP_LEARNED_NOTHING /* the stack ends, with `end` */ };
struct ap_learned_mapping {
	uint64_t start, end, bias; /* address - bias = what the binary's table is sorted by */
	uint32_t binary;	   /* its id, from 1 */
};
struct ap_unwind_table;
struct ap_learned {
	enum ap_learned_kind kind;
	uint32_t pid;
	uint64_t version;
	const struct ap_learned_mapping *mappings; /* sorted by start, never overlapping */
	size_t n_mappings;
	uint32_t binary;
	enum ap_learned_unwind unwind;
	const struct ap_unwind_table *table; /* AP_LEARNED_TABLE */
	enum ap_stack_end end;		     /* AP_LEARNED_NOTHING */
};

struct ap_source; /* each implementation's own */

struct ap_source_ops {
	const char *name;
	void (*probe)(const struct ap_source_config *cfg, struct ap_probe *ret_probe);
	/* 0, or negative errno and why. Opens everything that needs privilege; nothing is recorded yet. */
	int (*open)(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why);
	size_t (*events)(const struct ap_source *s, const struct ap_source_event **ret_events); /* how many; in index order */
	int (*start)(struct ap_source *s, struct ap_why *why);
	int (*fd)(const struct ap_source *s); /* poll for POLLIN: something is worth draining; -1: drain by timer alone */
	int (*wait_ms)(const struct ap_source *s); /* the longest time from one drain to the next, however quiet fd is; NULL: 20 */
	/* Hands over at most about `budget` bytes of events, in order of time. Returns 1 when more is ready, 0 when empty for now, or
	 * negative errno. After stop: 0 means that nothing will come any more. LOST events come through here too. */
	int (*drain)(struct ap_source *s, const struct ap_sink *sink, size_t budget);
	bool (*ended)(struct ap_source *s); /* every target is gone (or the file is at its end) */
	int (*stop)(struct ap_source *s);	  /* no new events from here on; what is in the rings can still be drained */
	int (*learn)(struct ap_source *s, const struct ap_learned *what); /* NULL where the source has no use for it */
	void (*stats)(const struct ap_source *s, struct ap_source_stats *ret_stats);
	struct ap_source *(*free)(struct ap_source *s); /* accepts NULL and half-built; returns NULL */
};

#endif
