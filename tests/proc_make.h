/* A tracker of the test's own, what it said, and events for it made by hand. */
#ifndef TESTS_PROC_MAKE_H
#define TESTS_PROC_MAKE_H

#include "base/clock.h"
#include "proc/tracker.h"
#include "tests/check_main.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* What the tracker said. */
static struct {
	unsigned int processes, execs, threads, binaries, mappings, ended_mappings;
	struct ap_process last_process;
	uint32_t last_parent, exec_binary;
	uint64_t last_end;
	char exec_comm[16];
} said;

static inline void say_process(void *ctx, const struct ap_process *p, uint32_t parent_id, int64_t uid, const char *cmdline,
	const char *cgroup, const char *container, uint64_t end_ns)
{
	said.processes++;
	said.last_process = *p;
	said.last_parent = parent_id;
	said.last_end = end_ns;
}

static inline void say_exec(
	void *ctx, const struct ap_process *p, uint64_t time_ns, uint32_t binary_id, const char *comm, const char *cmdline)
{
	said.execs++;
	said.exec_binary = binary_id;
	memcpy(said.exec_comm, comm, sizeof said.exec_comm);
}

static inline void say_thread(void *ctx, const struct ap_thread *t, uint64_t end_ns)
{
	ck_assert_uint_ne(t->process_id, 0);
	said.threads++;
}

static inline void say_binary(void *ctx, const struct ap_binary *b)
{
	said.binaries++;
}

static inline void say_mapping(void *ctx, const struct ap_process *p, const struct ap_mapping *m, uint64_t from_ns, uint64_t to_ns)
{
	ck_assert_uint_ne(p->id, 0);
	ck_assert_uint_ne(m->id, 0);
	said.mappings++;
	said.ended_mappings += to_ns != 0;
}

static inline struct ap_tracker *tracker(const char *proc, size_t max_processes)
{
	struct ap_tracker_config cfg = {.proc = proc,
		.max_processes = max_processes,
		.rows = {.process = say_process, .exec = say_exec, .thread = say_thread, .binary = say_binary, .mapping = say_mapping}};
	struct ap_tracker *t;

	memset(&said, 0, sizeof said);
	ck_assert_int_eq(ap_tracker_new(&cfg, &t, NULL), 0);
	return t;
}

/* Under qemu-user (tests/cross) the processes of /proc are the emulator's, with its name, and a command of the machine's does not see the
 * arm64 libraries: the tests about them are left out there. */
static inline bool is_emulated(void)
{
	return getenv("AP_EMULATED") != NULL;
}

/* Events. A folder that holds no process stands in for /proc where none may be asked. */
#define NO_PROC "/nonexistent"
#define AT(kind_, pid_, tid_, time)                                                                                                        \
	{                                                                                                                                  \
		.kind = (kind_), .pid = (pid_), .tid = (tid_), .time_ns = (time)                                                           \
	}

static inline void put_fork(struct ap_tracker *t, uint32_t parent, uint32_t pid, uint32_t tid, uint64_t time)
{
	struct ap_fork f = {.h = AT(AP_EVENT_FORK, pid, tid, time), .parent_pid = parent, .parent_tid = parent};

	f.h.size = sizeof f;
	ap_tracker_put(t, &f.h);
}

static inline void put_exit(struct ap_tracker *t, uint32_t pid, uint32_t tid, uint64_t time)
{
	struct ap_event e = AT(AP_EVENT_EXIT, pid, tid, time);

	e.size = sizeof e;
	ap_tracker_put(t, &e);
}

static inline void put_comm(struct ap_tracker *t, uint16_t kind, uint32_t pid, uint32_t tid, uint64_t time, const char *comm)
{
	struct ap_comm c = {.h = AT(kind, pid, tid, time)};

	c.h.size = sizeof c;
	snprintf(c.comm, sizeof c.comm, "%s", comm);
	ap_tracker_put(t, &c.h);
}

static inline void put_mmap(
	struct ap_tracker *t, uint32_t pid, uint64_t time, uint64_t start, uint64_t length, uint64_t offset, const char *path)
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

/* Time passes for the tracker by what events say. */
static inline void pass(struct ap_tracker *t, uint64_t ns)
{
	struct ap_event e = {.time_ns = ap_now_ns() + ns, .kind = AP_EVENT_EXIT, .pid = 4194303, .tid = 4194303, .size = sizeof e};

	ap_tracker_put(t, &e);
}

static inline const struct ap_mapping *find(struct ap_tracker *t, uint32_t pid, uint64_t address)
{
	const struct ap_process *p = ap_tracker_process(t, pid, ap_now_ns());

	ck_assert_ptr_nonnull(p);
	return ap_tracker_find(t, p, address);
}

#endif
