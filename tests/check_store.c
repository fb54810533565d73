/* store: a file comes back as it was put; what was there before is kept or refused; a killed recording opens and says so; every view runs.
 */
#include "base/mem.h"
#include "store/store.h"
#include "tests/check_main.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const PATH = "check_store.db", *const OLD = "check_store.db.old";

static void clean(void)
{
	static const char *const all[] = {"check_store.db", "check_store.db.old", "check_store.db-wal", "check_store.db-shm"};

	for (size_t i = 0; i < AP_ARRAY_LEN(all); i++)
		unlink(all[i]);
}

static int create(struct ap_store **ret_store, struct ap_why *why)
{
	static const char *const labels[] = {"key", "value", NULL};
	struct ap_store_run run = {.host_key = "k",
		.host_name = "h",
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "b",
		.command = "",
		.options = "",
		.version = "",
		.source = "perf",
		.source_why = "",
		.labels = labels};
	struct ap_store_config cfg = {.path = PATH};

	return ap_store_create(&cfg, &run, ret_store, why);
}

static void put_samples(struct ap_store *s, int n)
{
	struct ap_batch *b;

	ck_assert_int_eq(ap_batch_new(&b), 0);
	ck_assert_int_eq(ap_batch_event(b, &(struct ap_row_event){1, 1, 0, "cpu-clock", "perf", "", 99, 0, 0, "ns"}), 0);
	ck_assert_int_eq(ap_batch_process(b, &(struct ap_row_process){1, 1, "b", 10, 5, 0, 0, "c", "c", "", "", 0, AP_NULL}), 0);
	ck_assert_int_eq(ap_batch_thread(b, &(struct ap_row_thread){1, 1, 10, 5, "c", AP_NULL}), 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(ap_batch_sample_row(b, &(struct ap_row_sample_row){1, i, 0, 1, 1, 0, 7}), 0);
	ck_assert_uint_eq(ap_batch_rows(b), (size_t)n + 3);
	ck_assert_int_eq(ap_store_put(s, b, UINT64_MAX), 0);
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v;

	ck_assert_msg(!sqlite3_prepare_v2(db, sql, -1, &st, NULL), "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(st) == SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static void sealed_file(int n)
{
	struct ap_store_end end = {.end_ns = 1000, .reason = "target exited", .exit_code = 3};
	struct ap_why why = {.text = ""};
	struct ap_store *s;

	ck_assert_msg(!create(&s, &why), "%s", why.text);
	put_samples(s, n);
	ck_assert_int_eq(ap_store_flush(s, &why), 0);
	ck_assert_uint_gt(ap_store_bytes(s), 0);
	ck_assert_msg(!ap_store_seal(s, &end, &why), "%s", why.text);
}

START_TEST(a_file_comes_back_as_it_was_put)
{
	struct ap_why why = {.text = ""};
	sqlite3 *db;

	clean();
	sealed_file(100);
	ck_assert_int_ne(access("check_store.db-wal", F_OK), 0);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample WHERE weight = 7"), 100);
	ck_assert_int_eq(number(db, "SELECT sum(ts) FROM sample"), 4950);
	ck_assert_int_eq(number(db, "SELECT end_ns IS NULL FROM process"), 1);
	ck_assert_int_eq(number(db, "SELECT exit_code FROM run WHERE end_reason = 'target exited'"), 3);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM run_label WHERE key = 'key' AND value = 'value'"), 1);
	ck_assert_int_eq(number(db, "SELECT n FROM thread_total"), 100);
	ck_assert_int_ne(sqlite3_exec(db, "DELETE FROM sample", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	clean();
}
END_TEST

START_TEST(every_view_runs)
{
	struct ap_why why = {.text = ""};
	sqlite3_stmt *st;
	sqlite3 *db;
	char sql[200];
	int n = 0;

	clean();
	sealed_file(10);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'view'", -1, &st, NULL), SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; n++) {
		snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT * FROM \"%s\")", (const char *)sqlite3_column_text(st, 0));
		number(db, sql);
	}
	sqlite3_finalize(st);
	ck_assert_int_gt(n, 10);
	sqlite3_close(db);
	clean();
}
END_TEST

START_TEST(what_was_there_is_kept_or_refused)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	char text[8] = "";
	sqlite3 *db;
	FILE *f;

	clean();
	sealed_file(5);
	sealed_file(6);
	ck_assert_msg(!ap_store_open_read(OLD, &db, &why), "%s", why.text);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample"), 5);
	sqlite3_close(db);
	ck_assert_int_eq(create(&s, &why), 0);
	ap_store_abandon(s);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample"), 6);
	sqlite3_close(db);
	clean();
	f = fopen(PATH, "w");
	fputs("mine", f);
	fclose(f);
	ck_assert_int_eq(create(&s, &why), -EEXIST);
	ck_assert_int_lt(ap_store_open_read(PATH, &db, &why), 0);
	f = fopen(PATH, "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof text, f));
	fclose(f);
	ck_assert_str_eq(text, "mine");
	clean();
}
END_TEST

START_TEST(a_killed_recording_opens_and_is_incomplete)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	int status;
	sqlite3 *db;
	pid_t pid;

	clean();
	pid = fork();
	if (!pid) {
		if (create(&s, &why))
			_exit(1);
		put_samples(s, 50);
		if (ap_store_flush(s, &why))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample"), 50);
	ck_assert_int_eq(number(db, "SELECT incomplete FROM data_quality"), 1);
	sqlite3_close(db);
	clean();
}
END_TEST

/* A batch of a generation: its stack rows are {parent, frame} from id `first` on, and each of its samples names one of the stacks. */
static void put_generation(struct ap_store *s, uint32_t generation, int64_t first, const int64_t (*rows)[2], size_t n,
	const int64_t *samples, size_t n_samples)
{
	struct ap_batch *b;

	ck_assert_int_eq(ap_batch_new(&b), 0);
	ap_batch_set_generation(b, generation);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(ap_batch_stack(b, &(struct ap_row_stack){first + (int64_t)i, rows[i][0], rows[i][1]}), 0);
	for (size_t i = 0; i < n_samples; i++)
		ck_assert_int_eq(ap_batch_sample_row(b, &(struct ap_row_sample_row){1, generation, 0, 1, 1, samples[i], 7}), 0);
	ck_assert_int_eq(ap_store_put(s, b, UINT64_MAX), 0);
}

/* Generation 0: 1 = a, 2 = a b, 3 = a b c. 1: 1 = d, 2 = a, 3 = a b, 4 = a b d, in two batches. 2: a b d again, and below it. */
static void put_generations(struct ap_store *s)
{
	put_generation(s, 0, 1, (const int64_t[][2]){{0, 1}, {1, 2}, {2, 3}}, 3, (const int64_t[]){3, 2}, 2);
	put_generation(s, 1, 1, (const int64_t[][2]){{0, 4}, {0, 1}, {2, 2}}, 3, (const int64_t[]){1, 2, 0}, 3);
	put_generation(s, 1, 4, (const int64_t[][2]){{3, 4}}, 1, (const int64_t[]){4, 3}, 2);
	put_generation(s, 2, 1, (const int64_t[][2]){{0, 1}, {1, 2}, {2, 4}, {3, 1}}, 4, (const int64_t[]){3, 4}, 2);
}

static void check_generations(sqlite3 *db)
{
	static const char *const stacks = "SELECT group_concat(id || ':' || parent_id || ':' || frame_id, ' ') FROM stack";
	static const char *const samples = "SELECT group_concat(ts || ':' || stack, ' ') FROM (SELECT * FROM sample_row ORDER BY rowid)";
	sqlite3_stmt *st;

	ck_assert_int_eq(sqlite3_prepare_v2(db, stacks, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	ck_assert_str_eq((const char *)sqlite3_column_text(st, 0), "1:0:1 2:1:2 3:2:3 4:0:4 5:2:4 6:5:1");
	sqlite3_finalize(st);
	ck_assert_int_eq(sqlite3_prepare_v2(db, samples, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	ck_assert_str_eq((const char *)sqlite3_column_text(st, 0), "0:3 0:2 1:4 1:1 1:0 1:5 1:2 2:5 2:6");
	sqlite3_finalize(st);
}

START_TEST(stacks_of_a_later_generation_are_found)
{
	struct ap_store_end end = {.end_ns = 1000, .reason = "target exited", .exit_code = AP_NULL};
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;

	clean();
	ck_assert_msg(!create(&s, &why), "%s", why.text);
	put_samples(s, 0);
	put_generations(s);
	ck_assert_msg(!ap_store_seal(s, &end, &why), "%s", why.text);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	check_generations(db);
	ck_assert_int_eq(number(db, "SELECT total_n FROM stack_total WHERE stack = 1"), 7);
	sqlite3_close(db);
	clean();
}
END_TEST

/* Killed between generations: what is committed is whole, each stack once, and its rows name stacks that are there. */
START_TEST(a_recording_killed_in_a_later_generation_is_whole)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	int status;
	sqlite3 *db;
	pid_t pid;

	clean();
	pid = fork();
	if (!pid) {
		if (create(&s, &why))
			_exit(1);
		put_samples(s, 0);
		put_generations(s);
		if (ap_store_flush(s, &why))
			_exit(1);
		put_generation(s, 3, 1, (const int64_t[][2]){{0, 1}, {1, 9}}, 2, (const int64_t[]){2}, 1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_ge(number(db, "SELECT count(*) FROM sample_row"), 9);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample_row WHERE stack AND stack NOT IN (SELECT id FROM stack)"), 0);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM (SELECT 1 FROM stack GROUP BY parent_id, frame_id HAVING count(*) > 1)"), 0);
	ck_assert_int_eq(number(db, "SELECT max(id) - count(*) FROM stack"), 0);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	sqlite3_close(db);
	clean();
}
END_TEST

static const struct disorder {
	uint32_t generation;
	int64_t first, rows[2][2], sample;
} DISORDERS[] = {
	{1, 2, {{0, 1}, {2, 2}}, 2}, /* does not begin at 1 */
	{1, 1, {{0, 1}, {2, 2}}, 2}, /* a parent that is not less */
	{1, 1, {{0, 1}, {-1, 2}}, 2},
	{1, 1, {{0, 1}, {1, 2}}, 3}, /* a sample's stack that nobody gave */
	{1, 1, {{0, 1}, {1, 2}}, -1},
};

/* Ids that do not follow the rules stop the writer with a sentence, and what was stored stays. */
START_TEST(stacks_out_of_order_are_refused)
{
	const struct disorder *d = &DISORDERS[_i];
	struct ap_store_end end = {.end_ns = 1000, .reason = "error", .exit_code = AP_NULL};
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;

	clean();
	ck_assert_msg(!create(&s, &why), "%s", why.text);
	put_samples(s, 5);
	put_generation(s, d->generation, d->first, d->rows, 2, &d->sample, 1);
	ck_assert_int_eq(ap_store_flush(s, &why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why.text, "out of order"));
	ck_assert_int_eq(ap_store_seal(s, &end, &why), -EBADMSG);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM sample_row"), 5);
	ck_assert_int_eq(number(db, "SELECT count(*) FROM stack"), 0);
	sqlite3_close(db);
	clean();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("store");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_file_comes_back_as_it_was_put);
	tcase_add_test(t, every_view_runs);
	tcase_add_test(t, what_was_there_is_kept_or_refused);
	tcase_add_test(t, a_killed_recording_opens_and_is_incomplete);
	tcase_add_test(t, stacks_of_a_later_generation_are_found);
	tcase_add_test(t, a_recording_killed_in_a_later_generation_is_whole);
	tcase_add_loop_test(t, stacks_out_of_order_are_refused, 0, AP_ARRAY_LEN(DISORDERS));
	suite_add_tcase(s, t);
	return check_main(s);
}
