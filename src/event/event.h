/* The vocabulary: every source turns what it sees into struct ap_event, and nothing to the right of it knows which source ran.
 *
 * An event is a header and a payload in one run of bytes, `size` long in all, 8-aligned and a multiple of 8. Times are CLOCK_MONOTONIC ns.
 * Producers are trusted to fill them by the functions of this folder; a stored event file is not, and is checked by ap_event_check. */
#ifndef AP_EVENT_EVENT_H
#define AP_EVENT_EVENT_H

#include "base/regs.h"
#include "base/stack_end.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers are stored in event files: never renumber. Those without a payload here come with the source that produces them. */
enum ap_event_kind {
	AP_EVENT_SAMPLE = 1, /* struct ap_sample: one hit of a sampled event */
	AP_EVENT_MMAP = 2,   /* struct ap_mmap: executable memory was mapped */
	AP_EVENT_COMM = 3,   /* struct ap_comm: a thread's name */
	AP_EVENT_FORK = 4,   /* struct ap_fork: a new process (pid differs from parent) or thread */
	AP_EVENT_EXEC = 5,   /* struct ap_comm: the process runs a new program; its mappings are gone, its other threads too */
	AP_EVENT_EXIT = 6,   /* struct ap_fork, or its header alone where nobody said the parent: a thread ended; the process with its last thread */
	AP_EVENT_WAIT = 7,
	AP_EVENT_LOCK = 8,
	AP_EVENT_SYSCALL = 9,
	AP_EVENT_LOST = 10,  /* struct ap_lost: events that happened and are not stored */
	AP_EVENT_CLOCK = 11, /* struct ap_clock: the same instant on three clocks */
	AP_EVENT_KIND_COUNT = 12, /* 32..63 are the GPU's */
};

struct ap_event {
	uint64_t time_ns;
	uint32_t pid; /* process (thread group) in the initial pid namespace; for EXIT and FORK that of the thread concerned */
	uint32_t tid;
	uint32_t cpu;
	uint16_t kind; /* enum ap_event_kind */
	uint16_t flags;
	uint32_t size; /* of all, this header included */
	uint32_t pad;  /* 0 */
};

/* SAMPLE. Behind the struct, in this order:
 *	uint64_t kernel[n_kernel]	addresses inside the kernel, leaf first
 *	uint64_t user[n_user]		addresses in user space, leaf first, when the source itself unwound or followed frame pointers
 *	struct ap_regs regs		if AP_SAMPLE_REGS: the user-space registers, to unwind from
 *	unsigned char stack[stack_size]	if AP_SAMPLE_REGS: bytes from the stack pointer up; padded to 8
 * An address is that of the instruction for the leaf and for a frame that a signal interrupted, and the return address less one for every
 * caller, so that it always lies inside the calling instruction. */
enum { AP_SAMPLE_REGS = 1 << 0, AP_SAMPLE_KERNEL_MODE = 1 << 1 /* hit while in the kernel */, AP_SAMPLE_COMPAT = 1 << 2 /* a 32-bit task */ };
struct ap_sample {
	struct ap_event h;
	uint64_t weight;     /* how much of the event one sample stands for: its period (ns for cpu-clock) */
	uint32_t event;	     /* index into the recording's list of sampled events */
	uint32_t stack_size; /* bytes, before padding */
	uint16_t n_kernel;
	uint16_t n_user;
	uint8_t end;	     /* enum ap_stack_end of user[]; meaningless with AP_SAMPLE_REGS */
	uint8_t pad[3];	     /* 0 */
};

/* MMAP. `path` NUL-terminated behind the struct. */
struct ap_mmap {
	struct ap_event h;
	uint64_t start, length, file_offset;
	uint64_t inode, inode_generation; /* 0: not known */
	uint32_t device_major, device_minor;
	uint32_t protection, map_flags;	  /* PROT_, MAP_ */
	uint8_t build_id_size;		  /* 0: not known; at most 20 */
	uint8_t build_id[20];
	uint8_t pad[3];
	char path[]; /* as the kernel says: "/usr/lib/x.so", "[vdso]", "//anon", "/memfd:x (deleted)" */
};

/* COMM and EXEC. */
struct ap_comm {
	struct ap_event h;
	char comm[16]; /* raw bytes, NUL-terminated */
};

struct ap_fork {
	struct ap_event h; /* of the child */
	uint32_t parent_pid, parent_tid; /* of an EXIT: whose child it was at its end, which an orphan's may be init */
};

/* X: name, number, text. What the loss table's `cause` says. */
#define AP_LOSS_CAUSES(X)                                                                                              \
	X(RING_FULL, 1, "ring full")                                                                                   \
	X(MAP_FULL, 2, "map full")                                                                                     \
	X(STACK_CUT, 3, "stack cut")                                                                                   \
	X(COLD_BINARY, 4, "cold binary")                                                                               \
	X(UNPAIRED, 5, "unpaired")                                                                                     \
	X(THROTTLED, 6, "throttled")                                                                                   \
	X(WRITER_BEHIND, 7, "writer behind")                                                                           \
	X(NOT_SYMBOLISED, 8, "not symbolised")                                                                         \
	X(MALFORMED, 9, "malformed record")                                                                            \
	X(FILTERED, 10, "filtered")                                                                                    \
	X(UNORDERED, 11, "out of order")                                                                               \
	X(CPU_OFFLINE, 12, "cpu not watched")                                                                          \
	X(MEMORY_LIMIT, 13, "memory limit")                                                                            \
	X(SIZE_LIMIT, 14, "size limit")                                                                                \
	X(SIDEBAND, 15, "mapping or process record lost")
enum ap_loss_cause {
#define X(name, number, text) AP_LOSS_##name = number,
	AP_LOSS_CAUSES(X)
#undef X
	AP_LOSS_COUNT = 16
};
const char *ap_loss_text(enum ap_loss_cause cause); /* "unknown" for a number outside */
/* Whether its number is one of hits of sampled events, and so part of the identity in source.h; that of the others counts occasions, or records
 * of another kind. */
bool ap_loss_is_hits(enum ap_loss_cause cause);

/* LOST: n events of one cause since the last LOST event of that cause and CPU. h.pid is 0 where it is not known. */
struct ap_lost {
	struct ap_event h;
	uint64_t n;
	uint32_t event; /* index of the sampled event; UINT32_MAX: not known */
	uint32_t cause; /* enum ap_loss_cause */
};

/* CLOCK: h.time_ns paired with the other two clocks. */
struct ap_clock {
	struct ap_event h;
	uint64_t realtime_ns, boottime_ns;
};

/* Where the variable parts of a sample lie. Pointers are into the event. */
struct ap_sample_view {
	const uint64_t *kernel, *user;
	const struct ap_regs *regs; /* NULL without AP_SAMPLE_REGS */
	const void *stack;	    /* NULL without AP_SAMPLE_REGS */
};
void ap_sample_view(const struct ap_sample *s, struct ap_sample_view *ret_view);

/* Bytes of a SAMPLE event with these parts, header included. */
size_t ap_sample_size(uint16_t n_kernel, uint16_t n_user, bool regs, uint32_t stack_size);

enum { AP_EVENT_SIZE_MAX = 128 << 10 };
/* 0 when the `n` bytes hold a whole, well-formed event of a known kind (every count inside `size`, strings terminated, size <= n and a
 * multiple of 8); else -EBADMSG. For bytes from a file. */
int ap_event_check(const void *bytes, size_t n);

#endif
