/* record: a stored event file through the whole pipeline into a sealed file; what must be counted is counted. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "event/replay.h"
#include "record/child.h"
#include "record/outbox.h"
#include "record/session.h"
#include "store/store.h"
#include "tests/check_main.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PID = 4000000, BASE = 0x400000 }; /* above pid_max: never a living process */

static char folder[64], events_path[128], db_path[160];

static void set_up(void)
{
	snprintf(folder, sizeof folder, "/tmp/check_record.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(events_path, sizeof events_path, "%s/events", folder);
	snprintf(db_path, sizeof db_path, "%s/run.db", folder);
}

static void tear_down(void)
{
	char command[160];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void put_mmap(struct ap_replay_writer *w, uint64_t time_ns)
{
	char room[sizeof(struct ap_mmap) + PATH_MAX] = {0};
	struct ap_mmap *m = (struct ap_mmap *)room;
	struct stat st;
	ssize_t n = readlink("/proc/self/exe", m->path, PATH_MAX - 8);

	ck_assert_int_gt((int)n, 0);
	ck_assert_int_eq(stat(m->path, &st), 0);
	m->h = (struct ap_event){.time_ns = time_ns, .pid = PID, .tid = PID, .kind = AP_EVENT_MMAP};
	m->start = BASE;
	m->length = 1 << 20;
	m->inode = st.st_ino;
	m->device_major = major(st.st_dev);
	m->device_minor = minor(st.st_dev);
	m->protection = 5;
	m->h.size = (uint32_t)((sizeof *m + (size_t)n + 8) & ~7ul);
	ck_assert_int_eq(ap_replay_writer_put(w, &m->h), 0);
}

static uint64_t sample_weight = 1000;

static void put_sample(struct ap_replay_writer *w, uint64_t time_ns, uint8_t end, const uint64_t *user, uint16_t n)
{
	struct {
		struct ap_sample s;
		uint64_t user[8];
	} e = {.s = {.h = {.time_ns = time_ns, .pid = PID, .tid = PID, .kind = AP_EVENT_SAMPLE},
		       .weight = sample_weight,
		       .n_user = n,
		       .end = end}};

	e.s.h.size = (uint32_t)ap_sample_size(0, n, false, 0);
	memcpy(e.user, user, n * sizeof *user);
	ck_assert_int_eq(ap_replay_writer_put(w, &e.s.h), 0);
}

static void put_lost(struct ap_replay_writer *w, uint64_t time_ns, uint64_t n)
{
	struct ap_lost l = {.h = {.time_ns = time_ns, .kind = AP_EVENT_LOST, .size = sizeof l}, .n = n, .cause = AP_LOSS_RING_FULL};

	ck_assert_int_eq(ap_replay_writer_put(w, &l.h), 0);
}

/* Three whole stacks of one kind, one cut, one of another, seven lost. */
static void write_events(void)
{
	static const char *const names[] = {"cpu-clock"};
	const uint64_t deep[] = {BASE + 0x300, BASE + 0x200, BASE + 0x100}, flat[] = {BASE + 0x100};
	struct ap_replay_writer *w;
	struct ap_why why = {""};

	ck_assert_msg(!ap_replay_writer_new(events_path, names, 1, &w, &why), "%s", why.text);
	put_mmap(w, 1000);
	for (int i = 0; i < 3; i++)
		put_sample(w, 2000 + (uint64_t)i, AP_STACK_END_COMPLETE, deep, 3);
	put_sample(w, 3000, AP_STACK_END_DUMP_ENDED, deep, 2);
	put_sample(w, 4000, AP_STACK_END_COMPLETE, flat, 1);
	put_lost(w, 5000, 7);
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
}

static int64_t ask(const char *sql)
{
	struct ap_why why = {""};
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t v;

	ck_assert_msg(!ap_store_open_read(db_path, &db, &why), "%s", why.text);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(st) == SQLITE_ROW, "%s: no row", sql);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static int record(struct ap_session_config *cfg, struct ap_session_result *r, struct ap_why *why)
{
	static const struct ap_source_ops *const sources[] = {&ap_source_replay, NULL};
	static const atomic_int no = 0;

	cfg->sources = sources;
	cfg->source_forced = true;
	cfg->output = db_path;
	cfg->source.replay_path = events_path;
	cfg->stop = cfg->forward = &no;
	return ap_session_run(cfg, r, why);
}

START_TEST(replay_becomes_a_sealed_file)
{
	struct ap_session_config cfg = {.symbols = true};
	struct ap_session_result r;
	struct ap_why why = {""};

	write_events();
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_uint_eq(r.samples, 5);
	ck_assert_uint_eq(r.lost, 7);
	ck_assert(r.complete_pct > 79.9 && r.complete_pct < 80.1);
	ck_assert_int_eq(ask("SELECT count(*) FROM sample"), 5);
	ck_assert_int_eq(ask("SELECT sum(weight) FROM sample"), 5000);
	ck_assert_int_eq(ask("SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(ask("SELECT count(DISTINCT stack) FROM sample"), 3);
	ck_assert_int_eq(ask("SELECT sum(n) FROM loss WHERE cause = 'ring full'"), 7);
	ck_assert_int_eq(ask("SELECT seen - stored - filtered - lost FROM account"), 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM run WHERE end_reason = 'target exited' AND end_ns IS NOT NULL"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM frame WHERE kind = 4 AND address = 3"), 1);
}
END_TEST

/* A clock's first sample says what its period is; a weight that is otherwise stays with its sample, and so does that of a counter. */
START_TEST(weights_that_are_the_period_are_left_out)
{
	static const char *const names[] = {"cpu-clock", "cycles"};
	static const uint64_t weights[] = {1000, 1000, 700, 0, 1000};
	const char *name = names[_i];
	struct ap_session_config cfg = {.symbols = true};
	struct ap_session_result r;
	struct ap_replay_writer *w;
	struct ap_why why = {""};

	ck_assert_msg(!ap_replay_writer_new(events_path, &name, 1, &w, &why), "%s", why.text);
	put_mmap(w, 1000);
	for (size_t i = 0; i < AP_ARRAY_LEN(weights); i++) {
		sample_weight = weights[i];
		put_sample(w, 2000 + i, AP_STACK_END_COMPLETE, (const uint64_t[]){BASE + 0x100}, 1);
	}
	sample_weight = 1000;
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_int_eq(ask("SELECT coalesce(period, -1) FROM event"), _i ? -1 : 1000);
	ck_assert_int_eq(ask("SELECT count(*) FROM sample_row WHERE weight IS NULL"), _i ? 0 : 3);
	ck_assert_int_eq(ask("SELECT sum(weight) FROM sample"), 3700);
	ck_assert_int_eq(ask("SELECT weight FROM quality_total"), 3700);
	ck_assert_int_eq(ask("SELECT sum(weight) FROM samples"), 3700);
}
END_TEST

/* The source reads the file in pieces; an event may be cut by a piece's end anywhere, its header too. */
START_TEST(events_across_the_pieces_of_a_file)
{
	enum { COUNT = 20000 };
	static const char *const names[] = {"cpu-clock"};
	struct ap_comm c = {.h = {.pid = PID, .tid = PID, .kind = AP_EVENT_COMM, .size = sizeof c}, .comm = "name"};
	const uint64_t flat[] = {BASE + 0x100};
	struct ap_session_config cfg = {.symbols = false};
	struct ap_session_result r;
	struct ap_replay_writer *w;
	struct ap_why why = {""};

	ck_assert_msg(!ap_replay_writer_new(events_path, names, 1, &w, &why), "%s", why.text);
	for (uint64_t i = 0; i < COUNT; i++) {
		c.h.time_ns = 1000 + i;
		ck_assert_int_eq(ap_replay_writer_put(w, &c.h), 0);
		if (i % 100 == 0)
			put_sample(w, 1000 + i, AP_STACK_END_COMPLETE, flat, 1);
	}
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_uint_eq(r.samples, COUNT / 100);
	ck_assert_uint_eq(r.lost, 0);
}
END_TEST

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

	snprintf(db_path, sizeof db_path, "%s/%s", folder, name);
	ck_assert_msg(!record(&cfg, &r, &why), "%s", why.text);
	ck_assert_uint_eq(r.lost, 0);
	ck_assert_uint_eq(r.samples, samples);
}

/* Rows of the table or view that one file at db_path or whole.db has and the other has not. */
static int64_t differences(const char *columns, const char *table)
{
	char sql[512];
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t v;

	ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
	snprintf(sql, sizeof sql, "ATTACH '%s/whole.db' AS whole", folder);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof sql,
		"WITH a AS (SELECT %s FROM main.%s), b AS (SELECT %s FROM whole.%s) "
		"SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b)) + (SELECT count(*) FROM (SELECT * FROM b EXCEPT "
		"SELECT * FROM a))",
		columns, table, columns, table);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

/* With a bound on memory that its stacks exceed many times a recording loses nothing: its file is the one without a bound, row for row, and
 * merges as such. */
START_TEST(more_stacks_than_memory_holds_are_all_stored)
{
	enum { SAMPLES = 60000, STACKS = 40000, MEMORY = 1 << 20 };
	char bounded[160], whole[160], merged[160];
	const char *const both[] = {bounded, whole};
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
	ck_assert_int_eq(differences("*", "folded"), 0);

	snprintf(bounded, sizeof bounded, "%s", db_path);
	snprintf(whole, sizeof whole, "%s/whole.db", folder);
	snprintf(merged, sizeof merged, "%s/merged.db", folder);
	ck_assert_msg(!ap_store_merge(merged, both, 2, &stats, &why), "%s", why.text);
	ck_assert_uint_eq(stats.samples_added, 2 * SAMPLES);
	snprintf(db_path, sizeof db_path, "%s", merged);
	ck_assert_int_eq(differences("parent_id, frame_id", "stack"), 0);
}
END_TEST

/* Frames alone past the bound are a loss, and said to be one; samples of frames that are known go on, whatever their stacks. */
START_TEST(more_frames_than_memory_holds_are_counted_as_lost)
{
	enum { FRAMES = 30000, AGAIN = 20000 };
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
	struct ap_store_run run = {.host_key = "h",
		.host_name = "h",
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "b",
		.command = "",
		.options = "",
		.version = "",
		.source = "replay",
		.source_why = ""};
	struct ap_store_config sc = {.path = db_path};
	struct ap_why why = {""};

	ck_assert_int_eq(ap_stacks_new(0, &o->stacks), 0);
	ck_assert_int_eq(ap_outbox_init(o), 0);
	ck_assert_msg(!ap_store_create(&sc, &run, &o->store, &why), "%s", why.text);
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
	struct ap_store_end end = {.end_ns = 1, .reason = "interrupted", .exit_code = AP_NULL};
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
	ck_assert_msg(!ap_store_seal(o.store, &end, &why), "%s", why.text);
	ap_outbox_done(&o);
	ap_stacks_free(o.stacks);
	ck_assert_int_eq(ask("SELECT count(*) FROM stack"), put);
	ck_assert_int_eq(ask("SELECT count(*) FROM sample_row s JOIN stack k ON k.id = s.stack WHERE k.frame_id = s.ts"), put);
}
END_TEST

START_TEST(damaged_event_file_is_refused_and_leaves_no_file)
{
	struct ap_session_config cfg = {.symbols = false};
	struct ap_session_result r;
	struct ap_why why = {""};
	FILE *f = fopen(events_path, "w");

	fputs("nonsense", f);
	fclose(f);
	ck_assert_int_lt(record(&cfg, &r, &why), 0);
	ck_assert_ptr_nonnull(strstr(why.text, events_path));
	ck_assert_int_ne(access(db_path, F_OK), 0);
}
END_TEST

START_TEST(command_that_does_not_exist_says_so)
{
	char *const argv[] = {(char *)"/no/such/program", NULL};
	struct ap_child c = AP_CHILD_NONE;
	struct ap_why why;
	sigset_t nothing;

	sigemptyset(&nothing);
	ck_assert_int_eq(ap_child_fork(argv, &nothing, &c, &why), 0);
	ck_assert_int_eq(ap_child_release(&c), -ENOENT);
	ap_child_wait(&c);
	ck_assert_int_eq(WEXITSTATUS(c.wait_status), 127);
	ap_child_done(&c);
}
END_TEST

START_TEST(command_never_released_never_runs)
{
	char *const argv[] = {(char *)"touch", events_path, NULL};
	struct ap_child c = AP_CHILD_NONE;
	struct ap_why why;
	sigset_t nothing;

	sigemptyset(&nothing);
	ck_assert_int_eq(ap_child_fork(argv, &nothing, &c, &why), 0);
	ap_child_done(&c);
	ck_assert(c.reaped);
	ck_assert_int_ne(access(events_path, F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *c = tcase_create("record");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, replay_becomes_a_sealed_file);
	tcase_add_loop_test(c, weights_that_are_the_period_are_left_out, 0, 2);
	tcase_add_test(c, events_across_the_pieces_of_a_file);
	tcase_add_test(c, more_stacks_than_memory_holds_are_all_stored);
	tcase_add_test(c, more_frames_than_memory_holds_are_counted_as_lost);
	tcase_add_test(c, a_writer_that_hangs_is_waited_for_once);
	tcase_add_test(c, damaged_event_file_is_refused_and_leaves_no_file);
	tcase_add_test(c, command_that_does_not_exist_says_so);
	tcase_add_test(c, command_never_released_never_runs);
	suite_add_tcase(s, c);
	return check_main(s);
}
