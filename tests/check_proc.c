/* proc: who is who, by events made by hand. */
#include "tests/proc_make.h"

#include <sys/prctl.h>
#include <unistd.h>

START_TEST(fork_shares_exec_drops_and_exit_ends)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	const struct ap_mapping *parent, *child;
	const struct ap_process *p;

	put_fork(t, 1, 100, 100, s);
	put_comm(t, AP_EVENT_EXEC, 100, 100, s, "sh");
	put_mmap(t, 100, s, 0x1000, 0x1000, 0, "//anon");
	parent = find(t, 100, 0x1800);
	ck_assert_ptr_nonnull(parent);
	ck_assert_int_eq(parent->binary->kind, AP_BINARY_JIT);
	put_fork(t, 100, 101, 101, s + 1000);
	ck_assert_uint_eq(said.processes, 1);
	child = find(t, 101, 0x1800);
	ck_assert_ptr_nonnull(child);
	ck_assert_uint_eq(said.processes, 2);
	ck_assert_uint_eq(said.last_parent, find(t, 100, 0x1800) ? 1 : 0);
	ck_assert_uint_ne(child->id, find(t, 100, 0x1800)->id);
	put_mmap(t, 101, s + 1500, 0x9000, 0x1000, 0, "//anon");
	ck_assert_ptr_nonnull(find(t, 101, 0x9000));
	ck_assert_ptr_null(find(t, 100, 0x9000));
	put_comm(t, AP_EVENT_EXEC, 101, 101, s + 2000, "true");
	ck_assert_ptr_null(find(t, 101, 0x1800));
	ck_assert_ptr_nonnull(find(t, 100, 0x1800));
	ck_assert_uint_eq(said.ended_mappings, 2);
	p = ap_tracker_process(t, 101, s);
	ck_assert_str_eq(p->comm, "true");
	put_exit(t, 101, 101, s + 3000);
	ck_assert_uint_eq(said.last_end, s + 3000);
	ck_assert_ptr_eq(ap_tracker_process(t, 101, s + 3000), p); /* within the grace */
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_pid_used_again_is_another_process)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	uint32_t first, thread;

	put_fork(t, 1, 100, 100, s);
	put_mmap(t, 100, s, 0x1000, 0x1000, 0, "//anon");
	first = ap_tracker_process(t, 100, s)->id;
	thread = ap_tracker_thread(t, 100, 100, s)->id;
	put_exit(t, 100, 100, s + 1);
	put_fork(t, 1, 100, 100, s + 100000000);
	ck_assert_ptr_null(find(t, 100, 0x1800));
	ck_assert_uint_ne(ap_tracker_process(t, 100, s)->id, first);
	ck_assert_uint_ne(ap_tracker_thread(t, 100, 100, s)->id, thread);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_storm_of_forks_stays_bounded_and_says_nothing)
{
	struct ap_tracker *t = tracker(NO_PROC, 64);
	struct ap_tracker_stats stats;
	uint64_t s = 5000000000;

	put_fork(t, 1, 2, 2, s);
	put_mmap(t, 2, s, 0x1000, 0x1000, 0, "//anon");
	for (uint32_t i = 0; i < 10000; i++) {
		put_fork(t, 2, 1000 + i, 1000 + i, s + i * 1000);
		put_comm(t, AP_EVENT_EXEC, 1000 + i, 1000 + i, s + i * 1000, "short");
		put_mmap(t, 1000 + i, s + i * 1000, 0x5000, 0x1000, 0, "//anon");
		put_exit(t, 1000 + i, 1000 + i, s + i * 1000 + 500);
	}
	ap_tracker_stats(t, &stats);
	ck_assert_uint_eq(stats.processes, 10001);
	ck_assert_uint_ge(stats.evicted, 10001 - 64);
	ck_assert_uint_eq(said.processes + said.threads + said.mappings + said.execs, 0);
	ck_assert_ptr_nonnull(find(t, 2, 0x1000));
	ap_tracker_free(t);
}
END_TEST

START_TEST(threads_come_and_go_and_the_last_ends_the_process)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	const struct ap_thread *thread;

	put_fork(t, 1, 50, 50, s);
	put_comm(t, AP_EVENT_COMM, 50, 50, s, "main");
	for (uint32_t i = 51; i < 100; i++)
		put_fork(t, 50, 50, i, s + i);
	thread = ap_tracker_thread(t, 50, 70, s);
	ck_assert_uint_eq(thread->tid, 70);
	ck_assert_str_eq(thread->comm, "main");
	put_comm(t, AP_EVENT_COMM, 50, 70, s + 200, "worker");
	ck_assert_str_eq(ap_tracker_thread(t, 50, 70, s)->comm, "worker");
	ck_assert_str_eq(ap_tracker_process(t, 50, s)->comm, "main");
	for (uint32_t i = 50; i < 100; i++) {
		ck_assert_uint_eq(said.last_end, 0);
		put_exit(t, 50, i, s + 1000 + i);
	}
	ck_assert_uint_eq(said.last_end, s + 1099);
	put_exit(t, 1, 1, s + 5000000000);                            /* the grace is over */
	ck_assert_uint_eq(ap_tracker_process(t, 50, s)->start_ns, 0); /* a number alone by now */
	ap_tracker_free(t);
}
END_TEST

/* The kernel ends the leader, then gives its number to the thread that called exec; no EXIT comes for that thread's own number. */
START_TEST(exec_from_another_thread_keeps_the_process)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	uint32_t id, thread;

	put_fork(t, 1, 50, 50, s);
	put_fork(t, 50, 50, 51, s + 1);
	id = ap_tracker_process(t, 50, s)->id;
	thread = ap_tracker_thread(t, 50, 50, s)->id;
	put_exit(t, 50, 50, s + 2);
	put_comm(t, AP_EVENT_EXEC, 50, 50, s + 3, "after");
	put_mmap(t, 50, s + 4, 0x1000, 0x1000, 0, "//anon");
	ck_assert_uint_eq(said.last_end, 0);
	put_exit(t, 1, 1, s + 5000000000); /* any grace is over */
	ck_assert_uint_eq(ap_tracker_process(t, 50, s)->id, id);
	ck_assert_uint_eq(ap_tracker_thread(t, 50, 50, s)->id, thread);
	ck_assert_str_eq(ap_tracker_thread(t, 50, 50, s)->comm, "after");
	ck_assert_ptr_nonnull(find(t, 50, 0x1800));
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_process_known_by_its_fork_alone_has_its_parents_name)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint64_t now = ap_now_ns();
	const uint32_t own = (uint32_t)getpid(), child = 4194302, grandchild = 4194303; /* nobody's: gone before anyone could ask */
	char comm[16];

	ck_assert_int_eq(prctl(PR_GET_NAME, comm), 0);
	put_fork(t, own, child, child, now); /* of a parent that no event introduced */
	put_fork(t, child, grandchild, grandchild, now + 1);
	ck_assert_str_eq(ap_tracker_process(t, grandchild, now + 2)->comm, comm);
	ck_assert_str_eq(ap_tracker_thread(t, grandchild, grandchild, now + 2)->comm, comm);
	ck_assert_str_eq(ap_tracker_process(t, child, now + 2)->comm, comm);
	put_comm(t, AP_EVENT_COMM, child, child, now + 3, "itself");
	ck_assert_str_eq(ap_tracker_process(t, child, now + 4)->comm, "itself");
	ap_tracker_free(t);
}
END_TEST

static void put_exit_of(struct ap_tracker *t, uint32_t parent, uint32_t pid, uint64_t time)
{
	struct ap_fork f = {.h = AT(AP_EVENT_EXIT, pid, pid, time), .parent_pid = parent, .parent_tid = parent};

	f.h.size = sizeof f;
	ap_tracker_put(t, &f.h);
}

/* It ran before the recording, and was gone before its first sample was read. */
START_TEST(a_process_known_by_its_exit_alone_has_its_parents_name)
{
	static const uint32_t nobody[] = {0, 62, 1, UINT32_MAX};
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;

	put_fork(t, 1, 50, 50, s);
	put_comm(t, AP_EVENT_COMM, 50, 50, s + 1, "shell");
	ck_assert_str_eq(ap_tracker_process(t, 60, s + 2)->comm, "");
	ck_assert_str_eq(ap_tracker_thread(t, 60, 60, s + 2)->comm, "");
	put_exit_of(t, 50, 60, s + 3);
	ck_assert_uint_eq(said.last_parent, ap_tracker_process(t, 50, s + 3)->id);
	ck_assert_str_eq(ap_tracker_process(t, 60, s + 3)->comm, "shell");
	ck_assert_str_eq(ap_tracker_thread(t, 60, 60, s + 3)->comm, "shell");
	/* older kernels say itself; an orphan's parent is init, whose name says nothing of it; and what has a name keeps it */
	put_comm(t, AP_EVENT_EXEC, 1, 1, s + 3, "init");
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
		ap_tracker_thread(t, 61 + i, 61 + i, s + 4);
		put_exit_of(t, nobody[i], 61 + i, s + 5);
		ck_assert_str_eq(ap_tracker_process(t, 61 + i, s + 5)->comm, "");
	}
	put_fork(t, 1, 70, 70, s + 6);
	put_comm(t, AP_EVENT_COMM, 70, 70, s + 7, "own");
	put_exit_of(t, 50, 70, s + 8);
	ck_assert_str_eq(ap_tracker_process(t, 70, s + 8)->comm, "own");
	ap_tracker_free(t);
}
END_TEST

/* The parent may never have been heard of: it is asked for as a fork's is. */
START_TEST(the_parent_of_an_exit_is_looked_for)
{
	struct ap_tracker *t = tracker(NULL, 0);
	const uint32_t child = 4194302; /* nobody's */
	uint64_t now = ap_now_ns();
	char comm[16];

	ck_assert_int_eq(prctl(PR_GET_NAME, comm), 0);
	ap_tracker_thread(t, child, child, now);
	put_exit_of(t, (uint32_t)getpid(), child, now + 1);
	ck_assert_str_eq(ap_tracker_process(t, child, now + 2)->comm, comm);
	ap_tracker_free(t);
}
END_TEST

/* What a task does after its number was given back has the number -1. */
START_TEST(a_task_without_a_number_has_a_name)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);

	ck_assert_str_eq(ap_tracker_process(t, UINT32_MAX, 5000000000)->comm, "[exited]");
	ck_assert_str_eq(ap_tracker_thread(t, UINT32_MAX, UINT32_MAX, 5000000000)->comm, "[exited]");
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_fork_has_the_name_of_the_thread_that_forked)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	struct ap_fork f = {.h = AT(AP_EVENT_FORK, 60, 60, s + 3), .parent_pid = 50, .parent_tid = 51};

	put_fork(t, 1, 50, 50, s);
	put_comm(t, AP_EVENT_COMM, 50, 50, s + 1, "leader");
	put_fork(t, 50, 50, 51, s + 1);
	put_comm(t, AP_EVENT_COMM, 50, 51, s + 2, "worker");
	f.h.size = sizeof f;
	ap_tracker_put(t, &f.h);
	ck_assert_str_eq(ap_tracker_process(t, 60, s + 4)->comm, "worker");
	ck_assert_str_eq(ap_tracker_thread(t, 60, 60, s + 4)->comm, "worker");
	ap_tracker_free(t);
}
END_TEST

START_TEST(exec_row_names_the_program)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint64_t s = ap_now_ns();

	put_fork(t, 1, 4000001, 4000001, s); /* above pid_max: nobody's */
	ap_tracker_process(t, 4000001, s);
	put_comm(t, AP_EVENT_EXEC, 4000001, 4000001, s + 1, "true");
	put_mmap(t, 4000001, s + 2, 0x400000, 0x1000, 0, "/usr/bin/true");
	ck_assert_uint_eq(said.execs, 1);
	ck_assert_uint_eq(said.exec_binary, 1);
	ck_assert_str_eq(said.exec_comm, "true");
	ck_assert_uint_eq(said.binaries, 1);
	ap_tracker_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *c = tcase_create("proc");

	tcase_add_test(c, fork_shares_exec_drops_and_exit_ends);
	tcase_add_test(c, a_pid_used_again_is_another_process);
	tcase_add_test(c, a_storm_of_forks_stays_bounded_and_says_nothing);
	if (!is_emulated()) { /* whose process has the emulator's name in /proc */
		tcase_add_test(c, a_process_known_by_its_fork_alone_has_its_parents_name);
		tcase_add_test(c, the_parent_of_an_exit_is_looked_for);
	}
	tcase_add_test(c, a_process_known_by_its_exit_alone_has_its_parents_name);
	tcase_add_test(c, a_task_without_a_number_has_a_name);
	tcase_add_test(c, a_fork_has_the_name_of_the_thread_that_forked);
	tcase_add_test(c, threads_come_and_go_and_the_last_ends_the_process);
	tcase_add_test(c, exec_from_another_thread_keeps_the_process);
	tcase_add_test(c, exec_row_names_the_program);
	suite_add_tcase(s, c);
	return check_main(s);
}
