/* Merging: any order, again, and what is refused leaves the output as it was. */
#include "check_main.h"

#include "base/mem.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/check_merge-XXXXXX";

static const char DUMP[] = "WITH RECURSIVE p(id, t) AS (SELECT 0, '' UNION ALL SELECT k.id, p.t || ';' || e.build_id || '+' || f.address "
			   "FROM p JOIN stack k ON "
			   "k.parent_id = p.id JOIN frame f ON f.id = k.frame_id JOIN executable e ON e.id = f.executable) "
			   "SELECT group_concat(x, char(10)) FROM (SELECT r.uuid || ' ' || h.key || ' ' || s.ts || ' ' || ev.name || ' ' "
			   "|| pr.pid || ' ' || t.tid "
			   "|| ' ' || coalesce(t.end_ns, '-') || p.t || ' ' || s.weight AS x FROM sample s JOIN run r ON r.id = s.run JOIN "
			   "host h ON h.id = r.host "
			   "JOIN event ev ON ev.id = s.event AND ev.run = r.id JOIN thread t ON t.id = s.thread JOIN process pr ON pr.id = "
			   "t.process JOIN p ON "
			   "p.id = s.stack UNION ALL SELECT r.uuid || p.t || ' ' || st.self || ' ' || st.total FROM stack_total st JOIN "
			   "run r ON r.id = st.run "
			   "JOIN p ON p.id = st.stack ORDER BY 1)";

static char *text_of(const char *path, const char *sql)
{
	struct ap_why why = {""};
	sqlite3_stmt *st;
	sqlite3 *db;
	char *s;

	ck_assert_msg(!ap_store_open_read(path, &db, &why), "%s", why.text);
	ck_assert_msg(!sqlite3_prepare_v2(db, sql, -1, &st, NULL), "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	s = strdup(sqlite3_column_text(st, 0) ? (const char *)sqlite3_column_text(st, 0) : "");
	sqlite3_finalize(st);
	sqlite3_close(db);
	return s;
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert(!sqlite3_open(path, &db));
	ck_assert_msg(!sqlite3_exec(db, sql, NULL, NULL, NULL), "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Same host and process for every n; the ids and one branch of the stacks differ. */
static void make(const char *path, int n)
{
	struct ap_store_config cfg = {.path = path};
	struct ap_store_run run = {.host_key = "h",
		.host_name = "h",
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "b",
		.uuid = n == 1 ? "u1" : "u2",
		.command = "c",
		.options = "",
		.version = "",
		.source = "s",
		.source_why = ""};
	struct ap_store_end end = {.reason = "target exited", .exit_code = AP_NULL};
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	ck_assert_msg(!ap_store_create(&cfg, &run, &s, &why), "%s", why.text);
	ck_assert(!ap_batch_new(&b));
	ap_batch_event(b, &(struct ap_row_event){.id = 1, .run = 1, .name = "cpu", .source = "s", .why = "", .unit = "ns"});
	ap_batch_process(b, &(struct ap_row_process){.id = n, .host = 1, .boot = "b", .pid = 7, .parent = AP_NULL, .end_ns = n});
	ap_batch_process(b, &(struct ap_row_process){.id = 3, .host = 1, .boot = "b", .pid = 8 + n, .parent = n, .end_ns = AP_NULL});
	ap_batch_thread(b, &(struct ap_row_thread){.id = 5, .process = n, .tid = 7, .comm = "x", .end_ns = n == 1 ? AP_NULL : 9});
	ap_batch_executable(b, &(struct ap_row_executable){.id = 3 - n, .build_id = "aa", .path = "/a", .kind = 1});
	for (int i = 1; i <= 3; i++)
		ap_batch_frame(b, &(struct ap_row_frame){.id = i, .executable = 3 - n, .address = i * (i == 2 ? n : 1) * 16, .kind = 1});
	ap_batch_stack(b, &(struct ap_row_stack){.id = 1, .parent_id = 0, .frame_id = 1});
	ap_batch_stack(b, &(struct ap_row_stack){.id = 2, .parent_id = 1, .frame_id = 2});
	ap_batch_stack(b, &(struct ap_row_stack){.id = 3, .parent_id = 1, .frame_id = 3});
	for (int i = 1; i <= 3; i++)
		ap_batch_sample_row(
			b, &(struct ap_row_sample_row){.run = 1, .ts = i, .event = 1, .thread = 5, .stack = i, .weight = 10 * n});
	ck_assert_int_eq(ap_store_put(s, b, 1000000000), 0);
	ck_assert_msg(!ap_store_seal(s, &end, &why), "%s", why.text);
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
	snprintf(dir, sizeof dir, "/tmp/check_merge-XXXXXX"); /* CK_FORK=no: one process for all cases */
	ck_assert(mkdtemp(dir) && !chdir(dir));
	make("a.db", 1);
	make("b.db", 2);
}

static void tear_down(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert(!chdir("/") && !system(command));
}

START_TEST(any_order_and_again)
{
	struct ap_merge_stats st;
	char *ab, *ba, *aba, *again;

	ck_assert(!merge("ab.db", "a.db", "b.db", NULL, &st));
	ck_assert_uint_eq(st.runs_added, 2);
	ck_assert_uint_eq(st.samples_added, 6);
	ck_assert(!merge("ba.db", "b.db", "a.db", NULL, &st));
	ck_assert(!merge("aba.db", "a.db", NULL, NULL, &st));
	ck_assert(!merge("aba.db", "b.db", "a.db", NULL, &st));
	ck_assert_uint_eq(st.runs_added, 1);
	ab = text_of("ab.db", DUMP);
	ba = text_of("ba.db", DUMP);
	aba = text_of("aba.db", DUMP);
	ck_assert_ptr_nonnull(strstr(ab, "u2"));
	ck_assert_str_eq(ab, ba);
	ck_assert_str_eq(ab, aba);
	ck_assert(!system("cp ab.db before.db"));
	ck_assert(!merge("ab.db", "a.db", "b.db", "a.db", &st));
	ck_assert_uint_eq(st.runs_added, 0);
	ck_assert_int_eq(system("cmp ab.db before.db"), 0);
	again = text_of("ab.db",
		"SELECT count(*) || ' ' || (SELECT count(*) FROM stack WHERE parent_id >= id) || ' ' || (SELECT count(*) FROM "
		"process) || ' ' || (SELECT count(*) FROM process WHERE parent = (SELECT id FROM process WHERE pid = 7)) FROM stack");
	ck_assert_str_eq(again, "4 0 3 2");
	free(ab);
	free(ba);
	free(aba);
	free(again);
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
	change("bad.db", BAD[_i]);
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

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, any_order_and_again);
	tcase_add_loop_test(t, hostile, 0, sizeof BAD / sizeof *BAD);
	tcase_add_test(t, truncated);
	suite_add_tcase(s, t);
	return check_main(s);
}
