/* The maps, and the settings that are fixed at load. */
#ifndef AP_BPF_MAPS_BPF_H
#define AP_BPF_MAPS_BPF_H

#include "bpf/layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

/* -> enum ap_bpf_target_state */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AP_BPF_TARGETS_MAX);
	__type(key, uint64_t);
	__type(value, uint32_t);
} targets SEC(".maps");

/* A perf event's own number -> its index, where there are no cookies. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load */
	__type(key, uint64_t);
	__type(value, uint32_t);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AP_BPF_PROCS_MAX);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_proc);
} procs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AP_BPF_MAPPINGS_MAX);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AP_BPF_BINARIES_MAX);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_binary);
} binaries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AP_BPF_CHUNKS_ALL);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_chunk);
} chunks SEC(".maps");

struct shard_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, AP_BPF_SHARD_BYTES);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, AP_BPF_SHARDS_MAX);
	__type(key, uint32_t);
	__array(values, struct shard_map);
} shards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, AP_BPF_LONG_MAX);
	__type(key, uint32_t);
	__type(value, struct ap_rule);
} long_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY); /* by CPU, set before load; a per-CPU map's values end at 32 KiB */
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_cache);
} caches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct ap_bpf_timing);
} timings SEC(".maps");

const volatile bool cfg_timing = false;
const volatile bool cfg_filter_pid = false; /* targets holds pids */
const volatile bool cfg_filter_tid = false; /* and tids */
const volatile bool cfg_filter_uid = false;
const volatile uint32_t cfg_uid = 0;
const volatile bool cfg_unwind = true;	    /* false: --call-graph=none */
const volatile bool cfg_frame_pointers = false; /* --call-graph=fp */
const volatile bool cfg_kernel = true;	    /* kernel stacks are wanted and allowed */
const volatile bool cfg_cookie = false;	    /* the event's index is the attach cookie; else `events` has it */
const volatile bool cfg_task_pt_regs = false;
const volatile uint32_t cfg_kernel_stack = 16 << 10; /* bytes of a thread's; used where there is no helper */
const volatile bool cfg_keep_dump = false;
const volatile uint32_t cfg_dump_bytes = AP_BPF_DUMP_MAX;
const volatile uint32_t cfg_wake_bytes = 1 << 20;

volatile uint32_t epoch = 0; /* raised by user space when a table is taken away */

#endif
