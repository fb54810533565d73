/* The first lines of every report. Each begins with '#', so that a reader of columns can drop them. */
#include "base/share.h"
#include "report/faults.h"

#include <errno.h>
#include <string.h>

static int put_event(const struct ap_view *v, struct ap_buf *b)
{
	const struct report_scope *s = &v->scope;
	int err = 0;

	if (!s->event)
		return 0;
	err = ap_buf_puts(b, " of ");
	if (!err)
		err = ap_escape_terminal(b, s->event);
	if (!err && s->unit[0]) {
		err = ap_buf_puts(b, " (weight in ");
		if (!err)
			err = ap_escape_terminal(b, s->unit);
		if (!err)
			err = ap_buf_puts(b, ")");
	}
	return err;
}

/* A later event of the same name was counted with the first. */
static bool named_before(const struct report_scope *s, size_t event)
{
	for (size_t i = 0; i < event; i++)
		if (!s->events[i].pass && !strcmp(s->events[i].name, s->events[event].name))
			return true;
	return false;
}

static int put_other_events(const struct ap_view *v, struct ap_buf *b)
{
	const struct report_scope *s = &v->scope;
	const char *separator = "# not shown: ";
	int err = 0;

	for (size_t i = 0; i < s->n_events && !err; i++) {
		int64_t n = 0;

		if (s->events[i].pass || !s->events[i].scope_n || named_before(s, i))
			continue;
		for (size_t k = i; k < s->n_events; k++)
			if (!s->events[k].pass && !strcmp(s->events[k].name, s->events[i].name))
				n += s->events[k].scope_n;
		err = ap_buf_printf(b, "%s%lld of ", separator, (long long)n);
		if (!err)
			err = ap_escape_terminal(b, s->events[i].name);
		separator = ", ";
	}
	return err || separator[0] == '#' ? err : ap_buf_puts(b, " (--event NAME shows another event)\n");
}

static bool same_line(const struct report_fault *a, const struct report_fault *b)
{
	return a->kind == b->kind && !strcmp(a->remedy.text, b->remedy.text);
}

/* Those that have one remedy share a line. */
static int put_faults(const struct report_faults *f, struct ap_buf *b)
{
	static const char *const titles[] = {
		[FAULT_LOST] = "# lost: ", [FAULT_CUT] = "# stacks cut: ", [FAULT_UNNAMED] = "# frames without a name: "};
	int err = 0;

	for (size_t i = 0; i < f->n && !err; i++) {
		const struct report_fault *v = &f->v[i];

		err = ap_buf_puts(b, i && same_line(v - 1, v) ? ", " : titles[v->kind]);
		if (!err)
			err = v->kind == FAULT_LOST ? ap_buf_printf(b, "%lld ", (long long)v->n) : ap_buf_printf(b, "%.1f %% ", v->pct);
		if (!err)
			err = ap_escape_terminal(b, v->what);
		if (err || (i + 1 < f->n && same_line(v, v + 1)))
			continue;
		if (v->remedy.text[0])
			err = ap_buf_puts(b, "; remedy: ");
		if (!err)
			err = ap_escape_terminal(b, v->remedy.text);
		if (!err)
			err = ap_buf_puts(b, "\n");
	}
	return err;
}

static int put_lines(sqlite3 *db, const struct ap_view *v, struct ap_buf *b)
{
	const struct ap_quality *q = &v->quality;
	struct report_faults faults;
	int err = report_faults_find(db, v, &faults);

	if (err)
		return err;
	err = ap_buf_printf(b, "# %lld samples", (long long)q->samples);
	if (!err)
		err = put_event(v, b);
	if (!err)
		err = ap_buf_printf(b, " in %.2f s", (double)q->duration_ns / 1e9);
	if (!err && q->runs > 1)
		err = ap_buf_printf(b, " of %lld runs", (long long)q->runs);
	if (!err)
		err = ap_buf_printf(b, ", %lld lost (%.2f %%)", (long long)q->lost, q->lost_pct);
	if (!err && q->samples && q->complete_pct >= 0)
		err = ap_buf_printf(b, ", %.1f %% of stacks whole", ap_share_shown(q->complete_pct));
	if (!err && q->symbolised_pct >= 0)
		err = ap_buf_printf(b, ", %.1f %% of frames named", ap_share_shown(q->symbolised_pct));
	if (!err)
		err = ap_buf_puts(b, q->incomplete ? "\n# incomplete: the recording did not end well; what is there is right\n" : "\n");
	if (!err)
		err = put_other_events(v, b);
	if (!err)
		err = put_faults(&faults, b);
	report_faults_done(&faults);
	return err;
}

int ap_view_header(sqlite3 *db, const struct ap_view *v, struct ap_buf *ret_text, struct ap_why *why)
{
	int err = put_lines(db, v, ret_text);

	return err ? ap_why(why, -err, "cannot say how whole the file is: %s", err == -EIO ? sqlite3_errmsg(db) : strerror(-err)) : 0;
}

int ap_report_header(sqlite3 *db, const struct ap_report_options *o, struct ap_buf *ret_text, struct ap_why *why)
{
	struct ap_view *v;
	int err = ap_view_open(db, &o->filter, AP_VIEW_EVENTS, &v, why);

	if (err)
		return err;
	err = ap_view_header(db, v, ret_text, why);
	ap_view_free(v);
	return err;
}

int ap_view_say_empty(const struct ap_view *v, const struct ap_report_filter *f, struct ap_buf *b)
{
	const struct report_scope *s = &v->scope;
	const char *separator = "";
	int err;

	if (!v->file_samples)
		return ap_buf_puts(b, "the file holds no samples");
	err = ap_buf_printf(b, "no sample of the file's %lld passes the filter", (long long)v->file_samples);
	if (err || !f->event || s->event)
		return err;
	err = ap_buf_puts(b, "; its events are ");
	for (size_t i = 0; i < s->n_events && !err; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= !strcmp(s->events[k].name, s->events[i].name);
		if (again)
			continue;
		err = ap_buf_puts(b, separator);
		if (!err)
			err = ap_escape_terminal(b, s->events[i].name);
		separator = ", ";
	}
	return err;
}
