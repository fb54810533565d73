/* A file that has no room: the disk is full, or a limit is reached. What was stored stays whole, and how it ended is said. */
#include "tests/store_shape.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

int main(void)
{
	Suite *s = suite_create("full");
	TCase *t = tcase_create("full");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_loop_test(t, disk_full, 0, 2);
	tcase_add_test(t, disk_full_in_a_merge);
	tcase_add_test(t, file_size_limit);
	tcase_add_loop_test(t, max_size, 0, getenv("AP_FAST") ? 1 : (int)(sizeof SIZES / sizeof *SIZES));
	suite_add_tcase(s, t);
	return check_main(s);
}
