/* A file that is being recorded, was killed, ran out of disk, cannot be written, or is older: a reader never writes to it and answers
 * right. */
#include "store_make.h"

#include "base/file.h"
#include "base/hash.h"
#include "store/schema.h"
#include "store/sql_text.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char dir[32];

static void set_up(void)
{
	snprintf(dir, sizeof dir, "/tmp/check_live-XXXXXX"); /* CK_FORK=no: one process for all cases */
	enter_folder(dir);
}

static void tear_down(void)
{
	leave_folder(dir);
}

/* Of the file and its log. */
static uint64_t hash_bytes(const char *name)
{
	struct ap_buf path = {0}, bytes = {0};
	uint64_t hash;

	ck_assert(!ap_buf_printf(&path, "%s-wal", name));
	ck_assert(!ap_file_read(AT_FDCWD, name, AP_BUF_MAX, &bytes));
	if (!access(path.data, F_OK))
		ck_assert(!ap_file_read(AT_FDCWD, path.data, AP_BUF_MAX, &bytes));
	hash = ap_hash_bytes(bytes.data, bytes.len, 0);
	ap_buf_done(&path);
	ap_buf_done(&bytes);
	return hash;
}

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

/* A real file system without room; needs a mount of its own. -1: not here. */
static int small_disk(const char *size)
{
	char options[32];

	snprintf(options, sizeof options, "size=%s", size);
	if (getuid() || unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) || mkdir("disk", 0700) ||
		mount("tmpfs", "disk", "tmpfs", 0, options))
		return -1;
	return chdir("disk");
}

/* 0: while recording; 1: at the end */
static void record_on_small_disk(int when)
{
	struct shape_state *shape = make_shape(400000, 1);
	struct ap_why why = {""};
	struct ap_store *s;
	int err;

	if (small_disk(when ? "20m" : "9m"))
		_exit(77);
	ck_assert_msg(!make_create("a.db", "u", 0, &s, &why), "%s", why.text);
	if (when) {
		shape_free(shape);
		shape = make_shape(100000, 1);
	}
	err = make_put(s, shape, 1000);
	if (!err)
		err = ap_store_flush(s, &why);
	if (when) {
		ck_assert(!err);
		shell("head -c 100m /dev/zero > fill 2>/dev/null; true");
	} else {
		ck_assert_int_eq(err, -ENOSPC);
	}
	ck_assert_int_eq(make_seal(s, "disk full: a test", &why), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why.text, "a.db"));
	shell("rm -f fill");
	if (!when) /* in the room that was kept for it */
		ck_assert_int_eq(number_of_file("a.db", "SELECT count(*) FROM run WHERE end_reason LIKE 'disk full%'"), 1);
	ck_assert_int_ge(number_of_file("a.db", "SELECT count(*) FROM sample"), when ? 100000 : 5000);
	ck_assert_int_eq(number_of_file("a.db", "SELECT (SELECT count(*) FROM sample) = (SELECT sum(samples) FROM folded)"), 1);
	ck_assert_int_eq(number_of_file("a.db", "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	shape_free(shape);
	_exit(0);
}

START_TEST(disk_full)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		record_on_small_disk(_i);
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_msg(status == 0 || WEXITSTATUS(status) == 77, "status %x", (unsigned)status);
}
END_TEST

static void merge_on_small_disk(void)
{
	const char *paths[] = {"../b.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};

	if (small_disk("4m"))
		_exit(77);
	shell("cp ../a.db . && cp a.db before.db");
	ck_assert_int_eq(ap_store_merge("a.db", paths, 1, &stats, &why), -ENOSPC);
	shell("cmp a.db before.db && test ! -e a.db-journal");
	ck_assert_int_eq(ap_store_merge("new.db", paths, 1, &stats, &why), -ENOSPC);
	shell("test $(ls | wc -l) = 2");
	_exit(0);
}

START_TEST(disk_full_in_a_merge)
{
	int status;
	pid_t pid;

	make_file("a.db", "u1", 5000, 1);
	make_file("b.db", "u2", 100000, 2);
	pid = fork();
	if (!pid)
		merge_on_small_disk();
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_msg(status == 0 || WEXITSTATUS(status) == 77, "status %x", (unsigned)status);
}
END_TEST

/* A limit of the file's size fails as no full disk does: an error of its own. */
START_TEST(file_size_limit)
{
	struct shape_state *shape = make_shape(200000, 1);
	struct ap_why why = {""};
	struct ap_store *s;
	struct rlimit old, small;

	ck_assert(!getrlimit(RLIMIT_FSIZE, &old));
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){4 << 20, old.rlim_max};
	ck_assert_msg(!make_create("a.db", "u", 0, &s, &why), "%s", why.text);
	ck_assert(!setrlimit(RLIMIT_FSIZE, &small));
	ck_assert_int_lt(make_put(s, shape, 1000), 0);
	ck_assert_int_lt(make_seal(s, "stopped", &why), 0);
	ck_assert(!setrlimit(RLIMIT_FSIZE, &old));
	ck_assert_int_ge(number_of_file("a.db", "SELECT count(*) FROM sample"), 1000);
	ck_assert_int_eq(number_of_file("a.db", "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	shape_free(shape);
}
END_TEST

static const uint64_t SIZES[] = {2 << 20, 3 << 20, 5 << 20, 12 << 20, 20 << 20};

START_TEST(max_size)
{
	struct shape_state *shape = make_shape(800000, 1);
	uint64_t batch = 2000 * 64 + (256 << 10); /* its samples and stacks, and pages that they begin */
	struct ap_why why = {""};
	struct ap_store *s;
	struct stat st;

	ck_assert(!make_create("a.db", "u", SIZES[_i], &s, &why));
	ck_assert_int_eq(make_put(s, shape, 2000), -EFBIG);
	ck_assert_int_eq(make_seal(s, "max-size", &why), -EFBIG);
	ck_assert(!stat("a.db", &st));
	ck_assert_uint_le((uint64_t)st.st_size, SIZES[_i] + batch);
	ck_assert_uint_ge((uint64_t)st.st_size, SIZES[_i] / 10 * 7); /* room is kept for names, which this file has none of */
	ck_assert_int_eq(number_of_file("a.db", "SELECT count(*) FROM run WHERE end_reason = 'max-size'"), 1);
	shape_free(shape);
}
END_TEST

/* A file as version 1 left it. */
static void make_version_1(const char *path)
{
	sqlite3 *db;

	make_file("new.db", "u1", 2000, 1);
	ck_assert(!sqlite3_open(path, &db));
	ck_assert(!sqlite3_exec(db, ap_sql_schema, NULL, NULL, NULL));
	ck_assert(!sqlite3_exec(db, ap_sql_old_tables, NULL, NULL, NULL));
	ck_assert(!sqlite3_exec(db, ap_sql_views_1, NULL, NULL, NULL));
	ck_assert_msg(
		!sqlite3_exec(db,
			"PRAGMA user_version = 1; ATTACH 'new.db' AS n; INSERT INTO host SELECT * FROM n.host; INSERT INTO run SELECT * "
			"FROM n.run;"
			"INSERT INTO event SELECT * FROM n.event; INSERT INTO process SELECT * FROM n.process; INSERT INTO thread SELECT * "
			"FROM n.thread;"
			"INSERT INTO executable SELECT * FROM n.executable; INSERT INTO function SELECT id, name, linkage_name, file, line "
			"FROM n.function;"
			"INSERT INTO frame SELECT * FROM n.frame; INSERT INTO frame_line SELECT * FROM n.frame_line;"
			"INSERT INTO stack SELECT * FROM n.stack; INSERT INTO sample SELECT run, ts, cpu, event, thread, stack, weight + "
			"ts % 2 FROM n.sample;"
			"INSERT INTO stack_total SELECT * FROM n.stack_total; INSERT INTO function_total SELECT * FROM n.function_total",
			NULL, NULL, NULL),
		"%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

START_TEST(an_older_file_reads_and_migrates)
{
	uint64_t before;
	int64_t weight;
	const char *paths[] = {"old.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	sqlite3 *db;

	make_version_1("old.db");
	before = hash_bytes("old.db");
	ck_assert_int_eq(number_of_file("old.db", "SELECT sum(samples) FROM folded WHERE stack_id > 0"), 2000);
	ck_assert_int_eq(number_of_file("old.db", "SELECT complete_pct FROM data_quality"), 100);
	ck_assert_int_eq(number_of_file("old.db", "PRAGMA user_version"), 1);
	weight = number_of_file("old.db", "SELECT sum(weight) FROM sample");
	ck_assert_int_eq(number_of_file("old.db", "SELECT sum(weight) FROM thread_total"), weight);
	ck_assert_msg(!ap_store_merge("merged.db", paths, 1, &stats, &why), "%s", why.text);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT n FROM quality_total"), 2000);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT weight FROM quality_total"), weight);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT sum(weight) FROM sample"), weight);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT count(*) FROM function WHERE start_only = 0"),
		number_of_file("old.db", "SELECT count(*) FROM function"));

	ck_assert(hash_bytes("old.db") == before);
	ck_assert_msg(!ap_store_open_names("old.db", &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "PRAGMA user_version"), 3);
	ck_assert_int_eq(number_in(db, "SELECT sum(weight) FROM sample"), weight);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample_row WHERE weight IS NULL"), 0);
	ck_assert(!ap_store_derive(db, &why));
	sqlite3_close(db);
	ck_assert_int_eq(number_of_file("old.db", "SELECT n FROM main.quality_total"), 2000);
	ck_assert_int_eq(number_of_file("old.db", "SELECT count(*) FROM main.folded WHERE stack_id > 0") > 0, 1);
	make_change("old.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(ap_store_open_read("old.db", &db, &why), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(why.text, "old.db"));
	ck_assert_ptr_nonnull(strstr(why.text, "update aperture"));
}
END_TEST

/* The mechanism over more than one step, with versions of the test's own. */
START_TEST(migration_over_several_versions)
{
	static const char second[] = "CREATE TABLE extra(x);\n", third[] = "CREATE TABLE more(y);\n",
			  views[] = "CREATE VIEW v AS SELECT y FROM more;\n";
	struct ap_schema all[] = {ap_schemas.all[0], {2, {ap_sql_schema, ap_sql_old_tables, second}, ap_sql_views_1, second, NULL},
		{3, {ap_sql_schema, ap_sql_old_tables, second, third}, views, third, NULL}};
	const struct ap_schemas one = {all, 1}, three = {all, 3};
	const struct ap_schema *found = NULL;
	struct ap_why why = {""};
	sqlite3 *db;

	ck_assert(!sqlite3_open("x.db", &db) && !ap_schema_create(db, &one));
	ck_assert_int_eq(number_in(db, "PRAGMA user_version"), 1);
	ck_assert(!ap_schema_check(db, &three, "x.db", &found, &why) && found == &all[0]);
	ck_assert_msg(!ap_schema_migrate(db, &three, found, "x.db", &why), "%s", why.text);
	ck_assert(!ap_schema_check(db, &three, "x.db", &found, &why) && found == &all[2]);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM v, extra"), 0);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sqlite_master WHERE type = 'view'"), 1);
	ck_assert_int_eq(ap_schema_check(db, &one, "x.db", &found, &why), -EPROTONOSUPPORT);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_live_file_is_read_and_not_written);
	tcase_add_test(t, a_live_file_is_no_output_of_merge);
	tcase_add_test(t, killed_at_any_moment);
	tcase_add_test(t, the_next_writer_finishes_a_killed_file);
	tcase_add_loop_test(t, where_nothing_can_be_written, 0, 3);
	tcase_add_loop_test(t, disk_full, 0, 2);
	tcase_add_test(t, disk_full_in_a_merge);
	tcase_add_test(t, file_size_limit);
	tcase_add_loop_test(t, max_size, 0, getenv("AP_FAST") ? 1 : (int)(sizeof SIZES / sizeof *SIZES));
	tcase_add_test(t, an_older_file_reads_and_migrates);
	tcase_add_test(t, migration_over_several_versions);
	suite_add_tcase(s, t);
	return check_main(s);
}
