/* Merging: any order, again, and what is refused leaves the output as it was. */
#include "tests/store_content.h"
#include "tests/store_make.h"

/* Same host and process for every n; the ids and one branch of the stacks differ. */
static void make(const char *path, int n)
{
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	ck_assert_msg(!make_create(path, n == 1 ? "u1" : "u2", 0, &s, &why), "%s", why.text);
	ck_assert(!ap_batch_new(&b));
	ROW(b, event, .id = 1, .run = 1, .name = "cpu", .source = "s", .why = "", .unit = "ns");
	ROW(b, process, .id = n, .host = 1, .boot = "b", .pid = 7, .parent = AP_NULL, .end_ns = n);
	ROW(b, process, .id = 3, .host = 1, .boot = "b", .pid = 8 + n, .parent = n, .end_ns = AP_NULL);
	ROW(b, thread, .id = 5, .process = n, .tid = 7, .comm = "x", .end_ns = n == 1 ? AP_NULL : 9);
	ROW(b, executable, .id = 3 - n, .build_id = "aa", .path = "/a", .kind = 1);
	for (int i = 1; i <= 3; i++)
		ROW(b, frame, .id = i, .executable = 3 - n, .address = i * (i == 2 ? n : 1) * 16, .kind = 1);
	ROW(b, stack, .id = 1, .parent_id = 0, .frame_id = 1);
	ROW(b, stack, .id = 2, .parent_id = 1, .frame_id = 2);
	ROW(b, stack, .id = 3, .parent_id = 1, .frame_id = 3);
	for (int i = 1; i <= 3; i++)
		ROW(b, sample_row, .run = 1, .ts = i, .event = 1, .thread = 5, .stack = i, .weight = 10 * n);
	ck_assert_int_eq(ap_store_put(s, b, 1000000000), 0);
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
}

static int merge(const char *out, const char *a, const char *b, const char *c, struct ap_merge_stats *stats)
{
	const char *paths[] = {a, b, c};
	struct ap_why why = {""};
	int err = ap_store_merge(out, paths, c ? 3 : b ? 2 : 1, stats, &why);

	ck_assert_msg(!err == !why.text[0], "%d: %s", err, why.text);
	return err;
}

static void set_up(void)
{
	enter_folder();
	make("a.db", 1);
	make("b.db", 2);
}

START_TEST(any_order_and_again)
{
	struct ap_merge_stats st;
	char *ab, *ba, *aba;

	ck_assert(!merge("ab.db", "a.db", "b.db", NULL, &st));
	ck_assert_uint_eq(st.runs_added, 2);
	ck_assert_uint_eq(st.samples_added, 6);
	ck_assert(!merge("ba.db", "b.db", "a.db", NULL, &st));
	ck_assert(!merge("aba.db", "a.db", NULL, NULL, &st));
	ck_assert(!merge("aba.db", "b.db", "a.db", NULL, &st));
	ck_assert_uint_eq(st.runs_added, 1);
	ab = content_of("ab.db");
	ba = content_of("ba.db");
	aba = content_of("aba.db");
	ck_assert_ptr_nonnull(strstr(ab, "u2"));
	ck_assert_str_eq(ab, ba);
	ck_assert_str_eq(ab, aba);
	ck_assert(!system("cp ab.db before.db"));
	ck_assert(!merge("ab.db", "a.db", "b.db", "a.db", &st));
	ck_assert_uint_eq(st.runs_added, 0);
	ck_assert_int_eq(system("cmp ab.db before.db"), 0);
	ck_assert_int_eq(number_of_file("ab.db", "SELECT count(*) FROM stack"), 4);
	ck_assert_int_eq(number_of_file("ab.db", "SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(number_of_file("ab.db", "SELECT count(*) FROM process"), 3);
	ck_assert_int_eq(number_of_file("ab.db", "SELECT count(*) FROM process WHERE parent = (SELECT id FROM process WHERE pid = 7)"), 2);
	free(ab);
	free(ba);
	free(aba);
}
END_TEST

static const char *const BAD[] = {
	"PRAGMA user_version = 99",
	"PRAGMA application_id = 1",
	"CREATE TRIGGER t AFTER INSERT ON sample_row BEGIN SELECT 1; END",
	"UPDATE stack SET parent_id = 3 WHERE id = 2",
	"UPDATE stack SET frame_id = 77 WHERE id = 2",
	"UPDATE sample_row SET stack = 'x' WHERE ts = 1",
	"UPDATE sample_row SET thread = 1 << 40 WHERE ts = 1",
	"UPDATE sample_row SET event = -1 WHERE ts = 1",
	"INSERT INTO frame VALUES(1 << 40, 1, 1, 1)",
	"INSERT INTO frame VALUES(-1, 1, 1, 1)",
};

START_TEST(hostile)
{
	struct ap_merge_stats st;

	ck_assert(!merge("out.db", "a.db", NULL, NULL, &st));
	ck_assert(!system("cp out.db before.db; cp b.db bad.db"));
	make_change("bad.db", BAD[_i]);
	ck_assert_int_ne(merge("out.db", "a.db", "bad.db", NULL, &st), 0);
	ck_assert_int_ne(merge("new.db", "a.db", "bad.db", NULL, &st), 0);
	ck_assert_int_eq(system("cmp out.db before.db && ! ls | grep -q merge- && test ! -e new.db"), 0);
}
END_TEST

START_TEST(truncated)
{
	struct ap_merge_stats st;

	ck_assert(!merge("out.db", "a.db", NULL, NULL, &st));
	ck_assert(!system("cp out.db before.db; head -c 100000 b.db > bad.db"));
	ck_assert(merge("out.db", "bad.db", NULL, NULL, &st));
	ck_assert(merge("new.db", "bad.db", NULL, NULL, &st));
	ck_assert_int_eq(system("cmp out.db before.db && ! ls | grep -q merge- && test ! -e new.db"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("merge");
	TCase *t = tcase_create("merge");

	tcase_add_checked_fixture(t, set_up, leave_folder);
	tcase_add_test(t, any_order_and_again);
	tcase_add_loop_test(t, hostile, 0, sizeof BAD / sizeof *BAD);
	tcase_add_test(t, truncated);
	suite_add_tcase(s, t);
	return check_main(s);
}
