/* record: a stored event file through the whole pipeline into a sealed file; what must be counted is counted. */
#include "record/child.h"
#include "tests/record_make.h"

#include <errno.h>
#include <sys/wait.h>

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
	char *const argv[] = {(char *)"touch", (char *)events_path, NULL};
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

	tcase_add_checked_fixture(c, enter_folder, leave_folder);
	tcase_add_test(c, replay_becomes_a_sealed_file);
	tcase_add_loop_test(c, weights_that_are_the_period_are_left_out, 0, 2);
	tcase_add_test(c, events_across_the_pieces_of_a_file);
	tcase_add_test(c, damaged_event_file_is_refused_and_leaves_no_file);
	tcase_add_test(c, command_that_does_not_exist_says_so);
	tcase_add_test(c, command_never_released_never_runs);
	suite_add_tcase(s, c);
	return check_main(s);
}
