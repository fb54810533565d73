/* The inside of the bpf source. */
#ifndef AP_BPF_PRIVATE_H
#define AP_BPF_PRIVATE_H

#include "bpf/layout.h"
#include "bpf/order.h"
#include "bpf/ringbuf.h"
#include "bpf/space.h"
#include "bpf/stale.h"
#include "event/source.h"

#include <stdbool.h>

struct ap_bpf; /* the skeleton */
struct bpf_program;

/* One process whose mappings the programs know. */
struct ap_bpf_published {
	uint32_t pid, generation, first, n, exec_id;
	uint64_t version; /* of its mappings, as the tracker counts them */
};
struct ap_bpf_blocks {
	int procs_fd;
	struct ap_bpf_mapping *mappings; /* the map itself */
	struct space space;
	struct ap_bpf_published *v; /* open addressing by pid; pid 0: free */
	size_t n, cap;		 /* cap a power of two */
	uint32_t generation;
	uint64_t refused; /* processes for which there was no room */
};
int ap_bpf_blocks_init(struct ap_bpf_blocks *b, int procs_fd, int mappings_fd);
void ap_bpf_blocks_done(struct ap_bpf_blocks *b);
/* exec_id: of the program whose mappings these are. */
int ap_bpf_blocks_publish(struct ap_bpf_blocks *b, const struct ap_learned *what, uint32_t exec_id);
bool ap_bpf_blocks_knows(const struct ap_bpf_blocks *b, uint32_t pid, uint32_t *ret_exec_id);
void ap_bpf_blocks_forget(struct ap_bpf_blocks *b, uint32_t pid);
/* Its mappings have changed. True: it has a block, which wants to be published again; one that it has from its parent is taken away. */
bool ap_bpf_blocks_changed(struct ap_bpf_blocks *b, uint32_t pid);

/* A piece of a shard; `bytes` 0: none. */
struct ap_bpf_stretch {
	uint32_t shard, offset, bytes;
};
struct ap_bpf_shard_memory {
	int fd;
	struct space space; /* in units of 8 bytes */
};
struct ap_bpf_shards {
	int outer_fd;
	struct ap_bpf_shard_memory *v;
	size_t n, max;
};
int ap_bpf_shards_init(struct ap_bpf_shards *s, int outer_fd, uint64_t max_bytes);
void ap_bpf_shards_done(struct ap_bpf_shards *s);
/* 0; -ENOSPC: every shard that may be made is full. */
int ap_bpf_shards_take(struct ap_bpf_shards *s, uint32_t bytes, struct ap_bpf_stretch *ret);
void ap_bpf_shards_give(struct ap_bpf_shards *s, const struct ap_bpf_stretch *p);
/* The piece's memory, until unmapped; NULL: errno says why. */
void *ap_bpf_shards_map(struct ap_bpf_shards *s, const struct ap_bpf_stretch *p);
void ap_bpf_shards_unmap(const struct ap_bpf_stretch *p, void *at);

/* What of the maps one binary has. */
struct ap_bpf_placed {
	struct ap_bpf_stretch rules, rows[AP_BPF_CHUNKS_MAX];
	uint32_t first_chunk, n_chunks, first_long, n_long;
};
struct ap_bpf_tables {
	struct ap_bpf_shards shards;
	struct ap_bpf_binary *binaries; /* these three are the maps themselves */
	struct ap_bpf_chunk *chunks;
	struct ap_rule *long_rules;
	volatile uint32_t *epoch;
	struct space chunk_space, long_space;
	struct ap_bpf_placed **placed; /* by binary id; NULL: none */
	uint64_t evicted, too_large;
	uint64_t full_until_ns;	       /* no room is looked for before */
};
struct ap_bpf_table_fds {
	int binaries, chunks, shards, long_rules;
};
int ap_bpf_tables_init(struct ap_bpf_tables *t, const struct ap_bpf_table_fds *fds, volatile uint32_t *epoch, uint64_t max_bytes);
void ap_bpf_tables_done(struct ap_bpf_tables *t);
int ap_bpf_tables_learn(struct ap_bpf_tables *t, const struct ap_learned *what);

/* How much of each loss the sink was told. */
struct ap_bpf_said {
	uint64_t ring_full, map_full, malformed, no_memory;
};

struct ap_source {
	struct ap_source_config cfg;
	struct ap_bpf *skel;
	struct bpf_program *sampler; /* the skeleton's that is loaded */
	struct ap_source *perf; /* the events and the side-band */
	int *links;		/* of the sampler to each event's descriptor */
	size_t n_links, links_cap;
	bool cookie;
	int timings_fd, targets_fd;
	struct ap_bpf_ring ring;
	struct ap_bpf_blocks blocks;
	struct ap_bpf_tables tables;
	struct ap_bpf_counts *counts; /* the map itself, one a possible CPU */
	size_t n_cpus, counts_bytes;
	int ring_fd, epoll_fd;
	struct ap_bpf_order order;
	struct ap_bpf_stale stale;
	uint32_t sample_pid, exec_id; /* of the sample that the sink is given; pid 0: none */
	uint64_t until_ns; /* everything up to it has come */
	uint64_t malformed, no_memory, no_memory_side; /* samples; side-band events */
	struct ap_bpf_said said;
	bool stopped;
	uint64_t drains, cold_seen;
	bool learning; /* cold samples came since the drain before */
	_Alignas(8) unsigned char room[sizeof(struct ap_bpf_record)];
};

/* helper.c: whether perf_event programs may call it here. False too where bpf(2) is refused, which the load then says. */
bool ap_bpf_has_helper(int helper);

/* stats.c */
uint64_t ap_bpf_counted(const struct ap_source *s, enum ap_bpf_count what);
void ap_bpf_stats(const struct ap_source *s, struct ap_source_stats *ret_stats);

/* load.c: the programs in the kernel, their settings and maps; nothing is attached. */
int ap_bpf_load(struct ap_source *s, struct ap_why *why);
int ap_bpf_attach_tasks(struct ap_source *s, struct ap_why *why);
/* For ap_perf_open_attached. */
int ap_bpf_attach_event(void *source, int fd, uint32_t event, struct ap_why *why);
void ap_bpf_unload(struct ap_source *s);

#endif
