/* Which process, which mapping, which binary: (pid, start time, address, time) -> binary + ELF-relative address.
 *
 * Fed with MMAP, COMM, FORK, EXEC and EXIT events in order of time, and with /proc for what ran before the recording. A process is
 * (pid, start time), never a bare pid. Binaries are opened at first sight, through /proc/PID/map_files or /proc/PID/root, with the care of
 * facts/reliability.md; the open descriptor stays with the binary, so a deleted or replaced file still resolves. One thread. */
#ifndef AP_PROC_TRACKER_H
#define AP_PROC_TRACKER_H

#include "base/why.h"
#include "event/event.h"
#include "event/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ap_binary_kind {
	AP_BINARY_ELF = 1,     /* a file, or memfd */
	AP_BINARY_VDSO = 2,    /* image copied from memory */
	AP_BINARY_KERNEL = 3,  /* vmlinux; addresses relative to its _text */
	AP_BINARY_MODULE = 4,  /* a kernel module; addresses relative to its .text */
	AP_BINARY_JIT = 5,     /* anonymous executable memory of one process; addresses absolute */
	AP_BINARY_BPF = 6,     /* a BPF program's machine code */
	AP_BINARY_OTHER = 7,   /* [vsyscall], [uprobes], a device mapping, not ELF: addresses are file offsets or absolute */
};

/* One PT_LOAD of a binary. */
struct ap_segment {
	uint64_t file_offset, file_size, address /* p_vaddr */, memory_size;
	uint32_t flags; /* PF_ */
};

/* One binary, shared by every process that maps it. Owned by the tracker; valid until ap_tracker_free. `id` counts from 1. */
struct ap_binary {
	uint32_t id;	   /* the executable.id of the file being recorded */
	enum ap_binary_kind kind;
	const char *path;  /* as mapped, "" never; "[kernel]", "[vdso]", "[jit] COMM" for the others; raw bytes */
	const char *build_id; /* lower-case hex; for a file without one "x-" + a hash of its headers and size;
			       * JIT: which process's; "" only where there is no file */
	int fd;		   /* O_RDONLY, a regular file or memfd; -1: none. JIT: its perf map, once the process has ended */
	const void *image; /* VDSO: the bytes; else NULL */
	size_t image_size;
	const struct ap_segment *segments;
	size_t n_segments;
	uint32_t pid;	   /* JIT: whose */
	struct ap_jit *jit; /* JIT: where its names are (proc/jit.h); else NULL */
	bool compat;	   /* 32-bit ELF */
	const char *why;   /* fd < 0: why it could not be opened, one sentence; else "" */
	void *user;	   /* the session's, for what it keeps by binary; NULL at first */
};

struct ap_mapping {
	uint32_t id; /* mapping.id, from 1 */
	uint64_t start, end, file_offset;
	struct ap_binary *binary;
	uint64_t bias; /* address in memory - bias = ELF-relative address (modulo 2^64) */
};

struct ap_thread {
	uint32_t id; /* thread.id, from 1 */
	uint32_t process_id;
	uint32_t tid;
	uint64_t start_ns; /* boot time, truncated to 10 ms, as /proc/PID/stat has it */
	char comm[16];
};

struct ap_process {
	uint32_t id; /* process.id, from 1 */
	uint32_t pid;
	uint64_t start_ns; /* boot time, truncated to 10 ms, as /proc/PID/stat has it */
	char comm[16];
	bool kernel; /* a kernel thread */
	bool compat; /* runs a 32-bit program */
};

/* What the session stores. Called in order; the strings live until the call returns. A row is said once when its thing is first known and
 * again with the same id when it has changed (`comm`, `end_ns`, ...): the store keeps the last. */
struct ap_tracker_rows {
	void *ctx;
	void (*process)(void *ctx, const struct ap_process *p, uint32_t parent_id, int64_t uid, const char *cmdline, const char *cgroup,
		const char *container, uint64_t end_ns /* monotonic; 0: lives */);
	void (*exec)(void *ctx, const struct ap_process *p, uint64_t time_ns, uint32_t binary_id /* 0: not known */, const char *comm, const char *cmdline);
	void (*thread)(void *ctx, const struct ap_thread *t, uint64_t end_ns);
	void (*binary)(void *ctx, const struct ap_binary *b);
	void (*mapping)(void *ctx, const struct ap_process *p, const struct ap_mapping *m, uint64_t from_ns, uint64_t to_ns /* 0: still */);
};

struct ap_tracker_config {
	struct ap_tracker_rows rows;
	const char *proc;	/* "/proc" when NULL; a test's own folder else */
	bool replayed;		/* the events are of another time: /proc has nothing about these processes, whatever has their pids now */
	size_t max_processes;	/* 0: default; past it the longest-ended are forgotten, then the least used; counted */
	size_t max_open_files;	/* 0: from RLIMIT_NOFILE */
};

struct ap_tracker_stats {
	uint64_t processes, threads, mappings, binaries; /* seen in all */
	uint64_t evicted;				 /* processes forgotten at a bound */
	uint64_t unopened;				 /* binaries that could not be opened */
};

struct ap_tracker;

int ap_tracker_new(const struct ap_tracker_config *cfg, struct ap_tracker **ret_tracker, struct ap_why *why);
struct ap_tracker *ap_tracker_free(struct ap_tracker *t);

/* Takes what /proc says of a process that already runs (its threads, mappings, comm, cgroup). 0, -ESRCH (it is gone), or what /proc
 * refused. Doing it twice changes nothing. */
int ap_tracker_scan(struct ap_tracker *t, uint32_t pid);
int ap_tracker_scan_all(struct ap_tracker *t);

/* Feeds one event; kinds that do not concern it are ignored. Never fails: what it could not keep is in the stats. */
void ap_tracker_put(struct ap_tracker *t, const struct ap_event *e);

/* The thread that an event names: never NULL but out of memory; a pid never seen before is scanned first, and where /proc has no more
 * of it, a process known by its number alone comes back. Valid until the next put or scan. */
const struct ap_process *ap_tracker_process(struct ap_tracker *t, uint32_t pid, uint64_t time_ns);
const struct ap_thread *ap_tracker_thread(struct ap_tracker *t, uint32_t pid, uint32_t tid, uint64_t time_ns);

/* The process's effective user as last known: asked at first sight, after exec, and every 100 ms while it lives and is asked for; a fork has its
 * parent's until then. -1: it was gone before anything could be asked, or pid 0, which is nobody's. */
int64_t ap_tracker_user(struct ap_tracker *t, uint32_t pid, uint64_t time_ns);

/* Records of mappings and processes were lost: what is known of a process is checked against /proc when something next refers to it. */
void ap_tracker_doubt(struct ap_tracker *t);

/* The mapping that holds an address of that process now, or NULL. Valid until the next put, scan or find. */
const struct ap_mapping *ap_tracker_find(struct ap_tracker *t, const struct ap_process *p, uint64_t address);
/* The kernel's text or a module: mapping->binary of kind KERNEL, MODULE or BPF; NULL for an address that is in none. */
const struct ap_mapping *ap_tracker_find_kernel(struct ap_tracker *t, uint64_t address);

/* All that the process has mapped now, sorted by address, valid until the next call of this; *ret_version changes when it does. Returns how
 * many; 0 also without memory. */
size_t ap_tracker_layout(struct ap_tracker *t, const struct ap_process *p, const struct ap_learned_mapping **ret_mappings, uint64_t *ret_version);

/* Every binary so far: id i is at index i - 1. */
size_t ap_tracker_binaries(const struct ap_tracker *t, struct ap_binary *const **ret_binaries);
void ap_tracker_stats(const struct ap_tracker *t, struct ap_tracker_stats *ret_stats);

#endif
