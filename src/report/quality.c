/* How whole a view is, and the lines that say so. Nothing is read from the derived tables, so that it holds for every filter and for a
 * recording that did not end well. */
#include "report/view.h"

#include "agg/stacks.h"

#include <errno.h>
#include <string.h>

/* A loss of a mapping or of a name, or a second count of a sample that is stored, is no lost sample. */
static const char LOST_SQL[] =
	"SELECT run, ts, cpu, n FROM loss WHERE cause NOT IN ('throttled', 'not symbolised', 'filtered', 'stack cut', "
	"'cold binary', 'mapping or process record lost')";

/* A run counts when the filter lets it through, by its own labels or by a process of it that has them. */
static bool in_scope(const struct report_scope *s, const struct report_run *r)
{
	return r->pass && ((r->labels & s->labels) == s->labels || r->used);
}

static const struct report_run *run_in_scope(const struct report_scope *s, int64_t id)
{
	uint32_t row = report_row_of(s->run_ids, s->n_runs, id);

	return row != (uint32_t)REPORT_NO_ROW && in_scope(s, &s->runs[row]) ? &s->runs[row] : NULL;
}

/* Sums of the accounts, which are exact; marks the runs that have one. */
static int count_accounts(sqlite3 *db, const struct report_scope *s, bool *accounted, int64_t *lost)
{
	const struct report_run *r;
	sqlite3_stmt *st;
	int rc;

	if (sqlite3_prepare_v2(db, "SELECT run, lost FROM account", -1, &st, NULL))
		return -EIO;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		r = run_in_scope(s, sqlite3_column_int64(st, 0));
		if (r) {
			accounted[r - s->runs] = true;
			*lost = report_add(*lost, sqlite3_column_int64(st, 1));
		}
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int count_losses(sqlite3 *db, const struct report_scope *s, const bool *accounted, int64_t *lost)
{
	const struct report_run *r;
	sqlite3_stmt *st;
	int64_t ts;
	int rc;

	if (sqlite3_prepare_v2(db, LOST_SQL, -1, &st, NULL))
		return -EIO;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		r = run_in_scope(s, sqlite3_column_int64(st, 0));
		ts = sqlite3_column_int64(st, 1);
		if (!r || accounted[r - s->runs] || ts < r->from || ts >= r->to)
			continue;
		if (sqlite3_column_type(st, 2) != SQLITE_NULL && !report_ranges_have(&s->cpus, sqlite3_column_int64(st, 2)))
			continue; /* a loss on no known CPU counts for every one */
		*lost = report_add(*lost, sqlite3_column_int64(st, 3));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

/* complete: the outermost frame is no cut mark. symbolised: of the frames over all samples. */
static int shares(const struct ap_view *v, struct ap_quality *q)
{
	const struct report_names *n = &v->names;
	AP_AUTO_FREE int64_t *self = calloc(n->n_stacks + 1, sizeof *self);
	int64_t cut = 0, frames = 0, named = 0;

	if (!self)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_rows; i++) {
		self[v->rows[i].stack] += v->rows[i].n;
		q->samples += v->rows[i].n;
	}
	for (size_t id = n->n_stacks; id > 0; id--) {
		const struct report_frame *f = &n->frames[n->frame_of[id]];

		if (f->kind == AP_FRAME_CUT) {
			if (!n->parent[id])
				cut += self[id];
		} else {
			frames += self[id];
			named += f->named ? self[id] : 0;
		}
		self[n->parent[id]] += self[id];
	}
	q->complete_pct = q->samples ? 100.0 - 100.0 * (double)cut / (double)q->samples : -1;
	q->symbolised_pct = frames ? 100.0 * (double)named / (double)frames : -1;
	return 0;
}

static int64_t recorded_ns(const struct report_run *r)
{
	int64_t end, from = r->from > 0 ? r->from : 0;

	if (r->end_ns < 0)
		end = r->last_ts;
	else if (__builtin_sub_overflow(r->end_ns, r->start_ns, &end))
		end = 0;
	if (r->to < end)
		end = r->to;
	return end > from ? end - from : 0;
}

static void count_runs(const struct report_scope *s, struct ap_quality *q)
{
	int64_t sampled = 0;

	for (size_t i = 0; i < s->n_runs; i++)
		if (in_scope(s, &s->runs[i])) {
			q->runs++;
			q->duration_ns = report_add(q->duration_ns, recorded_ns(&s->runs[i]));
			q->incomplete |= s->runs[i].end_ns < 0;
			sampled += s->runs[i].scope_n;
		}
	q->lost_pct = q->lost > 0 ? 100.0 * (double)q->lost / ((double)q->lost + (double)sampled) : 0;
}

/* Without a filter everything that the file knows; else what has samples. */
static int count_things(struct ap_view *v, struct ap_quality *q)
{
	struct report_scope *s = &v->scope;
	AP_AUTO_FREE bool *executables = calloc(v->names.n_executables + 1, sizeof *executables);
	AP_AUTO_FREE bool *seen = calloc(v->names.n_stacks + 1, sizeof *seen);

	if (!executables || !seen)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_threads; i++)
		if (s->threads[i].used || !s->filtered) {
			q->threads++;
			if (s->threads[i].process != (uint32_t)REPORT_NO_ROW)
				s->processes[s->threads[i].process].used = true;
		}
	for (size_t i = 0; i < s->n_processes; i++)
		q->processes += s->processes[i].used || !s->filtered;
	for (size_t i = 0; i < v->n_rows; i++)
		for (uint32_t id = v->rows[i].stack; id && !seen[id]; id = v->names.parent[id]) {
			uint32_t e = v->names.frames[v->names.frame_of[id]].executable;

			seen[id] = true;
			if (e != (uint32_t)REPORT_NO_ROW)
				executables[e] = true;
		}
	for (size_t i = 0; i < v->names.n_executables; i++)
		q->executables += executables[i] || !s->filtered;
	return 0;
}

int report_quality_fill(sqlite3 *db, struct ap_view *v, struct ap_why *why)
{
	const struct report_scope *s = &v->scope;
	AP_AUTO_FREE bool *accounted = calloc(s->n_runs + 1, sizeof *accounted);
	struct ap_quality q = {0};
	int err = accounted ? shares(v, &q) : -ENOMEM;

	/* the accounts are of a whole run: a part of one is counted from the losses as they came */
	if (!err && !s->by_time && !s->by_cpu)
		err = count_accounts(db, s, accounted, &q.lost);
	if (!err)
		err = count_losses(db, s, accounted, &q.lost);
	if (!err)
		err = count_things(v, &q);
	if (err)
		return ap_why(why, -err, "cannot read how whole the file is: %s", err == -EIO ? sqlite3_errmsg(db) : strerror(-err));
	count_runs(s, &q);
	v->quality = q;
	return 0;
}

struct ap_report_filter ap_report_base_filter(const struct ap_report_filter *f)
{
	struct ap_report_filter base = *f;

	base.host = base.run = base.pid = base.tid = NULL;
	base.labels = NULL;
	return base;
}
