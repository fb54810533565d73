/* A file that is being recorded, or whose recording was killed: a reader never writes to it and answers right. */
#include "tests/store_shape.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

START_TEST(a_live_file_is_read_and_not_written)
{
	uint64_t before;
	struct shape_state *shape = make_shape(3000, 1);
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	ck_assert_msg(!make_create("a.db", "u", 0, &s, &why), "%s", why.text);
	for (int i = 1; i <= 3; i++) {
		ck_assert(!ap_batch_new(&b) && shape_next(shape, b, 1000));
		ck_assert(!ap_store_put(s, b, UINT64_MAX) && !ap_store_flush(s, &why));
		before = hash_bytes("a.db");
		ck_assert_int_eq(number_of_file("a.db", "SELECT count(*) FROM sample"), 1000 * i);
		ck_assert_int_eq(number_of_file("a.db", "SELECT sum(self_samples) FROM top_functions"), 1000 * i);
		ck_assert_int_eq(number_of_file("a.db", "SELECT incomplete FROM data_quality"), 1);
		ck_assert_int_eq(number_of_file("a.db", "SELECT sum(samples) FROM folded"), 1000 * i);
		ck_assert(hash_bytes("a.db") == before);
	}
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	shape_free(shape);
	ck_assert_int_eq(
		number_of_file("a.db", "SELECT (SELECT incomplete FROM data_quality) * 10 + (SELECT count(*) = 0 FROM temp.sqlite_master)"),
		1);
	ck_assert(access("a.db-wal", F_OK));
}
END_TEST

START_TEST(a_live_file_is_no_output_of_merge)
{
	uint64_t before;
	struct shape_state *shape = make_shape(1000, 1);
	const char *paths[] = {"b.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	struct ap_store *s;

	make_file("b.db", "u2", 500, 2);
	ck_assert(!make_create("a.db", "u1", 0, &s, &why) && !make_put(s, shape, 500) && !ap_store_flush(s, &why));
	before = hash_bytes("a.db");
	ck_assert_int_eq(ap_store_merge("a.db", paths, 1, &stats, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "a.db"));
	ck_assert(hash_bytes("a.db") == before);
	ck_assert(!make_seal(s, "target exited", &why));
	ck_assert_msg(!ap_store_merge("a.db", paths, 1, &stats, &why), "%s", why.text);
	shape_free(shape);
}
END_TEST

/* Puts batches for ever; says how many samples are committed. */
static void write_until_killed(int say)
{
	struct shape_state *shape = make_shape(1000000, 1);
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;
	int64_t n = 0;

	if (make_create("a.db", "u", 0, &s, &why))
		_exit(1);
	while (!ap_batch_new(&b) && shape_next(shape, b, 200)) {
		if (ap_store_put(s, b, UINT64_MAX) || (n % 3 == 0 && ap_store_flush(s, &why)))
			_exit(1);
		n += 200;
		if (n % 600 == 200 && write(say, &n, sizeof n) != sizeof n)
			_exit(1);
	}
	_exit(1);
}

START_TEST(killed_at_any_moment)
{
	int times = getenv("AP_FAST") ? 5 : 50;
	unsigned seed = 1;

	for (int i = 0; i < times; i++) {
		int64_t n = 0, committed = 0;
		int pipes[2], status;
		struct ap_why why = {""};
		sqlite3 *db;
		pid_t pid;

		shell("rm -f a.db*");
		ck_assert(!pipe(pipes));
		pid = fork();
		if (!pid)
			write_until_killed(pipes[1]);
		close(pipes[1]);
		/* from before the first commit on */
		nanosleep(&(struct timespec){.tv_nsec = 1000000 + rand_r(&seed) % 60 * 1000000}, NULL);
		kill(pid, SIGKILL);
		ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		while (read(pipes[0], &n, sizeof n) == sizeof n)
			committed = n;
		close(pipes[0]);
		if (access("a.db", F_OK) || (ap_store_open_read("a.db", &db, &why) && !committed))
			continue; /* killed before there was a file */
		ck_assert_msg(!why.text[0], "%s", why.text);
		ck_assert_int_ge(number_in(db, "SELECT count(*) FROM sample"), committed > 200 ? committed - 200 : 0);
		ck_assert_int_eq(
			number_in(db,
				"SELECT count(*) FROM sample s LEFT JOIN stack k ON k.id = s.stack WHERE k.id IS NULL AND s.stack <> 0"),
			0);
		ck_assert_int_eq(number_in(db, "SELECT incomplete FROM data_quality"), 1);
		ck_assert_int_eq(number_in(db, "SELECT count(*) = (SELECT sum(samples) FROM folded) OR count(*) = 0 FROM sample"), 1);
		ck_assert_int_eq(number_in(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
		sqlite3_close(db);
	}
}
END_TEST

/* Leaves a.db as a killed recording of 2000 samples. */
static void make_killed(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct ap_why why = {""};
		struct ap_store *s;

		if (!make_create("a.db", "u", 0, &s, &why) && !make_put(s, make_shape(2000, 1), 500) && !ap_store_flush(s, &why))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

START_TEST(the_next_writer_finishes_a_killed_file)
{
	uint64_t before;
	struct ap_why why = {""};
	sqlite3 *db;

	make_killed();
	before = hash_bytes("a.db");
	ck_assert_int_eq(number_of_file("a.db", "SELECT sum(samples) FROM folded"), 2000);
	ck_assert(hash_bytes("a.db") == before);
	ck_assert_msg(!ap_store_open_names("a.db", &db, &why), "%s", why.text);
	sqlite3_close(db);
	ck_assert(access("a.db-wal", F_OK));
	ck_assert_int_eq(number_of_file("a.db", "SELECT count(*) FROM sample"), 2000);
}
END_TEST

/* In a child without rights: folder and files cannot be written. What lies beside the file: 0: log and index; 1: log alone; 2: nothing. */
START_TEST(where_nothing_can_be_written)
{
	int status;
	pid_t pid;

	make_killed();
	if (_i == 1)
		shell("rm a.db-shm");
	if (_i == 2)
		shell("sqlite3 a.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null; rm -f a.db-*; test -e a.db");
	shell("chmod 444 a.db*; chmod 555 .");
	pid = fork();
	if (!pid) {
		if (!getuid() && setresuid(65534, 65534, 65534))
			_exit(1);
		_exit(number_of_file("a.db", "SELECT sum(samples) FROM folded") == 2000 &&
					number_of_file("a.db", "SELECT incomplete FROM data_quality") == 1
				? 0
				: 2);
	}
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_int_eq(status, 0);
	shell("chmod 755 .");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_test(t, a_live_file_is_read_and_not_written);
	tcase_add_test(t, a_live_file_is_no_output_of_merge);
	tcase_add_test(t, killed_at_any_moment);
	tcase_add_test(t, the_next_writer_finishes_a_killed_file);
	tcase_add_loop_test(t, where_nothing_can_be_written, 0, 3);
	suite_add_tcase(s, t);
	return check_main(s);
}
