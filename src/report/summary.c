/* What was recorded and how whole it is, of every event together unless the filter names one: a JSON object, a CSV of one row, or lines. */
#include "report/faults.h"
#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Events of the same name, source and reason in many runs are one line; their samples are counted together, their weights never are. */
static bool same_event(const struct report_event *a, const struct report_event *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->source, b->source) && !strcmp(a->why, b->why) && !strcmp(a->unit, b->unit);
}

static bool first_of_its_kind(const struct report_scope *s, size_t i, int64_t *ret_samples)
{
	*ret_samples = 0;
	for (size_t k = 0; k < s->n_events; k++)
		if (s->events[k].pass && same_event(&s->events[k], &s->events[i])) {
			if (k < i)
				return false;
			*ret_samples += s->events[k].scope_n;
		}
	return s->events[i].pass;
}

static int put_member(struct ap_buf *b, const char *name, const char *value)
{
	int err = ap_buf_printf(b, ", \"%s\": ", name);

	return err ? err : ap_escape_json(b, value);
}

static int put_events(struct ap_buf *b, const struct report_scope *s)
{
	const char *separator = "";
	int64_t samples;
	int err = ap_buf_puts(b, ", \"events\": [");

	for (size_t i = 0; i < s->n_events && !err; i++) {
		const struct report_event *e = &s->events[i];

		if (!first_of_its_kind(s, i, &samples))
			continue;
		err = ap_buf_printf(b, "%s{\"name\": ", separator);
		if (!err)
			err = ap_escape_json(b, e->name);
		if (!err)
			err = ap_buf_printf(b, ", \"samples\": %lld", (long long)samples);
		if (!err)
			err = put_member(b, "unit", e->unit);
		if (!err)
			err = put_member(b, "source", e->source);
		if (!err)
			err = put_member(b, "why", e->why);
		if (!err)
			err = ap_buf_puts(b, "}");
		separator = ", ";
	}
	return err ? err : ap_buf_puts(b, "]");
}

static bool source_before(const struct report_scope *s, size_t event)
{
	for (size_t i = 0; i < event; i++)
		if (s->events[i].pass && !strcmp(s->events[i].source, s->events[event].source))
			return true;
	return false;
}

static int put_sources(struct ap_buf *b, const struct report_scope *s)
{
	const char *separator = "";
	int err = ap_buf_puts(b, ", \"sources\": [");

	for (size_t i = 0; i < s->n_events && !err; i++) {
		if (!s->events[i].pass || source_before(s, i))
			continue;
		err = ap_buf_puts(b, separator);
		if (!err)
			err = ap_escape_json(b, s->events[i].source);
		separator = ", ";
	}
	return err ? err : ap_buf_puts(b, "]");
}

static int put_faults(struct ap_buf *b, const struct report_faults *f)
{
	static const char *const kinds[] = {[FAULT_LOST] = "lost", [FAULT_CUT] = "cut", [FAULT_UNNAMED] = "unnamed"};
	int err = ap_buf_puts(b, ", \"missing\": [");

	for (size_t i = 0; i < f->n && !err; i++) {
		err = ap_buf_printf(b, "%s{\"kind\": \"%s\", \"n\": %lld, \"pct\": %.4f", i ? ", " : "", kinds[f->v[i].kind],
			(long long)f->v[i].n, f->v[i].pct);
		if (!err)
			err = put_member(b, "what", f->v[i].what);
		if (!err)
			err = put_member(b, "remedy", f->v[i].remedy.text);
		if (!err)
			err = ap_buf_puts(b, "}");
	}
	return err ? err : ap_buf_puts(b, "]");
}

static int put_share(struct ap_buf *b, const char *name, double pct)
{
	return pct < 0 ? ap_buf_printf(b, ", \"%s\": null", name) : ap_buf_printf(b, ", \"%s\": %.2f", name, pct);
}

static const char *first_source(const struct report_scope *s)
{
	for (size_t i = 0; i < s->n_events; i++)
		if (s->events[i].pass)
			return s->events[i].source;
	return "";
}

static int json(const struct ap_view *v, const struct report_faults *faults, struct ap_buf *b)
{
	const struct ap_quality *q = &v->quality;
	int err = ap_buf_puts(b, "{\"source\": ");

	if (!err)
		err = ap_escape_json(b, first_source(&v->scope));
	if (!err)
		err = ap_buf_printf(b, ", \"runs\": %lld, \"duration_s\": %.6f, \"samples\": %lld, \"lost\": %lld, \"lost_pct\": %.4f",
			(long long)q->runs, (double)q->duration_ns / 1e9, (long long)q->samples, (long long)q->lost, q->lost_pct);
	if (!err)
		err = put_share(b, "complete_pct", q->complete_pct);
	if (!err)
		err = put_share(b, "symbolised_pct", q->symbolised_pct);
	if (!err)
		err = ap_buf_printf(b, ", \"processes\": %lld, \"threads\": %lld, \"executables\": %lld", (long long)q->processes,
			(long long)q->threads, (long long)q->executables);
	if (!err)
		err = put_events(b, &v->scope);
	if (!err)
		err = put_sources(b, &v->scope);
	if (!err)
		err = put_faults(b, faults);
	return err ? err : ap_buf_printf(b, ", \"incomplete\": %s}\n", q->incomplete ? "true" : "false");
}

static int csv(const struct ap_view *v, const struct ap_report_options *o, FILE *out)
{
	static const struct report_column columns[] = {{"source", CELL_TEXT, 0, false}, {"runs", CELL_INT, 0, false},
		{"duration_s", CELL_REAL, 0, false}, {"samples", CELL_INT, 0, false}, {"lost", CELL_INT, 0, false},
		{"lost_pct", CELL_REAL, 0, false}, {"complete_pct", CELL_REAL, 0, false}, {"symbolised_pct", CELL_REAL, 0, false},
		{"processes", CELL_INT, 0, false}, {"threads", CELL_INT, 0, false}, {"executables", CELL_INT, 0, false},
		{"incomplete", CELL_INT, 0, false}};
	const struct ap_quality *q = &v->quality;
	const struct report_value values[] = {{.text = first_source(&v->scope)}, {.integer = q->runs},
		{.real = (double)q->duration_ns / 1e9}, {.integer = q->samples}, {.integer = q->lost}, {.real = q->lost_pct},
		{.real = q->complete_pct < 0 ? NAN : q->complete_pct}, {.real = q->symbolised_pct < 0 ? NAN : q->symbolised_pct},
		{.integer = q->processes}, {.integer = q->threads}, {.integer = q->executables}, {.integer = q->incomplete}};
	struct report_table t = {.columns = columns, .n_columns = AP_ARRAY_LEN(columns), .o = o, .out = out};
	int err = report_table_begin(&t), end;

	if (!err)
		err = report_table_row(&t, values);
	end = report_table_end(&t);
	return err ? err : end;
}

/* The header says the rest. */
static int text(const struct ap_view *v, struct ap_buf *b)
{
	const struct ap_quality *q = &v->quality;
	int64_t samples;
	int err = ap_buf_printf(b, "%-12s %lld\n%-12s %lld\n%-12s %lld\n%-12s %lld\n", "runs", (long long)q->runs, "processes",
		(long long)q->processes, "threads", (long long)q->threads, "executables", (long long)q->executables);

	for (size_t i = 0; i < v->scope.n_events && !err; i++) {
		const struct report_event *e = &v->scope.events[i];

		if (!first_of_its_kind(&v->scope, i, &samples))
			continue;
		err = ap_buf_printf(b, "%-12s %lld samples of ", "event", (long long)samples);
		if (!err)
			err = ap_escape_terminal(b, e->name);
		if (!err)
			err = ap_buf_puts(b, ", source ");
		if (!err)
			err = ap_escape_terminal(b, e->source);
		if (!err && e->why[0])
			err = ap_buf_puts(b, ": ");
		if (!err)
			err = ap_escape_terminal(b, e->why);
		if (!err)
			err = ap_buf_puts(b, "\n");
	}
	return err;
}

int ap_report_summary(sqlite3 *db, const struct ap_view *v, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct report_faults faults;
	struct ap_buf b = {0};
	int err = report_faults_find(db, v, &faults);

	if (err)
		return ap_why(why, -err, "cannot write the summary: %s", strerror(-err));
	err = o->format == AP_FORMAT_CSV ? csv(v, o, out) : o->format == AP_FORMAT_JSON ? json(v, &faults, &b) : text(v, &b);
	if (!err && b.len && fputs(b.data, out) < 0)
		err = -EIO;
	ap_buf_done(&b);
	report_faults_done(&faults);
	return err ? ap_why(why, -err, "cannot write the summary: %s", strerror(-err)) : 0;
}
