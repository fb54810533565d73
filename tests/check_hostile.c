/* Files that somebody made or damaged: each is refused by name, or read as it says; nothing crashes, and an output stays as it was or stays
 * whole. */
#include "tests/store_shape.h"

#include <sys/stat.h>

/* A row in every table that a recording of today leaves empty. */
static const char FILL[] =
	"INSERT INTO run_label VALUES(1, 'k', 'v'); INSERT INTO segment VALUES(1, 1, 1, 's', 0, 1); INSERT INTO process_exec VALUES(1, 5, "
	"1, 'c', 'c');"
	"INSERT INTO process_label VALUES(1, 'k', 'v'); INSERT INTO mapping VALUES(1, 1, 4096, 8192, 0, 1, 5, NULL);"
	"INSERT INTO off_cpu VALUES(1, 5, 10, 1, 1, 0, 1, 1); INSERT INTO lock_wait VALUES(1, 5, 10, 1, 1, 1, 1, 4096, 1, 1);"
	"INSERT INTO syscall_hist VALUES(1, 1, 0, 0, 0, 3, 1, 9); INSERT INTO syscall_slow VALUES(1, 5, 10, 1, 1, 0, 0, 0);"
	"INSERT INTO syscall_name VALUES(0, 0, 'read'); INSERT INTO gpu_kernel VALUES(1, 5, 10, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 4);"
	"INSERT INTO gpu_memcpy VALUES(1, 5, 10, 1, 1, 0, 0, 1, 99); INSERT INTO gpu_memset VALUES(1, 5, 10, 1, 1, 0, 0, 99, 0);"
	"INSERT INTO gpu_memory VALUES(1, 5, 1, 1, 0, 1, 4096, 99); INSERT INTO gpu_range VALUES(1, 5, 10, 1, 1, 0);"
	"INSERT INTO loss VALUES(1, 5, 'perf', 'ring full', 0, 3); INSERT INTO account VALUES(1, 'perf', 10, 7, 0, 3); INSERT INTO clock "
	"VALUES(1, 5, 6, 7)";

static void set_up(void)
{
	enter_memory_folder();
	make_file("a.db", "u1", 300, 1);
	make_file("b.db", "u2", 300, 2);
	make_change("b.db", FILL);
	make_change("b.db", "PRAGMA page_size = 1024; VACUUM");
	make_change("a.db", "PRAGMA page_size = 1024; VACUUM");
}

static char *bytes_of(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *b;

	ck_assert(f && !fstat(fileno(f), &st));
	b = malloc((size_t)st.st_size + 1);
	*ret_n = fread(b, 1, (size_t)st.st_size, f);
	fclose(f);
	return b;
}

static void put_bytes(const char *path, const char *b, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert(f && fwrite(b, 1, n, f) == n && !fclose(f));
}

/* Reads as anybody does who opens it: all totals and some views. */
static void read_it(const char *path)
{
	static const char *const sql[] = {"SELECT sum(length(function)) FROM top_functions", "SELECT sum(length(stack)) FROM folded",
		"SELECT count(*) FROM samples", "SELECT sum(total) FROM flame_nodes", "SELECT max(complete_pct) FROM data_quality"};
	struct ap_why why = {""};
	sqlite3 *db;

	if (ap_store_open_read(path, &db, &why)) {
		ck_assert_msg(strstr(why.text, path) || strstr(why.text, "totals"), "%s", why.text);
		return;
	}
	for (size_t i = 0; i < AP_ARRAY_LEN(sql); i++)
		sqlite3_exec(db, sql[i], NULL, NULL, NULL);
	sqlite3_close(db);
}

/* 0: refused, and out.db is as it was; 1: merged, and out.db is whole. */
static int merge_it(const char *path, const char *what)
{
	const char *paths[] = {path};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	size_t n_before, n;
	char *before = bytes_of("a.db", &n_before), *after;
	int err;

	put_bytes("out.db", before, n_before);
	err = ap_store_merge("out.db", paths, 1, &stats, &why);
	if (err) {
		after = bytes_of("out.db", &n);
		ck_assert_msg(n == n_before && !memcmp(before, after, n), "%s: refused, but the output has changed", what);
		ck_assert_msg(strstr(why.text, path), "%s: not refused by name: %s", what, why.text);
		free(after);
	} else {
		ck_assert_msg(number_of_file("out.db", "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1,
			"%s: the output is damaged", what);
		ck_assert_msg(number_of_file("out.db", "SELECT count(*) FROM stack WHERE parent_id >= id") == 0, "%s: parent >= id", what);
		ck_assert_msg(number_of_file("out.db", "SELECT (SELECT count(*) FROM sample) = (SELECT sum(n) FROM quality_total)") == 1,
			"%s: totals", what);
	}
	free(before);
	ck_assert(access("out.db-journal", F_OK));
	return !err;
}

START_TEST(cut_at_every_page)
{
	size_t n, step = 4096;
	char *b = bytes_of("b.db", &n);

	for (size_t at = 0; at < n; at += step) {
		put_bytes("cut.db", b, at);
		read_it("cut.db");
		ck_assert_msg(!merge_it("cut.db", "cut"), "cut at %zu of %zu was merged", at, n);
	}
	free(b);
}
END_TEST

START_TEST(bytes_changed)
{
	unsigned seed = 7;
	size_t n;
	char *b = bytes_of("b.db", &n), what[64];

	for (int i = 0; i < 100; i++) {
		char *copy = malloc(n);
		int changes = 1 + rand_r(&seed) % 4;

		memcpy(copy, b, n);
		/* half of them among the first bytes of a page, where the tree is */
		for (int k = 0; k < changes; k++) {
			size_t at = (size_t)rand_r(&seed) % n;

			copy[rand_r(&seed) % 2 ? at : at / 1024 * 1024 + at % 12] = (char)rand_r(&seed);
		}
		put_bytes("bad.db", copy, n);
		snprintf(what, sizeof what, "change %d", i);
		read_it("bad.db");
		merge_it("bad.db", what);
		free(copy);
	}
	free(b);
}
END_TEST

static const char *const VALUES[] = {"'text'", "x'00ff'", "-1", "4000000000", "NULL"};

/* Every column of every table with every kind of value. */
START_TEST(every_column)
{
	const char *value = VALUES[_i];
	sqlite3_stmt *st;
	struct ap_buf sql = {0};
	sqlite3 *list;
	int merged = 0, refused = 0;

	shell("cp b.db list.db");
	ck_assert(!sqlite3_open("list.db", &list));
	ck_assert(!sqlite3_prepare_v2(list,
		"SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND "
		"t.name NOT LIKE '%_total' AND t.name NOT LIKE 'sqlite_%'",
		-1, &st, NULL));
	for (int i = 0; sqlite3_step(st) == SQLITE_ROW; i++) {
		size_t n;
		char *b = bytes_of("b.db", &n);
		sqlite3 *db;

		put_bytes("bad.db", b, n);
		free(b);
		sql.len = 0;
		ck_assert(!ap_buf_printf(&sql, "UPDATE OR IGNORE %s SET \"%s\" = %s WHERE \"%s\" IN (SELECT \"%s\" FROM %s LIMIT 1)",
			(const char *)sqlite3_column_text(st, 0), (const char *)sqlite3_column_text(st, 1), value,
			(const char *)sqlite3_column_text(st, 1), (const char *)sqlite3_column_text(st, 1),
			(const char *)sqlite3_column_text(st, 0)));
		ck_assert(!sqlite3_open("bad.db", &db));
		sqlite3_exec(
			db, "PRAGMA synchronous = OFF; DELETE FROM meta", NULL, NULL, NULL); /* so that a reader computes the totals too */
		sqlite3_exec(db, sql.data, NULL, NULL, NULL); /* one that the schema refuses leaves the row as it was */
		sqlite3_close(db);
		read_it("bad.db");
		*(merge_it("bad.db", sql.data) ? &merged : &refused) += 1;
	}
	sqlite3_finalize(st);
	sqlite3_close(list);
	ap_buf_done(&sql);
	ck_assert_int_gt(merged, 20);
	ck_assert_int_gt(refused + (_i == 4), 0);
}
END_TEST

static const char *const EDITS[] = {
	"UPDATE sample_row SET weight = 9223372036854775807", /* their sum does not fit */
	"UPDATE sample_row SET weight = -5",
	"UPDATE stack SET parent_id = id",
	"UPDATE stack SET parent_id = id + 1",
	"UPDATE stack SET parent_id = 5, frame_id = frame_id + 100000 WHERE id = 4",
	"UPDATE stack SET frame_id = 0 WHERE id = 1",
	"INSERT INTO stack VALUES(268435455, 1, 1)",
	"INSERT INTO stack VALUES(2147483647, 1, 2)",
	"INSERT INTO stack VALUES(9223372036854775807, 1, 2)",
	"INSERT INTO function VALUES(200000000, 'f', '', '', 0, 0)",
	"UPDATE sample_row SET rowid = -9223372036854775808 WHERE rowid = 1; UPDATE sample_row SET stack = 99999 WHERE rowid = 2",
	"UPDATE sample_row SET thread = 99999 WHERE rowid = 7",
	"UPDATE sample_row SET run = 2 WHERE rowid = 7",
	"UPDATE sample_row SET event = 0 WHERE rowid = 7",
	"DELETE FROM event",
	"DELETE FROM host",
	"DELETE FROM thread WHERE id = 2",
	"DELETE FROM frame WHERE id = 3",
	"DELETE FROM executable WHERE id = 1",
	"DELETE FROM function WHERE id = 1",
	"INSERT INTO frame_line VALUES(999999, 0, 1, NULL, NULL)",
	"INSERT INTO frame_line VALUES(1, 1, 999999, NULL, NULL)",
	"DROP TABLE loss",
	"DROP VIEW folded",
	"CREATE TABLE other(x)",
	"CREATE VIEW other AS SELECT 1",
	"CREATE INDEX other ON sample_row(ts)",
	"CREATE TRIGGER other AFTER INSERT ON sample_row BEGIN SELECT 1; END",
	"DROP VIEW samples; CREATE VIEW samples AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
	"DROP TABLE sample_row; CREATE VIEW sample_row AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT 1 AS run, i "
	"AS ts, 0 "
	"AS cpu, 1 AS "
	"event, 1 AS thread, 1 AS stack, 1 AS weight FROM n",
	"ALTER TABLE sample_row ADD COLUMN extra",
	"PRAGMA user_version = 0",
	"PRAGMA user_version = -1",
	"PRAGMA user_version = 1",
	"PRAGMA user_version = 4",
	"PRAGMA application_id = 7",
};

START_TEST(refused)
{
	make_change("b.db", "DELETE FROM meta");
	make_change("b.db", EDITS[_i]);
	read_it("b.db");
	ck_assert_msg(!merge_it("b.db", EDITS[_i]), "merged: %s", EDITS[_i]);
}
END_TEST

static const char *const HARMLESS[] = {
	"UPDATE sample_row SET rowid = rowid * 1000000007",
	"UPDATE sample_row SET rowid = -9223372036854775807 WHERE rowid = 1",
	"UPDATE function SET name = hex(zeroblob(3000000)) WHERE id = 1", /* long, and no more than that */
	"UPDATE function SET name = cast(x'ff00c3' AS TEXT) WHERE id = 1",
	"DELETE FROM sample_row",
	"UPDATE run SET end_reason = NULL, end_ns = NULL",
	"UPDATE sample_row SET ts = 9223372036854775807 WHERE rowid = 1",
};

START_TEST(read_right)
{
	make_change("b.db", HARMLESS[_i]);
	read_it("b.db");
	ck_assert_msg(merge_it("b.db", HARMLESS[_i]), "refused: %s", HARMLESS[_i]);
	ck_assert_int_eq(
		number_of_file("out.db", "SELECT count(*) FROM sample"), 300 + number_of_file("b.db", "SELECT count(*) FROM sample"));
}
END_TEST

/* What is no file of ours at all. */
START_TEST(foreign)
{
	const char *paths[] = {"b.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	sqlite3 *db;

	shell(_i == 0     ? "rm b.db; mkfifo b.db"
		: _i == 1 ? "rm b.db; mkdir b.db"
		: _i == 2 ? "rm b.db; : > b.db"
		: _i == 3 ? "rm b.db; ln -s /dev/zero b.db"
		: _i == 4 ? "rm b.db; ln -s b.db b.db"
		: _i == 5 ? "echo hello > b.db"
			  : "rm b.db; sqlite3 b.db 'CREATE TABLE sample(run)'");
	ck_assert(ap_store_open_read("b.db", &db, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "b.db"));
	ck_assert(ap_store_merge("new.db", paths, 1, &stats, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "b.db"));
	shell("test ! -e new.db && ! ls | grep -q merge-");
}
END_TEST

/* Under valgrind a file takes seconds to make: few of each. */
static int some(size_t n)
{
	return getenv("AP_FAST") && n > 3 ? 3 : (int)n;
}

int main(void)
{
	Suite *s = suite_create("hostile");
	TCase *t = tcase_create("hostile");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, set_up, leave_folder);
	if (!getenv("AP_FAST")) { /* hundreds of files: the sanitizers see them */
		tcase_add_test(t, cut_at_every_page);
		tcase_add_test(t, bytes_changed);
		tcase_add_loop_test(t, every_column, 0, sizeof VALUES / sizeof *VALUES);
	}
	tcase_add_loop_test(t, refused, 0, some(sizeof EDITS / sizeof *EDITS));
	tcase_add_loop_test(t, read_right, 0, some(sizeof HARMLESS / sizeof *HARMLESS));
	tcase_add_loop_test(t, foreign, 0, some(7));
	suite_add_tcase(s, t);
	return check_main(s);
}
