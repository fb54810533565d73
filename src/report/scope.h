/* A filter, resolved once against the small tables of a file: which runs, events and threads pass, and when. The samples are then one scan
 * that looks into these arrays. */
#ifndef AP_REPORT_SCOPE_H
#define AP_REPORT_SCOPE_H

#include "report/idmap.h"
#include "report/lists.h"
#include "report/report.h"

struct report_run {
	int64_t start_ns, start_realtime_ns, end_ns; /* end_ns < 0: the recording did not end well */
	const char *uuid;
	bool pass;
	uint64_t labels;  /* which of the filter's it has */
	bool used;        /* has a sample in the selection */
	int64_t from, to; /* of ts, [from, to) */
	int64_t last_ts;  /* of the samples read */
	int64_t scope_n;  /* samples of any event in that time on those CPUs, whatever their process */
};
struct report_event {
	uint32_t run; /* in runs; REPORT_NO_ROW: none */
	int64_t seq;
	const char *name, *unit, *source, *why;
	bool pass;
	int64_t scope_n; /* samples that pass all but the choice of the event */
};
struct report_thread {
	uint32_t process; /* in processes; REPORT_NO_ROW: none */
	uint32_t comm;    /* in comms */
	int64_t tid;
	bool pass, used; /* used: has a sample in the selection */
};
struct report_process {
	int64_t pid;
	bool pass, used;
	uint64_t labels;
};
struct report_scope {
	struct report_run *runs;
	int64_t *run_ids;
	size_t n_runs;
	struct report_event *events;
	int64_t *event_ids;
	size_t n_events;
	struct report_thread *threads;
	int64_t *thread_ids;
	size_t n_threads;
	struct report_process *processes;
	int64_t *process_ids;
	size_t n_processes;
	const char **comms; /* distinct names of threads, sorted; the first is "" */
	size_t n_comms, comms_cap;
	struct report_ranges cpus;
	uint64_t labels; /* what a sample needs, from its run or its process */
	bool by_time, by_cpu, by_thread;
	bool filtered;            /* any filter but the choice of the event */
	const char *event, *unit; /* of the one event shown; NULL: all, or none there */
	struct ap_arena strings;
};

int report_scope_load(sqlite3 *db, const struct ap_report_filter *f, bool all_events, struct report_scope *ret_scope, struct ap_why *why);
/* The part of the thread (its row; REPORT_NO_ROW where it has none), its process and the labels. */
bool report_thread_passes(const struct report_scope *s, const struct report_run *r, uint32_t thread);
/* The parts of loading: marks the events that pass; gives runs and processes a bit for each label they have (0 or -EIO). */
void report_scope_choose_event(struct report_scope *s, const char *name, bool all);
int report_scope_labels(sqlite3 *db, const char *const *labels, struct report_scope *s);
int report_labels_check(const char *const *labels, struct ap_why *why);
void report_scope_done(struct report_scope *s);

#endif
