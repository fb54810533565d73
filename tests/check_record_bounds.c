/* record: at the bounds of its memory and behind a writer that hangs; what can be kept is kept, what is lost is counted. */
#include "base/clock.h"
#include "base/hash.h"
#include "record/outbox.h"
#include "tests/record_make.h"

#include <errno.h>

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = ap_hash_u64(seed + 0x9e3779b97f4a7c15ull);
	return seed % n;
}

/* Each sample has one of many stacks, so that what was forgotten comes again. */
static void write_many_stacks(uint64_t samples, uint64_t stacks)
{
	static const char *const names[] = {"cpu-clock"};
	uint64_t path[8], which = 1;
	struct ap_replay_writer *w;
	struct ap_why why = {""};

	ck_assert_msg(!ap_replay_writer_new(events_path, names, 1, &w, &why), "%s", why.text);
	put_mmap(w, 1000);
	for (uint64_t i = 0; i < samples; i++) {
		seed = which = ap_hash_u64(which + i);
		seed = below(stacks);
		for (size_t k = AP_ARRAY_LEN(path); k-- > 0;)
			path[k] = BASE + 0x100 + 16 * below(8 * (AP_ARRAY_LEN(path) - k));
		put_sample(w, 2000 + i, below(10) ? AP_STACK_END_COMPLETE : AP_STACK_END_DUMP_ENDED, path, 1 + below(AP_ARRAY_LEN(path)));
	}
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
}

static void record_bounded(const char *name, uint64_t max_memory, uint64_t samples)
{
	struct ap_session_config cfg = {.symbols = false, .max_memory = max_memory};
	struct ap_session_result r;
	struct ap_why why = {""};

	db_path = name;
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_uint_eq(r.lost, 0);
	ck_assert_uint_eq(r.samples, samples);
}

/* Rows of the table or view that one file at db_path or whole.db has and the other has not. */
static int64_t differences(const char *columns, const char *table)
{
	char sql[512];
	sqlite3 *db;
	int64_t v;

	ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "ATTACH 'whole.db' AS whole", NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof sql,
		"WITH a AS (SELECT %s FROM main.%s), b AS (SELECT %s FROM whole.%s) "
		"SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b)) + (SELECT count(*) FROM (SELECT * FROM b EXCEPT "
		"SELECT * FROM a))",
		columns, table, columns, table);
	v = number_in(db, sql);
	sqlite3_close(db);
	return v;
}

/* With a bound on memory that its stacks exceed many times a recording loses nothing: its file is the one without a bound, row for row, and
 * merges as such. */
START_TEST(more_stacks_than_memory_holds_are_all_stored)
{
	enum { SAMPLES = 60000, STACKS = 40000, MEMORY = 1 << 20 };
	const char *const both[] = {"bounded.db", "whole.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};

	write_many_stacks(SAMPLES, STACKS);
	record_bounded("whole.db", 0, SAMPLES);
	record_bounded("bounded.db", MEMORY, SAMPLES);
	ck_assert_int_gt(ask("SELECT count(*) FROM stack") * 8, MEMORY / 2); /* one generation does not hold them */
	ck_assert_int_eq(ask("SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM loss"), 0);
	ck_assert_int_eq(ask("SELECT seen - stored FROM account"), 0);
	ck_assert_int_eq(differences("id, parent_id, frame_id", "stack"), 0);
	ck_assert_int_eq(differences("id, executable, address, kind", "frame"), 0);
	ck_assert_int_eq(differences("rowid, stack, weight", "sample_row"), 0);
	ck_assert_int_eq(differences("stack, self, total, self_n, total_n", "stack_total"), 0);
	if (!getenv("AP_FAST")) /* it follows from the others, and is slow */
		ck_assert_int_eq(differences("*", "folded"), 0);

	ck_assert_msg(!ap_store_merge("merged.db", both, 2, &stats, &why), "%s", why.text);
	ck_assert_uint_eq(stats.samples_added, 2 * SAMPLES);
	db_path = "merged.db";
	ck_assert_int_eq(differences("parent_id, frame_id", "stack"), 0);
}
END_TEST

/* Frames alone past the bound are a loss, and said to be one; samples of frames that are known go on, whatever their stacks. */
START_TEST(more_frames_than_memory_holds_are_counted_as_lost)
{
	enum { FRAMES = 20000, AGAIN = 10000 };
	static const char *const names[] = {"cpu-clock"};
	struct ap_session_config cfg = {.symbols = false, .max_memory = 1 << 20};
	struct ap_session_result r;
	struct ap_replay_writer *w;
	struct ap_why why = {""};
	uint64_t path[3];

	ck_assert_msg(!ap_replay_writer_new(events_path, names, 1, &w, &why), "%s", why.text);
	put_mmap(w, 1000);
	for (uint64_t i = 0; i < FRAMES; i++)
		put_sample(w, 2000 + i, AP_STACK_END_COMPLETE, (const uint64_t[]){BASE + 0x100 + 16 * i}, 1);
	for (uint64_t i = 0; i < AGAIN; i++) {
		for (size_t k = 0; k < AP_ARRAY_LEN(path); k++)
			path[k] = BASE + 0x100 + 16 * below(1000);
		put_sample(w, 2000 + FRAMES + i, AP_STACK_END_COMPLETE, path, AP_ARRAY_LEN(path));
	}
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_uint_gt(r.lost, 0);
	ck_assert_uint_lt(r.lost, FRAMES - 1000);
	ck_assert_uint_eq(r.samples + r.lost, FRAMES + AGAIN);
	ck_assert_int_eq(ask("SELECT sum(n) FROM loss WHERE cause = 'memory limit'"), (int64_t)r.lost);
	ck_assert_int_eq(ask("SELECT seen - stored - filtered - lost FROM account"), 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM sample WHERE stack NOT IN (SELECT id FROM stack)"), 0);
}
END_TEST

static void open_outbox(struct ap_outbox *o)
{
	struct ap_why why = {""};

	ck_assert_int_eq(ap_stacks_new(0, &o->stacks), 0);
	ck_assert_int_eq(ap_outbox_init(o), 0);
	ck_assert_msg(!make_create(db_path, NULL, 0, &o->store, &why), "%s", why.text);
}

/* One stack and a sample of it, then all is forgotten. */
static int put_and_forget(struct ap_outbox *o, uint32_t which, uint64_t timeout_ns)
{
	struct ap_row_sample_row row = {.run = 1, .ts = which, .event = 1, .thread = 1, .weight = 1};
	uint32_t stack;

	ck_assert_int_eq(ap_stacks_path(o->stacks, &which, 1, &stack), 0);
	row.stack = stack;
	ck_assert_int_eq(ap_rows_sample(&o->rows, &row), 0);
	return ap_outbox_forget(o, timeout_ns);
}

/* Nothing is forgotten that the writer has not been handed; while it hangs it is waited for once, and what waits goes when it is back. */
START_TEST(a_writer_that_hangs_is_waited_for_once)
{
	const uint64_t wait_ns = 200000000;
	struct ap_why why = {""};
	struct ap_outbox o = {0};
	uint32_t put = 0, generation;
	uint64_t start;
	sqlite3 *hang;
	int err;

	ck_assert_int_eq(ap_outbox_forget(&o, 0), -ENOSPC);
	open_outbox(&o);
	ck_assert_int_eq(ap_outbox_forget(&o, 0), -ENOSPC);
	ck_assert_int_eq(sqlite3_open(db_path, &hang), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(hang, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	do
		err = put_and_forget(&o, ++put, wait_ns);
	while (!err && put < 100);
	ck_assert_int_eq(err, -EAGAIN);
	generation = ap_stacks_generation(o.stacks);
	ck_assert_uint_eq(generation, put - 1);
	ck_assert_uint_eq(ap_stacks_node_count(o.stacks), 1);
	start = ap_now_ns();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(put_and_forget(&o, ++put, wait_ns), -EAGAIN);
	ck_assert_uint_lt(ap_now_ns() - start, 10 * wait_ns);
	ck_assert_uint_eq(ap_stacks_generation(o.stacks), generation);
	ck_assert_int_eq(sqlite3_exec(hang, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(hang);
	ck_assert_int_eq(ap_outbox_flush(&o, UINT64_MAX), 0);
	ck_assert_int_eq(ap_outbox_forget(&o, UINT64_MAX), 0);
	ck_assert_uint_eq(ap_stacks_generation(o.stacks), generation + 1);
	ck_assert_msg(!make_seal(o.store, "interrupted", &why), "%s", why.text);
	ap_outbox_done(&o);
	ap_stacks_free(o.stacks);
	ck_assert_int_eq(ask("SELECT count(*) FROM stack"), put);
	ck_assert_int_eq(ask("SELECT count(*) FROM sample_row s JOIN stack k ON k.id = s.stack WHERE k.frame_id = s.ts"), put);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record bounds");
	TCase *c = tcase_create("record bounds");

	tcase_add_checked_fixture(c, enter_folder, leave_folder);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, more_stacks_than_memory_holds_are_all_stored);
	tcase_add_test(c, more_frames_than_memory_holds_are_counted_as_lost);
	tcase_add_test(c, a_writer_that_hangs_is_waited_for_once);
	suite_add_tcase(s, c);
	return check_main(s);
}
