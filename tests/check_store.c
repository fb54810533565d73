/* store: a file comes back as it was put; what was there is kept or refused; a killed recording opens and says so; every view runs. */
#include "tests/store_make.h"

#include <signal.h>
#include <sys/wait.h>

static const char *const PATH = "a.db", *const OLD = "a.db.old";

static int create(struct ap_store **ret_store, struct ap_why *why)
{
	static const char *const labels[] = {"key", "value", NULL};
	struct ap_store_run run = store_run("h", NULL);
	struct ap_store_config cfg = {.path = PATH};

	run.labels = labels;
	return ap_store_create(&cfg, &run, ret_store, why);
}

static void sealed_file(int n)
{
	struct ap_store_end end = STORE_END;
	struct ap_why why = {.text = ""};
	struct ap_store *s;

	end.exit_code = 3;
	ck_assert_msg(!create(&s, &why), "%s", why.text);
	make_samples(s, n);
	ck_assert_int_eq(ap_store_flush(s, &why), 0);
	ck_assert_uint_gt(ap_store_bytes(s), 0);
	ck_assert_msg(!ap_store_seal(s, &end, &why), "%s", why.text);
}

START_TEST(a_file_comes_back_as_it_was_put)
{
	struct ap_why why = {.text = ""};
	sqlite3 *db;

	sealed_file(100);
	ck_assert_int_ne(access("a.db-wal", F_OK), 0);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample WHERE weight = 7"), 100);
	ck_assert_int_eq(number_in(db, "SELECT sum(ts) FROM sample"), 4950);
	ck_assert_int_eq(number_in(db, "SELECT end_ns IS NULL FROM process"), 1);
	ck_assert_int_eq(number_in(db, "SELECT exit_code FROM run WHERE end_reason = 'target exited'"), 3);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM run_label WHERE key = 'key' AND value = 'value'"), 1);
	ck_assert_int_eq(number_in(db, "SELECT n FROM thread_total"), 100);
	ck_assert_int_ne(sqlite3_exec(db, "DELETE FROM sample", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}
END_TEST

START_TEST(every_view_runs)
{
	struct ap_why why = {.text = ""};
	sqlite3_stmt *st;
	sqlite3 *db;
	char sql[200];
	int n = 0;

	sealed_file(10);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'view'", -1, &st, NULL), SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; n++) {
		snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT * FROM \"%s\")", (const char *)sqlite3_column_text(st, 0));
		number_in(db, sql);
	}
	sqlite3_finalize(st);
	ck_assert_int_gt(n, 10);
	sqlite3_close(db);
}
END_TEST

START_TEST(what_was_there_is_kept_or_refused)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	char text[8] = "";
	sqlite3 *db;
	FILE *f;

	sealed_file(5);
	sealed_file(6);
	ck_assert_msg(!ap_store_open_read(OLD, &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample"), 5);
	sqlite3_close(db);
	ck_assert_int_eq(create(&s, &why), 0);
	ap_store_abandon(s);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample"), 6);
	sqlite3_close(db);
	f = fopen(PATH, "w");
	fputs("mine", f);
	fclose(f);
	ck_assert_int_eq(create(&s, &why), -EEXIST);
	ck_assert_int_lt(ap_store_open_read(PATH, &db, &why), 0);
	f = fopen(PATH, "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
	fclose(f);
	ck_assert_str_eq(text, "mine");
}
END_TEST

START_TEST(a_killed_recording_opens_and_is_incomplete)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (create(&s, &why))
			_exit(1);
		make_samples(s, 50);
		if (ap_store_flush(s, &why))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	db = open_of_killed(pid, PATH);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample"), 50);
	ck_assert_int_eq(number_in(db, "SELECT incomplete FROM data_quality"), 1);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_test(t, a_file_comes_back_as_it_was_put);
	tcase_add_test(t, every_view_runs);
	tcase_add_test(t, what_was_there_is_kept_or_refused);
	tcase_add_test(t, a_killed_recording_opens_and_is_incomplete);
	suite_add_tcase(s, t);
	return check_main(s);
}
