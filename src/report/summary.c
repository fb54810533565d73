/* What was recorded and how whole it is: one JSON object, or the same as "key value" lines or a CSV of one row. */
#include "report/table.h"

#include <errno.h>
#include <string.h>

static int put_events(sqlite3 *db, struct ap_buf *b)
{
	sqlite3_stmt *st;
	const char *separator = "";
	int err = 0;

	if (sqlite3_prepare_v2(db, "SELECT e.name, (SELECT count(*) FROM sample s WHERE s.event = e.id), e.source, e.why FROM event e ORDER BY e.run, e.seq",
		-1, &st, NULL))
		return -EIO;
	while (!err && sqlite3_step(st) == SQLITE_ROW) {
		err = ap_buf_printf(b, "%s{\"name\": ", separator);
		if (!err)
			err = ap_escape_json(b, (const char *)sqlite3_column_text(st, 0));
		if (!err)
			err = ap_buf_printf(b, ", \"samples\": %lld, \"source\": ", (long long)sqlite3_column_int64(st, 1));
		if (!err)
			err = ap_escape_json(b, (const char *)sqlite3_column_text(st, 2));
		if (!err)
			err = ap_buf_puts(b, ", \"why\": ");
		if (!err)
			err = ap_escape_json(b, (const char *)sqlite3_column_text(st, 3));
		if (!err)
			err = ap_buf_puts(b, "}");
		separator = ", ";
	}
	sqlite3_finalize(st);
	return err;
}

static int put_sources(sqlite3 *db, struct ap_buf *b, char *ret_first, size_t room)
{
	sqlite3_stmt *st;
	int err = 0, n = 0;

	ret_first[0] = '\0';
	if (sqlite3_prepare_v2(db, "SELECT DISTINCT source FROM event ORDER BY 1", -1, &st, NULL))
		return -EIO;
	while (!err && sqlite3_step(st) == SQLITE_ROW) {
		if (n++)
			err = ap_buf_puts(b, ", ");
		else
			snprintf(ret_first, room, "%s", (const char *)sqlite3_column_text(st, 0));
		if (!err)
			err = ap_escape_json(b, (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	return err;
}

static int json(const struct ap_quality *q, double lost_pct, const char *source, const char *events, const char *sources, FILE *out)
{
	struct ap_buf b = {0};
	int err = ap_escape_json(&b, source);

	if (!err && fprintf(out,
		"{\"source\": %s, \"runs\": %lld, \"duration_s\": %.6f, \"samples\": %lld, \"lost\": %lld, \"lost_pct\": %.4f, \"complete_pct\": %.2f, "
		"\"symbolised_pct\": %.2f, \"processes\": %lld, \"threads\": %lld, \"executables\": %lld, \"events\": [%s], \"sources\": [%s], "
		"\"incomplete\": %s}\n", b.data, (long long)q->runs, (double)q->duration_ns / 1e9, (long long)q->samples, (long long)q->lost, lost_pct,
		q->complete_pct < 0 ? 0 : q->complete_pct, q->symbolised_pct < 0 ? 0 : q->symbolised_pct, (long long)q->processes,
		(long long)q->threads, (long long)q->executables, events, sources, q->incomplete ? "true" : "false") < 0)
		err = -EIO;
	ap_buf_done(&b);
	return err;
}

static int table(const struct ap_quality *q, double lost_pct, const char *source, enum ap_report_format format, FILE *out)
{
	static const struct report_column columns[] = {{"source", CELL_TEXT, 8}, {"runs", CELL_INT, 5}, {"duration_s", CELL_REAL, 10},
		{"samples", CELL_INT, 10}, {"lost", CELL_INT, 8}, {"lost_pct", CELL_REAL, 8}, {"complete_pct", CELL_REAL, 12},
		{"symbolised_pct", CELL_REAL, 14}, {"processes", CELL_INT, 9}, {"threads", CELL_INT, 7}, {"executables", CELL_INT, 11},
		{"incomplete", CELL_INT, 10}};
	const struct report_value values[] = {{.text = source}, {.integer = q->runs}, {.real = (double)q->duration_ns / 1e9}, {.integer = q->samples},
		{.integer = q->lost}, {.real = lost_pct}, {.real = q->complete_pct}, {.real = q->symbolised_pct}, {.integer = q->processes},
		{.integer = q->threads}, {.integer = q->executables}, {.integer = q->incomplete}};
	struct report_table t = {.columns = columns, .n_columns = AP_ARRAY_LEN(columns), .format = format, .out = out};
	int err = report_table_begin(&t), end;

	if (!err)
		err = report_table_row(&t, values);
	end = report_table_end(&t);
	return err ? err : end;
}

int ap_report_summary(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct ap_buf events = {0}, sources = {0};
	struct ap_quality q;
	char source[32];
	double lost_pct;
	int err = ap_report_quality(db, &o->filter, &q, why);

	if (err)
		return err;
	lost_pct = q.samples + q.lost ? 100.0 * (double)q.lost / (double)(q.samples + q.lost) : 0;
	err = put_events(db, &events);
	if (!err)
		err = put_sources(db, &sources, source, sizeof source);
	if (!err)
		err = o->format == AP_FORMAT_JSON
			? json(&q, lost_pct, source, events.data ? events.data : "", sources.data ? sources.data : "", out)
			: table(&q, lost_pct, source, o->format, out);
	ap_buf_done(&events);
	ap_buf_done(&sources);
	return err ? ap_why(why, -err, "cannot write the summary: %s", strerror(-err)) : 0;
}
