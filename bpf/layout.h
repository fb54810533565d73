/* What the kernel programs and the code that feeds them both know: the shapes of the maps' values. Plain data.
 *
 * A process (procs, by pid) names a block of its executable mappings; a mapping names its binary; a binary names chunks of rows. Rows and
 * rules lie in shards, arrays of SHARD_BYTES each, made when they are needed. User space writes a block or a table whole before anything
 * names it; the generation in front of a block tells a reader that the block was taken away meanwhile. */
#ifndef AP_BPF_LAYOUT_H
#define AP_BPF_LAYOUT_H

#include "event/event.h"
#include "unwind/rule.h"

enum {
	AP_BPF_SHARD_BYTES = 1 << 20,
	AP_BPF_SHARDS_MAX = 256,
	AP_BPF_BINARIES_MAX = 16384,
	AP_BPF_CHUNKS_MAX = 64,	    /* of one binary */
	AP_BPF_CHUNKS_ALL = 32768,
	AP_BPF_MAPPINGS_MAX = 1 << 16, /* of all processes, block heads included */
	AP_BPF_BLOCK_MAX = 4095,	    /* mappings of one process */
	AP_BPF_PROCS_MAX = 16384,
	AP_BPF_TARGETS_MAX = 65536,
	AP_BPF_KERNEL_DEPTH = 127, /* kernel.perf_event_max_stack's default */
	AP_BPF_PAGE = 4096,
	AP_BPF_WINDOW = AP_BPF_PAGE,
	AP_BPF_READ_AHEAD = 512,
	AP_BPF_CACHE = 1024,
	AP_BPF_SHARED = 4096,
	AP_BPF_LONG_MAX = 4096, /* long rules of all binaries */
	AP_BPF_DUMP_MAX = 16 << 10,
	AP_BPF_DUMP_SHORT = 4 << 10, /* when the ring is half full */
	AP_BPF_DUMP_LEAST = 512,     /* when it is three quarters full */
	AP_BPF_DUMP_BESIDE = 192, /* frames that leave room for the dump beside them */
	AP_BPF_USER_DEPTH = 2048,
	AP_BPF_WORDS = AP_BPF_KERNEL_DEPTH + 1 + AP_BPF_USER_DEPTH + 64,
};

struct ap_bpf_proc {
	uint32_t generation; /* of the block; 0: none */
	uint32_t first;	     /* index of the first mapping in `mappings`; the head is in front of it */
	uint32_t n;
	uint32_t exec_id; /* of the program whose mappings these are: after an exec they say nothing */
};

/* Sorted by start. The head of a block has AP_BPF_HEAD | generation in `start`, which no address can be: bit 63 without those below it. */
static const uint64_t AP_BPF_HEAD = 1ull << 63;
struct ap_bpf_mapping {
	uint64_t start, end, bias;
	uint32_t binary, pad;
};

enum ap_bpf_binary_state {
	AP_BPF_BINARY_COLD, /* no table yet: samples travel with their registers and stack */
	AP_BPF_BINARY_TABLE,
	AP_BPF_BINARY_NO_TABLE, /* frame pointers */
	AP_BPF_BINARY_NOTHING,  /* the stack ends, with `end` */
};

/* Rows of one stretch of addresses: uint32_t pcs[n], then uint16_t rules[n]. */
struct ap_bpf_chunk {
	uint32_t first_pc; /* relative to base */
	uint32_t shard, offset, n;
};
struct ap_bpf_binary {
	uint64_t base;
	uint32_t state, end;
	uint32_t used_at; /* seconds; written by the program */
	uint32_t first_chunk, n_chunks; /* in `chunks`, sorted by first_pc */
	uint32_t rules_shard, rules_offset, n_rules;
};

/* What was found for (generation, epoch, pc). */
struct ap_bpf_cached {
	uint64_t pc;
	uint32_t generation, epoch;
	struct ap_short_rule rule;
};
struct ap_bpf_cache {
	struct ap_bpf_cached slots[AP_BPF_CACHE];
	struct ap_bpf_cached shared[AP_BPF_SHARED]; /* for (binary id, epoch, address - bias): of all processes */
};

enum ap_bpf_count { AP_BPF_COUNT_SEEN, AP_BPF_COUNT_STORED, AP_BPF_COUNT_FILTERED, AP_BPF_COUNT_RING_FULL, AP_BPF_COUNT_COLD, AP_BPF_COUNT_MAP_FULL, AP_BPF_COUNT_N = 8 };
struct ap_bpf_counts {
	uint64_t n[AP_BPF_COUNT_N];
};

/* How long the program took, in steps of AP_BPF_TIMING_NS; kept only when asked for. */
enum { AP_BPF_TIMING_NS = 50, AP_BPF_TIMING_N = 1024 };
struct ap_bpf_timing {
	uint64_t whole[AP_BPF_TIMING_N], unwind[AP_BPF_TIMING_N];
};

/* The kernel lays an array's values out at multiples of 8 bytes; user space, which maps them, sees an array of C. */
_Static_assert(!(sizeof(struct ap_rule) % 8) && !(sizeof(struct ap_bpf_mapping) % 8) && !(sizeof(struct ap_bpf_binary) % 8) &&
		       !(sizeof(struct ap_bpf_chunk) % 8) && !(sizeof(struct ap_bpf_counts) % 8),
	"a map's value has another place in the kernel");

enum { AP_BPF_COMM = 16 };

/* The record in the ring: an ap_sample whose kernel addresses are as the kernel gave them, which program the process runs, and which block of
 * mappings its user part was unwound by (0: none). */
struct ap_bpf_record {
	uint32_t exec_id, generation;
	uint32_t named, pad; /* named: the process is not known here, and these are its name and the thread's */
	char process[AP_BPF_COMM], thread[AP_BPF_COMM];
	struct ap_sample s;
	uint64_t words[AP_BPF_WORDS];
};

/* Keys of `targets`: a process's pid; a thread's tid with this bit. */
static const uint64_t AP_BPF_TARGET_THREAD = 1ull << 32;

enum ap_bpf_target_state { AP_BPF_TARGET_WATCHED = 1, AP_BPF_TARGET_AT_EXEC, AP_BPF_TARGET_ENDED };

#endif
