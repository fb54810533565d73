/* The scope that reports resolve a filter to stands behind an SQL function, so that whoever asks gets the same samples. */
#include "report/filter.h"

#include "report/scope.h"

#include <errno.h>
#include <string.h>

struct filter {
	struct report_scope scope;
	bool *events; /* by row: in the list */
};

static void filter_free(void *p)
{
	struct filter *f = p;

	if (f) {
		report_scope_done(&f->scope);
		free(f->events);
		free(f);
	}
}

/* event, thread, ts, cpu */
static void passes(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct filter *f = sqlite3_user_data(c);
	const struct report_scope *s = &f->scope;
	uint32_t event = report_row_of(s->event_ids, s->n_events, sqlite3_value_int64(v[0]));
	int64_t ts = sqlite3_value_int64(v[2]);
	bool pass = event != (uint32_t)REPORT_NO_ROW && f->events[event];

	if (pass) {
		const struct report_run *r = &s->runs[s->events[event].run];

		pass = ts >= r->from && ts < r->to && report_ranges_have(&s->cpus, sqlite3_value_int64(v[3])) &&
		       report_thread_passes(s, r, report_row_of(s->thread_ids, s->n_threads, sqlite3_value_int64(v[1])));
	}
	sqlite3_result_int(c, pass);
}

static int resolve(sqlite3 *db, const struct ap_report_filter *f, struct filter **ret, struct ap_why *why)
{
	struct ap_report_filter any = *f;
	struct filter *r = calloc(1, sizeof *r);
	int err;

	if (!r)
		return ap_why(why, ENOMEM, "out of memory");
	any.event = NULL;
	err = report_scope_load(db, &any, f->event != NULL, &r->scope, why);
	if (!err && !(r->events = calloc(r->scope.n_events + 1, sizeof *r->events)))
		err = ap_why(why, ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < r->scope.n_events; i++)
		r->events[i] = r->scope.events[i].pass && report_names_have(f->event, r->scope.events[i].name);
	if (err) {
		filter_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

int report_filter_prepare(
	sqlite3 *db, const char *select, const struct ap_report_filter *f, const char *tail, sqlite3_stmt **ret, struct ap_why *why)
{
	struct ap_buf sql = {0};
	struct filter *r = NULL;
	int err = resolve(db, f, &r, why);

	if (err)
		return err;
	/* from here on the connection owns it, also where this fails */
	if (sqlite3_create_function_v2(db, "aperture_passes", 4, SQLITE_UTF8, r, passes, NULL, NULL, filter_free))
		return ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
	if (ap_buf_printf(&sql, "%s FROM sample_row s WHERE aperture_passes(s.event, s.thread, s.ts, s.cpu) %s", select, tail))
		err = ap_why(why, ENOMEM, "out of memory");
	else if (sqlite3_prepare_v2(db, sql.data, -1, ret, NULL))
		err = ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
	ap_buf_done(&sql);
	return err;
}
