/* Events in, rows out: the tracker names the process and the mapping, the unwinder and the interned stacks give one stack id, and rows go
 * to the store in batches. One thread. */
#ifndef AP_RECORD_PIPELINE_H
#define AP_RECORD_PIPELINE_H

#include "agg/stacks.h"
#include "event/source.h"
#include "proc/tracker.h"
#include "store/store.h"

#include <stdint.h>

struct ap_pipeline_config {
	uint64_t max_memory; /* of unwind tables, interned stacks and the store's map of their ids together */
	int64_t start_ns;    /* the run's; ts are relative to it */
	const char *boot;
	const char *source; /* its name, for loss rows */
	bool replayed;      /* the processes are not those of this machine now */
	bool has_uid;       /* samples of other users' processes are left out, and counted */
	uint32_t uid;
};

struct ap_pipeline_counts {
	uint64_t samples;  /* stored */
	uint64_t complete; /* of them, with a whole stack */
	uint64_t dropped;  /* arrived but could not be stored: the writer was behind or memory at its limit */
	uint64_t throttled;
	uint64_t filtered; /* of another user, or of nobody known */
};

struct ap_pipeline;

int ap_pipeline_new(const struct ap_pipeline_config *cfg, struct ap_pipeline **ret_pipeline, struct ap_why *why);
struct ap_pipeline *ap_pipeline_free(struct ap_pipeline *p);

struct ap_tracker *ap_pipeline_tracker(struct ap_pipeline *p);
const struct ap_stacks *ap_pipeline_stacks(const struct ap_pipeline *p);
struct ap_sink ap_pipeline_sink(struct ap_pipeline *p);
/* The sampled events, before the first sample; they live as long as samples come. */
void ap_pipeline_events(struct ap_pipeline *p, const struct ap_source_event *events, size_t n);
/* From now on batches go there. Before it, rows wait in memory. */
void ap_pipeline_connect(struct ap_pipeline *p, struct ap_store *store);

/* From now on the source is taught what its samples need (source.h, learn). NULL ops: no more. */
void ap_pipeline_teach(struct ap_pipeline *p, const struct ap_source_ops *ops, struct ap_source *source);

/* Hands what has gathered to the store if it is large or old enough, or in any case (`all`, which also waits for room). 0, or the error
 * that stopped the writer. */
int ap_pipeline_flush(struct ap_pipeline *p, bool all);
struct ap_batch *ap_pipeline_batch(struct ap_pipeline *p); /* to add rows to */

/* Waits for the unwind tables that are being built, until nothing is held for them any more. */
void ap_pipeline_settle(struct ap_pipeline *p);

void ap_pipeline_loss(struct ap_pipeline *p, enum ap_loss_cause cause, uint64_t n);
void ap_pipeline_counts(const struct ap_pipeline *p, struct ap_pipeline_counts *ret_counts);
/* How many samples have the frame in their stack; more than once where it recurs. */
uint64_t ap_pipeline_frame_samples(const struct ap_pipeline *p, uint32_t frame_id);
/* When a frame of JIT code was sampled last, by frame id; 0 for other frames. */
uint64_t ap_pipeline_seen_ns(const struct ap_pipeline *p, uint32_t frame_id);
/* What to subtract from a kernel address of that binary; 0 where none was seen. */
uint64_t ap_pipeline_bias(const struct ap_pipeline *p, uint32_t binary_id);

#endif
