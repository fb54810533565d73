/* proc: who is who and what lies where, by synthetic events and by real processes. */
#include "base/clock.h"
#include "base/mem.h"
#include "proc/elf.h"
#include "proc/maps.h"
#include "proc/scan.h"
#include "proc/tracker.h"
#include "tests/check_main.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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
	void *symbol = dlsym(RTLD_DEFAULT, "qsort");
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

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *c = tcase_create("proc");

	tcase_add_test(c, own_libc_has_the_bias_that_the_loader_used);
	tcase_add_test(c, fork_shares_exec_drops_and_exit_ends);
	tcase_add_test(c, a_pid_used_again_is_another_process);
	tcase_add_test(c, a_new_mapping_splits_the_old);
	tcase_add_test(c, a_storm_of_forks_stays_bounded_and_says_nothing);
	tcase_add_test(c, maps_lines);
	suite_add_tcase(s, c);
	return check_main(s);
}
