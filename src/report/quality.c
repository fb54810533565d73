/* How whole the data is, from the base tables, so that it holds for every filter and for a file without an end. */
#include "report/names.h"

#include "agg/stacks.h"

#include <errno.h>
#include <string.h>

struct counting {
	const struct report_names *names;
	int64_t *self; /* samples by stack id */
	int64_t samples;
};

static int count(void *ctx, const struct ap_selection_row *row)
{
	struct counting *c = ctx;

	if (row->stack >= 0 && (size_t)row->stack <= c->names->n_stacks)
		c->self[row->stack] += row->n;
	c->samples += row->n;
	return 0;
}

static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = 0;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* complete: the outermost frame is no cut mark. symbolised: of the frames over all samples. */
static void shares(struct counting *c, struct ap_quality *q)
{
	const struct report_names *n = c->names;
	int64_t cut = 0, frames = 0, named = 0;

	for (size_t id = n->n_stacks; id > 0; id--) {
		const struct report_frame *f = &n->frames[n->frame_of[id]];

		if (f->kind == AP_FRAME_CUT) {
			if (!n->parent[id])
				cut += c->self[id];
		} else {
			frames += c->self[id];
			named += f->named ? c->self[id] : 0;
		}
		c->self[n->parent[id]] += c->self[id];
	}
	q->complete_pct = c->samples ? 100.0 - 100.0 * (double)cut / (double)c->samples : -1;
	q->symbolised_pct = frames ? 100.0 * (double)named / (double)frames : -1;
}

int ap_report_quality(sqlite3 *db, const struct ap_report_filter *f, struct ap_quality *ret_quality, struct ap_why *why)
{
	struct ap_quality q = {0};
	struct report_names names;
	struct counting c = {.names = &names};
	int err = report_names_load(db, &names, why);

	if (err)
		return err;
	c.self = calloc(names.n_stacks + 1, sizeof *c.self);
	err = c.self ? ap_report_select(db, f, count, &c, why) : ap_why(why, ENOMEM, "out of memory");
	if (!err) {
		shares(&c, &q);
		q.samples = c.samples;
		q.runs = ask(db, "SELECT count(*) FROM run");
		q.lost = ask(db, "SELECT coalesce((SELECT sum(lost) FROM account), 0) + coalesce((SELECT sum(n) FROM loss WHERE run NOT IN "
			"(SELECT run FROM account) AND cause NOT IN ('throttled', 'not symbolised', 'filtered')), 0)");
		q.processes = ask(db, "SELECT count(*) FROM process");
		q.threads = ask(db, "SELECT count(*) FROM thread");
		q.executables = ask(db, "SELECT count(*) FROM executable");
		q.duration_ns = ask(db, "SELECT coalesce(sum(coalesce(r.end_ns - r.start_ns, (SELECT max(ts) FROM sample s WHERE s.run = r.id), 0)), 0) FROM run r");
		q.incomplete = ask(db, "SELECT count(*) FROM run WHERE end_reason IS NULL") > 0;
		*ret_quality = q;
	}
	free(c.self);
	report_names_done(&names);
	return err;
}

static int worst_modules(sqlite3 *db, struct ap_buf *b)
{
	sqlite3_stmt *st;
	int err = 0;

	if (sqlite3_prepare_v2(db, "SELECT e.why, sum(t.total_n) FROM function_total t JOIN executable e ON e.id = t.executable "
		"WHERE t.function = 0 AND e.why <> '' GROUP BY e.id ORDER BY 2 DESC LIMIT 3", -1, &st, NULL))
		return 0; /* the totals are not there yet */
	while (!err && sqlite3_step(st) == SQLITE_ROW) {
		err = ap_buf_puts(b, "# without names: ");
		if (!err)
			err = ap_escape_terminal(b, (const char *)sqlite3_column_text(st, 0));
		if (!err)
			err = ap_buf_puts(b, "\n");
	}
	sqlite3_finalize(st);
	return err;
}

int ap_report_header(sqlite3 *db, const struct ap_report_options *o, struct ap_buf *b, struct ap_why *why)
{
	struct ap_quality q;
	int err = ap_report_quality(db, &o->filter, &q, why);

	if (err)
		return err;
	err = ap_buf_printf(b, "# %lld samples in %.2f s, %lld lost", (long long)q.samples, (double)q.duration_ns / 1e9, (long long)q.lost);
	if (!err && q.samples)
		err = ap_buf_printf(b, ", %.1f %% of stacks whole, %.1f %% of frames named", q.complete_pct, q.symbolised_pct);
	if (!err)
		err = ap_buf_puts(b, q.incomplete ? "\n# incomplete: the recording did not end well\n" : "\n");
	if (!err)
		err = worst_modules(db, b);
	return err ? ap_why(why, -err, "out of memory") : 0;
}
