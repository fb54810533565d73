/* The sums of a view by (group, event, stack), in order of group, then of stack. A group is what the page can take together: a thread, or,
 * where there are too many, a command of a run, or a command. */
#ifndef AP_REPORT_FLAME_SELECT_H
#define AP_REPORT_FLAME_SELECT_H

#include "base/hash.h"
#include "report/view.h"

enum flame_detail { FLAME_BY_THREAD, FLAME_BY_RUN, FLAME_BY_COMMAND };
enum { FLAME_THREADS_MAX = 64, FLAME_RUNS_MAX = 256, FLAME_GROUPS_MAX = 4096, FLAME_EVENTS_MAX = 32 };

struct flame_run {
	int64_t id;
	const char *command, *host;
	int64_t start_realtime_ns;
};
struct flame_group {
	const char *comm;
	int64_t run;      /* id, or 0: any */
	int64_t pid, tid; /* or 0: any */
};
struct flame_event {
	const char *name, *unit, *why;
};
struct flame_selection {
	const struct ap_view *view;
	uint32_t *order;         /* places in view->sums; NULL: as they are */
	uint32_t *event, *group; /* numbers below, by part of the view */
	struct flame_group *groups;
	size_t n_groups, groups_cap;
	struct flame_run *runs; /* every run of the file */
	size_t n_runs, runs_cap;
	struct flame_event events[FLAME_EVENTS_MAX]; /* one a name and unit; the first of the first run is first */
	size_t n_events;
	struct ap_arena strings;
};

/* `view` is AP_VIEW_PAGE and outlives the selection. `least`: no more detail than that. On failure there is nothing to free. */
int flame_select(
	sqlite3 *db, const struct ap_view *view, enum flame_detail least, struct flame_selection *ret_selection, struct ap_why *why);
void flame_selection_done(struct flame_selection *s);

#endif
