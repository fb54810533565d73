/* The samples of a file as sums by (group, event, stack), in order of group. A group is what the page can take together: a thread, or, where
 * there are too many, a command of a run, or a command. */
#ifndef AP_REPORT_FLAME_SELECT_H
#define AP_REPORT_FLAME_SELECT_H

#include "base/hash.h"
#include "report/names.h"

enum flame_detail { FLAME_BY_THREAD, FLAME_BY_RUN, FLAME_BY_COMMAND };
enum { FLAME_THREADS_MAX = 64, FLAME_RUNS_MAX = 256, FLAME_GROUPS_MAX = 4096, FLAME_EVENTS_MAX = 32 };

struct flame_sum {
	uint32_t group, event;
	int64_t stack, n, weight;
};
struct flame_run {
	int64_t id;
	const char *command, *host;
	int64_t start_realtime_ns;
};
struct flame_group {
	const char *comm;
	int64_t run;	  /* id, or 0: any */
	int64_t pid, tid; /* or 0: any */
};
struct flame_event {
	int64_t id; /* of the first such event */
	const char *name, *unit, *why;
};
struct flame_selection {
	struct flame_sum *sums;
	size_t n, cap;
	struct flame_group *groups;
	size_t n_groups, groups_cap;
	struct flame_run *runs; /* every run of the file */
	size_t n_runs, runs_cap;
	struct flame_event events[FLAME_EVENTS_MAX]; /* one a name and unit; the first of the first run is first */
	size_t n_events;
	struct ap_arena strings;
};

/* `least`: no more detail than that. On failure there is nothing to free. */
int flame_select(sqlite3 *db, const struct ap_report_filter *f, const struct report_names *names, enum flame_detail least,
	struct flame_selection *ret_selection, struct ap_why *why);
void flame_selection_done(struct flame_selection *s);

#endif
