/* Which event a report is of where none is named, and which runs and processes have the labels asked for. */
#include "report/scope.h"

#include <errno.h>
#include <string.h>

static bool in_passing_run(const struct report_scope *s, const struct report_event *e)
{
	return e->run != (uint32_t)REPORT_NO_ROW && s->runs[e->run].pass;
}

/* The filter's event, or the one that is first in most of the runs. */
static const struct report_event *chosen_event(const struct report_scope *s, const char *name)
{
	const struct report_event *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < s->n_events; i++) {
		const struct report_event *e = &s->events[i];
		size_t n = 0;

		if (!in_passing_run(s, e) || (name ? strcmp(e->name, name) != 0 : e->seq != 0))
			continue;
		for (size_t k = 0; k < s->n_events && !name; k++)
			n += in_passing_run(s, &s->events[k]) && s->events[k].seq == 0 && !strcmp(s->events[k].name, e->name);
		if (!best || n > best_n)
			best = e, best_n = n;
		if (name || n == s->n_runs)
			break;
	}
	return best;
}

void report_scope_choose_event(struct report_scope *s, const char *name, bool all)
{
	const struct report_event *chosen = all && !name ? NULL : chosen_event(s, name);

	for (size_t i = 0; i < s->n_events; i++) {
		struct report_event *e = &s->events[i];

		/* never two units in one sum */
		e->pass = in_passing_run(s, e) &&
			  ((all && !name) || (chosen && !strcmp(e->name, chosen->name) && !strcmp(e->unit, chosen->unit)));
	}
	if (chosen) {
		s->event = chosen->name;
		s->unit = chosen->unit;
	}
}

/* Labels become bits: a sample needs all of them, each from its run or from its process. */
static int mark_labels(sqlite3 *db, struct report_scope *s, const char *sql, const char *label, uint64_t bit, bool of_runs)
{
	size_t key = strcspn(label, "=");
	sqlite3_stmt *st;
	uint32_t row;
	int rc;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return -EIO;
	sqlite3_bind_text(st, 1, label, (int)key, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, label + key + 1, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0);

		row = of_runs ? report_row_of(s->run_ids, s->n_runs, id) : report_row_of(s->process_ids, s->n_processes, id);
		if (row != (uint32_t)REPORT_NO_ROW)
			*(of_runs ? &s->runs[row].labels : &s->processes[row].labels) |= bit;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int report_scope_labels(sqlite3 *db, const char *const *labels, struct report_scope *s)
{
	int err = 0;

	for (size_t i = 0; !err && labels && labels[i]; i++) {
		uint64_t bit = (uint64_t)1 << i;

		s->labels |= bit;
		err = mark_labels(db, s, "SELECT run FROM run_label WHERE key = ?1 AND value = ?2", labels[i], bit, true);
		if (!err)
			err = mark_labels(db, s, "SELECT process FROM process_label WHERE key = ?1 AND value = ?2", labels[i], bit, false);
	}
	return err;
}

int report_labels_check(const char *const *labels, struct ap_why *why)
{
	for (size_t i = 0; labels && labels[i]; i++) {
		if (i == AP_REPORT_LABELS_MAX)
			return ap_why(why, E2BIG, "--label: more than %d", AP_REPORT_LABELS_MAX);
		if (!strchr(labels[i], '=') || labels[i][0] == '=')
			return ap_why(why, EINVAL, "--label %s: give KEY=VALUE", labels[i]);
	}
	return 0;
}
