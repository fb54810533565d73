/* From a sample to the id of its interned stack. Private to the pipeline. */
#ifndef AP_RECORD_WALK_H
#define AP_RECORD_WALK_H

#include "agg/stacks.h"
#include "proc/tracker.h"
#include "record/tables.h"
#include "record/teach.h"
#include "unwind/unwind.h"

enum { AP_WALK_FRAMES_MAX = AP_UNWIND_DEPTH_MAX + 1024 };

struct ap_walk {
	struct ap_tracker *tracker; /* the caller's, as the next three */
	struct ap_stacks *stacks;
	struct ap_tables *tables;
	struct ap_teach *teach;
	bool now;       /* a table that is not there is built at once */
	bool cut;       /* or not waited for: the stack ends there */
	bool waits;     /* the sample at hand needs a table that is being built */
	uint64_t *bias; /* by binary id - 1 */
	size_t n_bias, bias_cap;
	uint64_t *seen_ns; /* of JIT frames, by frame id - 1 */
	size_t n_seen, seen_cap;
	uint64_t *samples; /* that have the frame, by frame id - 1 */
	size_t n_samples, samples_cap;
	/* the sample at hand */
	const struct ap_process *process;
	uint64_t time_ns;
	uint64_t addresses[AP_WALK_FRAMES_MAX];
	uint32_t path[AP_WALK_FRAMES_MAX + 1];
	size_t n_path;
};

/* 0; -EAGAIN: a table is being built; -ENOMEM; -ENOSPC, -E2BIG: as ap_stacks_frame. */
int ap_walk_stack(struct ap_walk *w, const struct ap_process *process, const struct ap_sample *s, bool *ret_whole, uint32_t *ret_stack);
/* As ap_pipeline_bias and ap_pipeline_seen_ns. */
uint64_t ap_walk_bias(const struct ap_walk *w, uint32_t binary_id);
uint64_t ap_walk_seen_ns(const struct ap_walk *w, uint32_t frame_id);
/* The stack found last belongs to a sample that is stored: counts it for its frames. */
void ap_walk_count(struct ap_walk *w);
uint64_t ap_walk_samples(const struct ap_walk *w, uint32_t frame_id); /* as ap_pipeline_frame_samples */
void ap_walk_done(struct ap_walk *w);

#endif
