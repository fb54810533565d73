/* Lists become IN (...) with one bound value each: nothing typed is ever part of the SQL. */
#include "report/filter.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { VALUES_MAX = 1024 };

struct building {
	struct ap_buf sql;
	const char *values[VALUES_MAX]; /* bound in order; ownership in strings */
	size_t n;
	struct ap_arena strings;
	int err;
};

static void add_value(struct building *b, const char *s, size_t len)
{
	if (b->n == VALUES_MAX || !(b->values[b->n] = ap_arena_strndup(&b->strings, s, len)))
		b->err = -E2BIG;
	else
		b->n++;
}

static void add_list(struct building *b, const char *column, const char *list)
{
	size_t len;
	const char *separator = "";

	if (!list || !list[0])
		return;
	ap_buf_printf(&b->sql, " AND %s IN (", column);
	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		ap_buf_printf(&b->sql, "%s?", separator);
		add_value(b, list, len);
		separator = ",";
	}
	ap_buf_puts(&b->sql, ")");
}

/* "1.5s", "200ms", "3" (seconds) since the run's start. */
static bool relative_ns(const char *s, int64_t *ret)
{
	char *end;
	double v = strtod(s, &end), unit = !*end || !strcmp(end, "s") ? 1e9 : !strcmp(end, "ms") ? 1e6 : !strcmp(end, "us") ? 1e3
		: !strcmp(end, "ns") ? 1 : !strcmp(end, "m") ? 60e9 : 0;

	if (end == s || unit == 0 || !isfinite(v) || fabs(v * unit) > 9e18)
		return false;
	*ret = (int64_t)(v * unit);
	return true;
}

static int add_time(struct building *b, const char *option, const char *comparison, const char *s, struct ap_why *why)
{
	int64_t ns;

	if (!s)
		return 0;
	if (relative_ns(s, &ns)) {
		ap_buf_printf(&b->sql, " AND s.ts %s %lld", comparison, (long long)ns);
		return 0;
	}
	if (strlen(s) < 10 || s[4] != '-')
		return ap_why(why, EINVAL, "%s %s: give a time since the start such as 1.5s or 200ms, or 2026-11-24T10:00:00Z", option, s);
	ap_buf_printf(&b->sql, " AND r.start_realtime_ns + s.ts %s cast((julianday(?) - 2440587.5) * 86400e9 AS INTEGER)", comparison);
	add_value(b, s, strlen(s));
	return 0;
}

static int add_labels(struct building *b, const char *const *labels, struct ap_why *why)
{
	for (; labels && *labels; labels++) {
		const char *eq = strchr(*labels, '=');

		if (!eq)
			return ap_why(why, EINVAL, "--label %s: give KEY=VALUE", *labels);
		ap_buf_puts(&b->sql, " AND EXISTS (SELECT 1 FROM run_label rl WHERE rl.run = r.id AND rl.key = ? AND rl.value = ?)");
		add_value(b, *labels, (size_t)(eq - *labels));
		add_value(b, eq + 1, strlen(eq + 1));
	}
	return 0;
}

static int add_filter(struct building *b, const struct ap_report_filter *f, struct ap_why *why)
{
	int err;

	add_list(b, "h.name", f->host);
	add_list(b, "r.uuid", f->run);
	add_list(b, "cast(p.pid AS TEXT)", f->pid);
	add_list(b, "cast(t.tid AS TEXT)", f->tid);
	add_list(b, "t.comm", f->comm);
	add_list(b, "cast(s.cpu AS TEXT)", f->cpu);
	if (f->event)
		add_list(b, "ev.name", f->event);
	else
		ap_buf_puts(&b->sql, " AND ev.seq = 0");
	err = add_time(b, "--from", ">=", f->from, why);
	if (!err)
		err = add_time(b, "--to", "<", f->to, why);
	if (!err)
		err = add_labels(b, f->labels, why);
	if (!err && b->err)
		err = ap_why(why, E2BIG, "the filter has more than %d values", VALUES_MAX);
	return err;
}

int report_filter_prepare(sqlite3 *db, const char *select, const struct ap_report_filter *f, const char *tail, sqlite3_stmt **ret, struct ap_why *why)
{
	struct building b = {0};
	int err;

	ap_buf_printf(&b.sql, "%s FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process JOIN run r ON r.id = s.run "
		"JOIN host h ON h.id = r.host JOIN event ev ON ev.id = s.event WHERE 1", select);
	err = add_filter(&b, f, why);
	if (!err && ap_buf_printf(&b.sql, " %s", tail))
		err = ap_why(why, ENOMEM, "out of memory");
	if (!err && sqlite3_prepare_v2(db, b.sql.data, -1, ret, NULL))
		err = ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
	for (size_t i = 0; !err && i < b.n; i++)
		if (sqlite3_bind_text(*ret, (int)i + 1, b.values[i], -1, SQLITE_TRANSIENT))
			err = ap_why(why, ENOMEM, "out of memory");
	ap_buf_done(&b.sql);
	ap_arena_done(&b.strings);
	return err;
}
