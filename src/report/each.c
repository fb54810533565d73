/* An aggregate function of SQL that hands its arguments on. It is there for the length of one call. */
#include "report/each.h"

#include <errno.h>
#include <stdio.h>

static const char NAME[] = "aperture_each";
enum { SQL_MAX = 256 };

struct each {
	report_each_fn fn;
	void *ctx;
	int err;
};

static void step(sqlite3_context *c, int n, sqlite3_value **columns)
{
	struct each *e = sqlite3_user_data(c);

	if (!e->err)
		e->err = e->fn(e->ctx, columns);
	if (e->err)
		sqlite3_result_error(c, "stopped", -1);
}

static void final(sqlite3_context *c)
{
	sqlite3_result_null(c);
}

int report_each(sqlite3 *db, const char *columns, const char *table, report_each_fn fn, void *ctx)
{
	struct each e = {fn, ctx, 0};
	sqlite3_stmt *st = NULL;
	char sql[SQL_MAX];
	int rc;

	if ((size_t)snprintf(sql, sizeof sql, "SELECT %s(%s) FROM %s", NAME, columns, table) >= sizeof sql)
		return -EMSGSIZE;
	if (sqlite3_create_function_v2(db, NAME, -1, SQLITE_UTF8, &e, NULL, step, final, NULL))
		return -ENOMEM;
	rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (!rc)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	sqlite3_create_function_v2(db, NAME, -1, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
	return e.err ? e.err : rc == SQLITE_ROW ? 0 : rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
}

int report_each_row(sqlite3 *db, const char *sql, report_row_fn row, void *ctx)
{
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(ctx, st);
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}
