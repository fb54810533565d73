/* proc: who is who and what lies where, by synthetic events and by real processes. */
#include "base/clock.h"
#include "base/mem.h"
#include "proc/elf.h"
#include "proc/maps.h"
#include "proc/open.h"
#include "proc/scan.h"
#include "proc/tracker.h"
#include "tests/check_main.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the tracker said. */
static struct {
	unsigned int processes, execs, threads, binaries, mappings, ended_mappings;
	struct ap_process last_process;
	uint32_t last_parent, exec_binary;
	uint64_t last_end;
	char exec_comm[16], container[128];
} said;

static void say_process(void *ctx, const struct ap_process *p, uint32_t parent_id, int64_t uid, const char *cmdline, const char *cgroup,
	const char *container, uint64_t end_ns)
{
	said.processes++;
	said.last_process = *p;
	said.last_parent = parent_id;
	said.last_end = end_ns;
}
static void say_exec(void *ctx, const struct ap_process *p, uint64_t time_ns, uint32_t binary_id, const char *comm, const char *cmdline)
{
	said.execs++;
	said.exec_binary = binary_id;
	memcpy(said.exec_comm, comm, sizeof said.exec_comm);
}
static void say_thread(void *ctx, const struct ap_thread *t, uint64_t end_ns)
{
	ck_assert_uint_ne(t->process_id, 0);
	said.threads++;
}
static void say_binary(void *ctx, const struct ap_binary *b)
{
	said.binaries++;
}
static void say_mapping(void *ctx, const struct ap_process *p, const struct ap_mapping *m, uint64_t from_ns, uint64_t to_ns)
{
	ck_assert_uint_ne(p->id, 0);
	ck_assert_uint_ne(m->id, 0);
	said.mappings++;
	said.ended_mappings += to_ns != 0;
}

static struct ap_tracker *tracker(const char *proc, size_t max_processes)
{
	struct ap_tracker_config cfg = {.proc = proc, .max_processes = max_processes,
		.rows = {.process = say_process, .exec = say_exec, .thread = say_thread, .binary = say_binary, .mapping = say_mapping}};
	struct ap_tracker *t;

	memset(&said, 0, sizeof said);
	ck_assert_int_eq(ap_tracker_new(&cfg, &t, NULL), 0);
	return t;
}

/* Under qemu-user (tests/cross) the processes of /proc are the emulator's, with its name, and a command of the machine's does not see the
 * arm64 libraries: the tests about them are left out there. */
static bool is_emulated(void)
{
	return getenv("AP_EMULATED") != NULL;
}

/* Events. A folder that holds no process stands in for /proc where none may be asked. */
#define NO_PROC "/nonexistent"
#define AT(kind_, pid_, tid_, time) {.kind = (kind_), .pid = (pid_), .tid = (tid_), .time_ns = (time)}

static void put_fork(struct ap_tracker *t, uint32_t parent, uint32_t pid, uint32_t tid, uint64_t time)
{
	struct ap_fork f = {.h = AT(AP_EVENT_FORK, pid, tid, time), .parent_pid = parent, .parent_tid = parent};

	f.h.size = sizeof f;
	ap_tracker_put(t, &f.h);
}
static void put_exit(struct ap_tracker *t, uint32_t pid, uint32_t tid, uint64_t time)
{
	struct ap_event e = AT(AP_EVENT_EXIT, pid, tid, time);

	e.size = sizeof e;
	ap_tracker_put(t, &e);
}
static void put_comm(struct ap_tracker *t, uint16_t kind, uint32_t pid, uint32_t tid, uint64_t time, const char *comm)
{
	struct ap_comm c = {.h = AT(kind, pid, tid, time)};

	c.h.size = sizeof c;
	snprintf(c.comm, sizeof c.comm, "%s", comm);
	ap_tracker_put(t, &c.h);
}
static void put_mmap(struct ap_tracker *t, uint32_t pid, uint64_t time, uint64_t start, uint64_t length, uint64_t offset, const char *path)
{
	char room[sizeof(struct ap_mmap) + 256] __attribute__((aligned(8))) = {0};
	struct ap_mmap *m = (struct ap_mmap *)room;
	struct stat st;

	m->h = (struct ap_event)AT(AP_EVENT_MMAP, pid, pid, time);
	m->h.size = sizeof room;
	m->start = start;
	m->length = length;
	m->file_offset = offset;
	m->protection = PROT_READ | PROT_EXEC;
	if (path[0] == '/' && !stat(path, &st)) {
		m->inode = st.st_ino;
		m->device_major = major(st.st_dev);
		m->device_minor = minor(st.st_dev);
	}
	snprintf(room + offsetof(struct ap_mmap, path), 256, "%s", path);
	ap_tracker_put(t, &m->h);
}

static const struct ap_mapping *find(struct ap_tracker *t, uint32_t pid, uint64_t address)
{
	const struct ap_process *p = ap_tracker_process(t, pid, ap_now_ns());

	ck_assert_ptr_nonnull(p);
	return ap_tracker_find(t, p, address);
}

START_TEST(own_libc_has_the_bias_that_the_loader_used)
{
	struct ap_tracker *t = tracker(NULL, 0);
	void *symbol = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	const struct ap_mapping *m;
	Dl_info info;

	ck_assert(dladdr(symbol, &info));
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)symbol);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->bias, (uintptr_t)info.dli_fbase); /* a library is linked at 0 */
	ck_assert_int_eq(m->binary->kind, AP_BINARY_ELF);
	ck_assert_int_ge(m->binary->fd, 0);
	ck_assert_uint_eq(strlen(m->binary->build_id), 40);
	ck_assert_ptr_nonnull(strstr(m->binary->path, "libc"));
	ck_assert_str_eq(m->binary->why, "");
	ck_assert_uint_ge(m->binary->n_segments, 2);
	ck_assert_uint_ge(said.processes, 1);
	ck_assert_uint_eq(said.binaries, 1);
	ck_assert_uint_eq(said.mappings, 1);
	ap_tracker_free(t);
}
END_TEST

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

START_TEST(a_new_mapping_splits_the_old)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	const struct ap_mapping *m;

	put_fork(t, 1, 7, 7, s);
	put_mmap(t, 7, s, 0x10000, 0x10000, 0x5000, "/gone/a.so");
	ck_assert_uint_eq(find(t, 7, 0x10000)->file_offset, 0x5000);
	put_mmap(t, 7, s + 10, 0x14000, 0x4000, 0, "/gone/b.so");
	m = find(t, 7, 0x13fff);
	ck_assert_str_eq(m->binary->path, "/gone/a.so");
	ck_assert_uint_eq(m->end, 0x14000);
	ck_assert_str_eq(find(t, 7, 0x14000)->binary->path, "/gone/b.so");
	ck_assert_str_eq(find(t, 7, 0x17fff)->binary->path, "/gone/b.so");
	m = find(t, 7, 0x18000);
	ck_assert_str_eq(m->binary->path, "/gone/a.so");
	ck_assert_uint_eq(m->file_offset, 0xd000);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_uint_eq(m->bias, 0x18000 - 0xd000); /* not opened: addresses are file offsets */
	ck_assert_str_ne(m->binary->why, "");
	ck_assert_ptr_null(find(t, 7, 0x20000));
	ck_assert_ptr_null(find(t, 7, 0xffff));
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
	put_exit(t, 1, 1, s + 5000000000); /* the grace is over */
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

/* Time passes for the tracker by what events say. */
static void pass(struct ap_tracker *t, uint64_t ns)
{
	struct ap_event e = {.time_ns = ap_now_ns() + ns, .kind = AP_EVENT_EXIT, .pid = 4194303, .tid = 4194303, .size = sizeof e};

	ap_tracker_put(t, &e);
}

START_TEST(an_address_in_no_mapping_is_looked_up_again)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	void *code;

	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* no event tells of it */
	ck_assert_ptr_ne(code, MAP_FAILED);
	ck_assert_ptr_null(find(t, own, (uintptr_t)code)); /* too soon after the last scan */
	pass(t, 300000000);
	ck_assert_ptr_nonnull(find(t, own, (uintptr_t)code));
	munmap(code, 4096);
	ap_tracker_free(t);
}
END_TEST

/* The events of a drain are older than /proc: a look at /proc in the middle of them is no news of what they tell. */
START_TEST(a_look_for_a_missing_address_changes_nothing_that_events_told)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	uint64_t now;
	void *code, *other;

	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	other = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED && other != MAP_FAILED);
	now = ap_now_ns();
	put_mmap(t, own, now, (uintptr_t)code, 4096, 0, "/lib/first.so");
	pass(t, 300000000);
	ck_assert_ptr_nonnull(find(t, own, (uintptr_t)other)); /* by a look at /proc, which has [anon] at `code` */
	ck_assert_str_eq(find(t, own, (uintptr_t)code)->binary->path, "/lib/first.so");
	put_mmap(t, own, now + 1, (uintptr_t)code, 4096, 0, "/lib/second.so");
	ck_assert_str_eq(find(t, own, (uintptr_t)code)->binary->path, "/lib/second.so");
	munmap(code, 4096);
	munmap(other, 4096);
	ap_tracker_free(t);
}
END_TEST

START_TEST(after_lost_records_a_process_is_scanned_again)
{
	struct ap_tracker *t = tracker(NULL, 0);
	int go[2], there[2];
	char byte;
	pid_t child;

	ck_assert(!pipe(go) && !pipe(there));
	child = fork();
	if (!child) {
		if (read(go[0], &byte, 1) == 1) {
			close(there[0]);
			dup2(there[1], 1);
			execlp("sh", "sh", "-c", "echo; exec sleep 60", NULL);
		}
		_exit(1);
	}
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)child), 0);
	ck_assert_str_ne(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ck_assert_int_eq((int)write(go[1], "", 1), 1);
	ck_assert_int_eq((int)read(there[0], &byte, 1), 1); /* the exec is past, and no event told of it */
	for (int i = 0; i < 200; i++) {
		struct ap_stat st;

		if (!ap_scan_stat("/proc", (uint32_t)child, 0, &st) && !strcmp(st.comm, "sleep"))
			break;
		usleep(10000);
	}
	pass(t, 2000000000);
	ck_assert_str_ne(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ap_tracker_doubt(t);
	ck_assert_str_eq(ap_tracker_process(t, (uint32_t)child, 0)->comm, "sleep");
	ck_assert_str_eq(ap_tracker_thread(t, (uint32_t)child, (uint32_t)child, 0)->comm, "sleep");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_user_is_asked_for_and_outlives_its_process)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint64_t now = ap_now_ns();
	uint32_t own = (uint32_t)getpid();

	ck_assert_int_eq(ap_tracker_user(t, own, now), (int64_t)geteuid());
	put_fork(t, own, 4194302, 4194302, now); /* gone before it could be asked: its parent's */
	ck_assert_int_eq(ap_tracker_user(t, 4194302, now), (int64_t)geteuid());
	put_exit(t, 4194302, 4194302, now + 1);
	ck_assert_int_eq(ap_tracker_user(t, 4194302, now + 2), (int64_t)geteuid());
	ck_assert_int_eq(ap_tracker_user(t, 4194301, now), -1);
	ck_assert_int_eq(ap_tracker_user(t, 0, now), -1);
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

START_TEST(a_replayed_process_is_not_looked_up)
{
	struct ap_tracker_config cfg = {.replayed = true};
	struct ap_tracker *t;

	ck_assert_int_eq(ap_tracker_new(&cfg, &t, NULL), 0);
	ck_assert_ptr_null(find(t, (uint32_t)getpid(), (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version")));
	ck_assert_str_eq(ap_tracker_process(t, (uint32_t)getpid(), 0)->comm, "");
	ap_tracker_free(t);
}
END_TEST

START_TEST(maps_lines)
{
	char ok[] = "7f00-7f10 r-xp 00002000 fe:00 247134    /a b\\012c (deleted)", bad[] = "7f10-7f00 r-xp 0 0:0 0";
	char none[] = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]";
	struct ap_maps_line l;

	ck_assert(ap_maps_line_parse(ok, &l));
	ck_assert_uint_eq(l.start, 0x7f00);
	ck_assert_uint_eq(l.file_offset, 0x2000);
	ck_assert_uint_eq(l.device_major, 0xfe);
	ck_assert_uint_eq(l.inode, 247134);
	ck_assert(l.executable);
	ck_assert_str_eq(l.path, "/a b\nc (deleted)");
	ck_assert(!ap_maps_line_parse(bad, &l));
	ck_assert(ap_maps_line_parse(none, &l));
	ck_assert_str_eq(l.path, "[vsyscall]");
}
END_TEST

/* A copy of a small library in a folder of its own, mapped executable. */
struct mapped_copy {
	char dir[64], path[96];
	size_t size;
	void *code;
};

static void map_copy(struct mapped_copy *c)
{
	char command[512];
	Dl_info info;
	int fd;

	ck_assert(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info));
	snprintf(c->dir, sizeof c->dir, "/tmp/check_proc.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(c->dir));
	snprintf(c->path, sizeof c->path, "%s/copy.so", c->dir);
	snprintf(command, sizeof command, "cp %s %s", info.dli_fname, c->path);
	ck_assert_int_eq(system(command), 0);
	fd = open(c->path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	c->size = 0x26000;
	c->code = mmap(NULL, c->size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(c->code, MAP_FAILED);
	close(fd);
}

static void drop_copy(struct mapped_copy *c)
{
	munmap(c->code, c->size);
	unlink(c->path);
	rmdir(c->dir);
}

START_TEST(a_deleted_binary_is_opened_by_its_mapping)
{
	struct ap_tracker *t = tracker(NULL, 0);
	const struct ap_mapping *m;
	struct mapped_copy c;
	char magic[4];

	map_copy(&c);
	unlink(c.path);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)c.code + 100);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->binary->path, c.path); /* without " (deleted)" */
	if (m->binary->fd < 0) { /* map_files wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE */
		ck_assert_uint_ne(geteuid(), 0);
		ck_assert_str_ne(m->binary->why, "");
	} else {
		ck_assert_int_eq(pread(m->binary->fd, magic, 4, 0), 4);
		ck_assert_int_eq(memcmp(magic, "\177ELF", 4), 0);
	}
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_fifo_in_place_of_a_mapped_library_is_not_opened)
{
	struct ap_tracker *t = tracker(NULL, 0);
	const struct ap_mapping *m;
	struct mapped_copy c;
	struct stat st;

	map_copy(&c);
	ck_assert_int_eq(stat(c.path, &st), 0);
	put_mmap(t, (uint32_t)getpid(), ap_now_ns(), 0x1000000, 0x1000, 0, c.path); /* the event, with the file's identity */
	unlink(c.path);
	ck_assert_int_eq(mkfifo(c.path, 0600), 0);
	alarm(5); /* a plain open would wait for a writer */
	/* at a range that map_files does not have, so that the path is all there is */
	put_mmap(t, (uint32_t)getpid(), ap_now_ns(), 0x2000000, 0x1000, 0, c.path);
	m = find(t, (uint32_t)getpid(), 0x2000000);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_ptr_nonnull(strstr(m->binary->why, "not a regular file"));
	m = find(t, (uint32_t)getpid(), 0x1000000); /* opened before the swap: stays good */
	ck_assert_int_ge(m->binary->fd, 0);
	ck_assert_int_eq(fstat(m->binary->fd, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	alarm(0);
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

/* By the time that an event is read another file may be mapped where it tells of one, with that file's build ID in memory. */
START_TEST(a_file_that_took_anothers_place_in_memory_is_not_the_other)
{
	struct ap_tracker *t = tracker(NULL, 0);
	uint32_t own = (uint32_t)getpid();
	const struct ap_binary *told;
	struct mapped_copy c;

	map_copy(&c);
	ck_assert_int_eq(ap_tracker_scan(t, own), 0);
	put_mmap(t, own, ap_now_ns(), (uintptr_t)c.code, c.size, 0, "/bin/true");
	told = find(t, own, (uintptr_t)c.code)->binary;
	put_mmap(t, own, ap_now_ns(), 0x2000000, 0x1000, 0, "/bin/true");
	ck_assert_ptr_eq(find(t, own, 0x2000000)->binary, told);
	put_mmap(t, own, ap_now_ns(), 0x3000000, 0x1000, 0, c.path);
	ck_assert_str_ne(find(t, own, 0x3000000)->binary->build_id, told->build_id);
	drop_copy(&c);
	ap_tracker_free(t);
}
END_TEST

START_TEST(another_file_at_the_path_is_refused)
{
	struct ap_tracker *t = tracker(NULL, 0);
	char room[sizeof(struct ap_mmap) + 64] __attribute__((aligned(8))) = {0};
	struct ap_mmap *e = (struct ap_mmap *)room;
	const struct ap_mapping *m;

	e->h = (struct ap_event)AT(AP_EVENT_MMAP, (uint32_t)getpid(), (uint32_t)getpid(), ap_now_ns());
	e->h.size = sizeof room;
	e->start = 0x1000000;
	e->length = 0x1000;
	e->protection = PROT_EXEC;
	e->inode = 999999999;
	e->device_major = 250;
	snprintf(room + offsetof(struct ap_mmap, path), 64, "/bin/true");
	ap_tracker_put(t, &e->h);
	m = find(t, (uint32_t)getpid(), 0x1000000);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_ptr_nonnull(strstr(m->binary->why, "another file"));
	ap_tracker_free(t);
}
END_TEST

/* Somebody else with CAP_BPF and CAP_PERFMON alone, as a recorder that setcap or a service manager made. */
static bool become_privileged_nobody(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t high = 1u << (38 - 32) | 1u << (39 - 32);
	const struct __user_cap_data_struct data[2] = {{0}, {high, high, high}};

	return !prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) && !setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534) &&
	       !prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) && !syscall(SYS_capset, &header, data);
}

/* 0: the file that a child had mapped was opened once the child was a zombie. */
static int open_of_zombie(const struct stat *st)
{
	struct ap_mapped m = {.proc = "/proc", .start = 0x1000000, .end = 0x1001000, .inode = st->st_ino, .path = "/bin/true"};
	struct ap_opened opened;
	struct ap_why why = {""};
	siginfo_t info;

	if (!become_privileged_nobody())
		return 1;
	m.device_major = major(st->st_dev);
	m.device_minor = minor(st->st_dev);
	m.pid = (uint32_t)fork();
	if (!m.pid)
		_exit(0);
	if (waitid(P_PID, m.pid, &info, WEXITED | WNOWAIT))
		return 2;
	if (ap_open_mapped(&m, &opened, &why)) {
		fprintf(stderr, "%s\n", why.text);
		return 3;
	}
	return 0;
}

START_TEST(a_binary_of_a_zombie_with_capabilities_is_opened)
{
	struct stat st;
	int status;
	pid_t pid;

	if (geteuid() != 0) /* only root can give itself just these */
		return;
	ck_assert_int_eq(stat("/bin/true", &st), 0);
	pid = fork();
	if (!pid)
		_exit(open_of_zombie(&st));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(memfd_and_anonymous_code_are_jit)
{
	struct ap_tracker *t = tracker(NULL, 0);
	int fd = memfd_create("code", MFD_CLOEXEC);
	const struct ap_mapping *m, *a, *other;
	void *code, *anon;
	char comm[16], name[64];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	anon = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED && anon != MAP_FAILED);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)code);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->binary->kind, AP_BINARY_JIT);
	ck_assert_uint_eq(m->binary->pid, (uint32_t)getpid());
	ck_assert_uint_eq(m->bias, 0);
	a = find(t, (uint32_t)getpid(), (uintptr_t)anon);
	ck_assert_ptr_eq(a->binary, m->binary);
	ck_assert_int_eq(prctl(PR_GET_NAME, comm), 0);
	snprintf(name, sizeof name, "[jit] %s", comm);
	ck_assert_str_eq(a->binary->path, name); /* what people read is short; which process it was is told apart by the identity */
	snprintf(name, sizeof name, "pid %d start ", (int)getpid());
	ck_assert_int_eq(strncmp(a->binary->build_id, name, strlen(name)), 0);
	put_fork(t, 1, 4194302, 4194302, ap_now_ns());
	put_comm(t, AP_EVENT_COMM, 4194302, 4194302, ap_now_ns(), comm);
	put_mmap(t, 4194302, ap_now_ns(), 0x1000, 0x1000, 0, "//anon");
	other = find(t, 4194302, 0x1800);
	ck_assert_ptr_nonnull(other);
	ck_assert_str_eq(other->binary->path, a->binary->path);
	ck_assert_ptr_ne(other->binary, a->binary);
	munmap(code, 4096);
	munmap(anon, 4096);
	close(fd);
	ap_tracker_free(t);
}
END_TEST

START_TEST(vdso_is_an_elf_image_and_one_for_all)
{
	struct ap_tracker *t = tracker(NULL, 0);
	struct ap_binary *const *all;
	size_t n, vdsos = 0;

	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getppid()), 0);
	n = ap_tracker_binaries(t, &all);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(all[i]->id, i + 1);
		if (all[i]->kind == AP_BINARY_VDSO) {
			vdsos++;
			ck_assert_int_eq(memcmp(all[i]->image, "\177ELF", 4), 0);
			ck_assert_uint_ge(all[i]->n_segments, 1);
		}
	}
	ck_assert_uint_le(vdsos, 1);
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_real_child_that_execs_is_another_program)
{
	struct ap_tracker *t = tracker(NULL, 0);
	char line[16];
	const struct ap_process *p;
	int out[2], in[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(in[0], 0);
		execl("/bin/sh", "sh", "-c", "echo ready; read x", NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	ck_assert_int_gt(read(out[0], line, sizeof line), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), 0);
	p = ap_tracker_process(t, (uint32_t)pid, ap_now_ns());
	ck_assert_str_eq(p->comm, "sh");
	ck_assert_uint_ne(p->start_ns, 0);
	ck_assert_uint_eq(p->start_ns % 10000000, 0);
	ck_assert_uint_ne(ap_tracker_thread(t, (uint32_t)pid, (uint32_t)pid, ap_now_ns())->id, 0);
	close(in[1]);
	close(out[0]);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)pid), -ESRCH);
	ck_assert_uint_eq(ap_tracker_process(t, (uint32_t)pid, ap_now_ns())->id, p->id);
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

/* kallsyms of an x86-64 kernel, of one whose _stext comes first, and of an arm64 one, which does not list _text. */
START_TEST(kernel_text_starts_at_text_or_stext)
{
	static const struct {
		const char *symbols;
		uint64_t start;
	} v[] = {
		{"0000000000000000 A fixed_percpu_data\nffffffff81000000 T startup_64\nffffffff81000000 T _stext\nffffffff81000000 T _text\n"
		 "ffffffff82000000 T _etext\n",
			0xffffffff81000000},
		{"ffffffff81000000 T _text\nffffffff81000400 T _stext\nffffffff82000000 T _etext\n", 0xffffffff81000000},
		{"ffffae6f8bc10000 T __irqentry_text_start\nffffae6f8bc10000 T _stext\nffffae6f8bc10100 T gic_handle_irq\n"
		 "ffffae6f8c7e0000 D _etext\n",
			0xffffae6f8bc10000},
	};
	char dir[] = "/tmp/aperture-kallsyms.XXXXXX", path[64];
	const struct ap_mapping *m;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/kallsyms", dir);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct ap_tracker *t = tracker(dir, 0);
		FILE *f = fopen(path, "we");

		ck_assert(f && fputs(v[i].symbols, f) >= 0 && !fclose(f));
		m = ap_tracker_find_kernel(t, v[i].start + 0x500);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->bias, v[i].start);
		ck_assert_str_eq(m->binary->why, "");
		ck_assert_ptr_null(ap_tracker_find_kernel(t, v[i].start - 0x1000000)); /* outside: all is read */
		m = ap_tracker_find_kernel(t, v[i].start + 0x500);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->bias, v[i].start);
		ap_tracker_free(t);
	}
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(kernel_text_is_relative)
{
	struct ap_tracker *t = tracker(NULL, 0);
	FILE *f = popen("grep -m1 ' [Tt] schedule$' /proc/kallsyms", "re");
	unsigned long long address = 0;
	const struct ap_mapping *m;

	ck_assert_ptr_nonnull(f);
	if (fscanf(f, "%llx", &address) != 1)
		address = 0;
	pclose(f);
	m = ap_tracker_find_kernel(t, address ? address : 1ull << 63);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->binary->kind, AP_BINARY_KERNEL);
	ck_assert_str_eq(m->binary->path, "[kernel]");
	ck_assert((m->bias != 0) == !*m->binary->why); /* hidden addresses: bias 0 and a reason */
	ck_assert_ptr_null(ap_tracker_find_kernel(t, 0x1000));
	ap_tracker_free(t);
}
END_TEST

START_TEST(containers)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const shapes[][2] = {{"/docker/", ""}, {"/system.slice/docker-", ".scope"},
		{"/kubepods.slice/pod1/cri-containerd-", ".scope"}, {"/machine.slice/libpod-", ".scope/container"}, {"/a/", "/init"}};
	char text[256];

	for (size_t i = 0; i < AP_ARRAY_LEN(shapes); i++) {
		AP_AUTO_FREE char *path = NULL, *container = NULL;
		char body[200];

		snprintf(body, sizeof body, "%s%s%s", shapes[i][0], id, shapes[i][1]);
		snprintf(text, sizeof text, "4:memory:/x\n0::%s\n", body);
		path = ap_cgroup_path(text);
		ck_assert_str_eq(path, body);
		container = ap_cgroup_container(path);
		ck_assert_str_eq(container, id);
	}
	AP_AUTO_FREE char *none = ap_cgroup_container("/user.slice/0123456789abcdef"), *root = ap_cgroup_path("0::/\n");
	ck_assert_str_eq(none, "");
	ck_assert_str_eq(root, "");
}
END_TEST

START_TEST(bias_comes_from_the_segment)
{
	const struct ap_segment s[] = {{.file_offset = 0, .file_size = 0x1800, .address = 0x400000, .flags = 4},
		{.file_offset = 0x1800, .file_size = 0x800, .address = 0x402800, .flags = 5}};
	uint64_t bias;

	ck_assert(ap_elf_bias(s, 2, 0x7000001000, 0x1000, &bias)); /* both pages hold 0x1000: code wins */
	ck_assert_uint_eq(bias, 0x7000001000 - (0x402800 - 0x800));
	ck_assert(!ap_elf_bias(s, 2, 0x9000, 0x8000, &bias));
	ck_assert_uint_eq(bias, 0x1000);
}
END_TEST

/* Property: the sorted array agrees with a byte-per-page model under random puts and clears. */
static void nothing(void *ctx, const struct ap_map_entry *e)
{
}
START_TEST(maps_agree_with_a_page_by_page_model)
{
	enum { PAGES = 200 };
	static struct ap_binary binaries[5];
	struct ap_binary *model[PAGES] = {0};
	struct ap_map_entry *at;
	struct ap_maps *m;
	unsigned int seed = 7, rounds = getenv("AP_FAST") ? 100 : 5000;

	ck_assert_int_eq(ap_maps_new(NULL, &m), 0);
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t from = (uint64_t)rand_r(&seed) % PAGES, to = from + 1 + (uint64_t)rand_r(&seed) % (PAGES - from);
		struct ap_binary *b = rand_r(&seed) % 4 ? &binaries[rand_r(&seed) % 5] : NULL;
		struct ap_map_entry e = {.m = {.start = from << 12, .end = to << 12, .binary = b}};

		if (to - from > 20)
			to = from + 20, e.m.end = to << 12;
		if (b)
			ck_assert_int_ge(ap_maps_put(m, &e, nothing, NULL, &at), 0);
		else
			ck_assert_int_eq(ap_maps_clear(m, from << 12, to << 12, 1, nothing, NULL), 0);
		for (uint64_t p = from; p < to; p++)
			model[p] = b;
		for (uint64_t p = 0; p < PAGES; p++) {
			at = ap_maps_find(m, (p << 12) + 5);
			ck_assert_ptr_eq(at ? at->m.binary : NULL, model[p]);
		}
	}
	ap_maps_unref(m);
}
END_TEST

START_TEST(a_lookup_is_fast)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	enum { N = 64 };
	const uint64_t rounds = getenv("AP_FAST") ? 1000 : 1000000;
	const struct ap_process *p;
	uint64_t began, hits = 0;

	put_fork(t, 1, 7, 7, 5000000000);
	for (uint64_t i = 0; i < N; i++) {
		char path[32];

		snprintf(path, sizeof path, "/gone/%u", (unsigned int)i);
		put_mmap(t, 7, 5000000000, 0x100000 + i * 0x4000, 0x2000, 0, path);
	}
	p = ap_tracker_process(t, 7, 0);
	began = ap_now_ns();
	for (uint64_t i = 0; i < rounds; i++)
		hits += ap_tracker_find(t, p, 0x100000 + (i * 2654435761u >> 7) % N * 0x4000) != NULL;
	if (getenv("AP_SHOW_TIMES"))
		fprintf(stderr, "random lookup among %d: %.1f ns\n", N, (double)(ap_now_ns() - began) / (double)rounds);
	began = ap_now_ns();
	for (uint64_t i = 0; i < rounds; i++)
		hits += ap_tracker_find(t, p, 0x100000 + (i & 0xfff)) != NULL;
	if (getenv("AP_SHOW_TIMES"))
		fprintf(stderr, "repeated lookup: %.1f ns\n", (double)(ap_now_ns() - began) / (double)rounds);
	ck_assert_uint_eq(hits, 2 * rounds);
	ap_tracker_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *c = tcase_create("proc");

	tcase_add_test(c, own_libc_has_the_bias_that_the_loader_used);
	tcase_add_test(c, fork_shares_exec_drops_and_exit_ends);
	tcase_add_test(c, a_pid_used_again_is_another_process);
	tcase_add_test(c, a_new_mapping_splits_the_old);
	tcase_add_test(c, a_storm_of_forks_stays_bounded_and_says_nothing);
	if (!is_emulated())
		tcase_add_test(c, a_process_known_by_its_fork_alone_has_its_parents_name);
	tcase_add_test(c, a_process_known_by_its_exit_alone_has_its_parents_name);
	tcase_add_test(c, the_parent_of_an_exit_is_looked_for);
	tcase_add_test(c, a_task_without_a_number_has_a_name);
	tcase_add_test(c, a_fork_has_the_name_of_the_thread_that_forked);
	tcase_add_test(c, threads_come_and_go_and_the_last_ends_the_process);
	tcase_add_test(c, exec_from_another_thread_keeps_the_process);
	tcase_add_test(c, an_address_in_no_mapping_is_looked_up_again);
	tcase_add_test(c, a_look_for_a_missing_address_changes_nothing_that_events_told);
	tcase_add_test(c, after_lost_records_a_process_is_scanned_again);
	tcase_add_test(c, a_user_is_asked_for_and_outlives_its_process);
	tcase_add_test(c, a_replayed_process_is_not_looked_up);
	tcase_add_test(c, maps_lines);
	if (!is_emulated())
		tcase_add_test(c, a_deleted_binary_is_opened_by_its_mapping);
	if (!is_emulated())
		tcase_add_test(c, a_fifo_in_place_of_a_mapped_library_is_not_opened);
	if (!is_emulated())
		tcase_add_test(c, a_file_that_took_anothers_place_in_memory_is_not_the_other);
	tcase_add_test(c, another_file_at_the_path_is_refused);
	tcase_add_test(c, a_binary_of_a_zombie_with_capabilities_is_opened);
	if (!is_emulated())
		tcase_add_test(c, memfd_and_anonymous_code_are_jit);
	tcase_add_test(c, vdso_is_an_elf_image_and_one_for_all);
	tcase_add_test(c, a_real_child_that_execs_is_another_program);
	tcase_add_test(c, exec_row_names_the_program);
	tcase_add_test(c, kernel_text_is_relative);
	tcase_add_test(c, kernel_text_starts_at_text_or_stext);
	tcase_add_test(c, containers);
	tcase_add_test(c, bias_comes_from_the_segment);
	tcase_add_test(c, maps_agree_with_a_page_by_page_model);
	tcase_add_test(c, a_lookup_is_fast);
	suite_add_tcase(s, c);
	return check_main(s);
}
