/* A folder of the test's own with a recording in it, and questions to that. */
#ifndef TESTS_RECORD_FILE_H
#define TESTS_RECORD_FILE_H

#include "store/store.h"
#include "tests/check_main.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[64], db_path[160];

static inline void make_folder(void)
{
	snprintf(folder, sizeof folder, "/tmp/check_record.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(db_path, sizeof db_path, "%s/run.db", folder);
}

static inline void tear_down(void)
{
	char command[160];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static inline int64_t ask(const char *sql)
{
	struct ap_why why = {""};
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t v;

	ck_assert_msg(!ap_store_open_read(db_path, &db, &why), "%s", why.text);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(st) == SQLITE_ROW, "%s: no row", sql);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

#endif
