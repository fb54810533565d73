/* What a merge knows of the schema: a letter a column. */
#include "store/merge.h"

#include "store/private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct ap_merge_table ap_merge_tables[AP_MERGE_TABLES] = {
	{"host", "iK.......", 'h', true, false},
	{"executable", "iKK..", 'x', true, false},
	{"function", "iKKKK.", 'f', true, true},
	{"frame", "iXKK", 'm', true, true},
	{"stack", "iSM", 's', true, true},
	{"process", "iHKKKq.......", 'p', true, false},
	{"process_exec", "PKx..", 0, true, false},
	{"process_label", "PK.", 0, true, false},
	{"thread", "iPKK..", 't', true, false},
	{"mapping", "_PK..xK.", 0, true, false},
	{"syscall_name", "KK.", 0, true, false},
	{"run", "iKh.............", 'r', true, false},
	{"run_label", "R..", 0, false, false},
	{"segment", "_R....", 0, false, false},
	{"event", "iRK.......", 'e', true, false},
	{"sample_row", "R..ets.", 0, false, false},
	{"off_cpu", "R..ts.ts", 0, false, false},
	{"lock_wait", "R..ts...ts", 0, false, false},
	{"syscall_hist", "Rp......", 0, false, false},
	{"syscall_slow", "R..ts...", 0, false, false},
	{"gpu_kernel", "R..ts..f.........", 0, false, false},
	{"gpu_memcpy", "R..ts....", 0, false, false},
	{"gpu_memset", "R..ts....", 0, false, false},
	{"gpu_memory", "R.ts....", 0, false, false},
	{"gpu_range", "R..tf.", 0, false, false},
	{"loss", "R.....", 0, false, false},
	{"account", "R.....", 0, false, false},
	{"clock", "R...", 0, false, false},
};
static const char *const TOTALS[] = {"stack_total", "function_total", "thread_total", "quality_total"};

/* An executable's id says nothing: its build ID and path are compared. */
static int greater_executable(const char *table, const char *name, const char *sep, struct ap_buf *b)
{
	return ap_buf_printf(b,
		"%s\"%s\" = CASE WHEN \"%s\" IS NULL OR (SELECT build_id || ' ' || path FROM executable WHERE id = excluded.\"%s\") > "
		"(SELECT build_id || ' ' || path FROM executable WHERE id = %s.\"%s\") THEN excluded.\"%s\" ELSE \"%s\" END",
		sep, name, name, name, table, name, name, name);
}

/* Where two files differ in what they say of one thing, the greater value stays, whatever the order; NULL gives way. */
static int on_conflict(const struct ap_merge_table *t, const char *const *names, struct ap_buf *b)
{
	const char *sep = "ON CONFLICT(";
	int err = 0;

	for (int i = 0; t->columns[i] && !err; i++)
		if (isupper((unsigned char)t->columns[i])) {
			err = ap_buf_printf(b, "%s\"%s\"", sep, names[i]);
			sep = ", ";
		}
	sep = ") DO UPDATE SET ";
	for (int i = 0; t->columns[i] && !err; i++) {
		if (t->columns[i] == 'x') {
			err = greater_executable(t->name, names[i], sep, b);
			sep = ", ";
		}
		if (t->columns[i] == '.') {
			err = ap_buf_printf(b,
				"%s\"%s\" = CASE WHEN \"%s\" IS NULL OR excluded.\"%s\" > \"%s\" THEN excluded.\"%s\" ELSE \"%s\" END", sep,
				names[i], names[i], names[i], names[i], names[i], names[i]);
			sep = ", ";
		}
	}
	return !err && sep[0] == ')' ? ap_buf_puts(b, ") DO NOTHING") : err;
}

int ap_merge_prepare(struct ap_feed *feed, const struct ap_merge_table *t, const char *const *names, sqlite3_stmt **ret_st)
{
	struct ap_buf tail = {0};
	char columns[AP_FEED_COLUMNS + 1] = "";
	int err = ap_buf_puts(&tail, "");

	memset(columns, '.', strlen(t->columns));
	if (!err && t->shared && !t->fixed)
		err = on_conflict(t, names, &tail);
	if (!err)
		err = ap_feed_prepare(feed, t->name, columns, tail.data, ret_st);
	ap_buf_done(&tail);
	return err;
}

int ap_merge_open_ids(sqlite3 *out, const struct ap_merge_table *t, const char *const *names, struct ap_ids *ids)
{
	const char *key_names[AP_KEY_COLUMNS];
	int key[AP_KEY_COLUMNS], n = 0;

	for (int i = 0; t->columns[i]; i++)
		if (isupper((unsigned char)t->columns[i])) {
			if (n == AP_KEY_COLUMNS)
				return -EINVAL;
			key_names[n] = names[i];
			key[n++] = i;
		}
	return ap_ids_init(ids, out, t->name, key_names, key, n);
}

static int64_t number_of(sqlite3 *db, const char *sql, int64_t run)
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && !sqlite3_bind_int64(st, 1, run) && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* Ended beats not ended; of two that have not, the one with more samples. */
int ap_merge_run_state(sqlite3 *out, sqlite3 *in, int64_t run, enum ap_run_state *ret, int64_t *ret_id)
{
	sqlite3_stmt *st = NULL, *find = NULL;
	bool ended = false, ended_there = false, known = false;
	int err = -EBADMSG;

	*ret_id = 0;
	if (!sqlite3_prepare_v2(in, "SELECT uuid, end_reason IS NOT NULL FROM run WHERE id = ?", -1, &st, NULL) &&
		!sqlite3_bind_int64(st, 1, run) && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_TEXT) {
		ended = sqlite3_column_int(st, 1);
		err = 0;
	}
	if (!err && out) {
		if (sqlite3_prepare_v2(out, "SELECT id, end_reason IS NOT NULL FROM run WHERE uuid = ?", -1, &find, NULL) ||
			sqlite3_bind_value(find, 1, sqlite3_column_value(st, 0)))
			err = -EIO;
		else if (sqlite3_step(find) == SQLITE_ROW) {
			known = true;
			*ret_id = sqlite3_column_int64(find, 0);
			ended_there = sqlite3_column_int(find, 1);
		}
	}
	sqlite3_finalize(st);
	sqlite3_finalize(find);
	if (err)
		return err;
	*ret = known ? AP_RUN_KNOWN : AP_RUN_NEW;
	if (known && !ended_there &&
		(ended || number_of(in, "SELECT count(*) FROM sample WHERE run = ?", run) >
				  number_of(out, "SELECT coalesce(sum(n), 0) FROM quality_total WHERE run = ?", *ret_id)))
		*ret = AP_RUN_FULLER;
	return 0;
}

static int forget_in(sqlite3 *out, const char *table, int64_t run)
{
	char sql[128];

	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE run = %lld", table, (long long)run);
	return sqlite3_exec(out, sql, NULL, NULL, NULL);
}

int ap_merge_forget_run(sqlite3 *out, int64_t run)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; i < AP_MERGE_TABLES && !rc; i++)
		if (strchr(ap_merge_tables[i].columns, 'R') && ap_merge_tables[i].kind != 'e')
			rc = forget_in(out, ap_merge_tables[i].name, run);
	for (size_t i = 0; i < AP_ARRAY_LEN(TOTALS) && !rc; i++)
		rc = forget_in(out, TOTALS[i], run);
	return rc;
}
