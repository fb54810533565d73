/* store: a recording that forgot its stacks and met them again. Each stack is in the file once, whenever the recording ends; ids that do
 * not follow the rules are refused. */
#include "tests/store_make.h"

#include <signal.h>
#include <sys/wait.h>

/* A batch of a generation: its stack rows are {parent, frame} from id `first` on, and each of its samples names one of the stacks. */
static void put_generation(struct ap_store *s, uint32_t generation, int64_t first, const int64_t (*rows)[2], size_t n,
	const int64_t *samples, size_t n_samples)
{
	struct ap_batch *b;

	ck_assert_int_eq(ap_batch_new(&b), 0);
	ap_batch_set_generation(b, generation);
	for (size_t i = 0; i < n; i++)
		ROW(b, stack, .id = first + (int64_t)i, .parent_id = rows[i][0], .frame_id = rows[i][1]);
	for (size_t i = 0; i < n_samples; i++)
		ROW(b, sample_row, .run = 1, .ts = generation, .event = 1, .thread = 1, .stack = samples[i], .weight = 7);
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
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;

	ck_assert_msg(!make_create("a.db", "u", 0, &s, &why), "%s", why.text);
	make_samples(s, 0);
	put_generations(s);
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	ck_assert_msg(!ap_store_open_read("a.db", &db, &why), "%s", why.text);
	check_generations(db);
	ck_assert_int_eq(number_in(db, "SELECT total_n FROM stack_total WHERE stack = 1"), 7);
	sqlite3_close(db);
}
END_TEST

/* Killed between generations: what is committed is whole, each stack once, and its rows name stacks that are there. */
START_TEST(a_recording_killed_in_a_later_generation_is_whole)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (make_create("a.db", "u", 0, &s, &why))
			_exit(1);
		make_samples(s, 0);
		put_generations(s);
		if (ap_store_flush(s, &why))
			_exit(1);
		put_generation(s, 3, 1, (const int64_t[][2]){{0, 1}, {1, 9}}, 2, (const int64_t[]){2}, 1);
		kill(getpid(), SIGKILL);
	}
	db = open_of_killed(pid, "a.db");
	ck_assert_int_ge(number_in(db, "SELECT count(*) FROM sample_row"), 9);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample_row WHERE stack AND stack NOT IN (SELECT id FROM stack)"), 0);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM (SELECT 1 FROM stack GROUP BY parent_id, frame_id HAVING count(*) > 1)"), 0);
	ck_assert_int_eq(number_in(db, "SELECT max(id) - count(*) FROM stack"), 0);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	sqlite3_close(db);
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
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	sqlite3 *db;

	ck_assert_msg(!make_create("a.db", "u", 0, &s, &why), "%s", why.text);
	make_samples(s, 5);
	put_generation(s, d->generation, d->first, d->rows, 2, &d->sample, 1);
	ck_assert_int_eq(ap_store_flush(s, &why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why.text, "out of order"));
	ck_assert_int_eq(make_seal(s, "error", &why), -EBADMSG);
	ck_assert_msg(!ap_store_open_read("a.db", &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample_row"), 5);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM stack"), 0);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_generations");
	TCase *t = tcase_create("store_generations");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_test(t, stacks_of_a_later_generation_are_found);
	tcase_add_test(t, a_recording_killed_in_a_later_generation_is_whole);
	tcase_add_loop_test(t, stacks_out_of_order_are_refused, 0, AP_ARRAY_LEN(DISORDERS));
	suite_add_tcase(s, t);
	return check_main(s);
}
