/* From the recording's structures to the store's rows. */
#ifndef AP_RECORD_ROWS_H
#define AP_RECORD_ROWS_H

#include "agg/stacks.h"
#include "event/source.h"
#include "proc/tracker.h"
#include "store/rows.h"

/* Where rows go. `failed` counts rows for which there was no memory. */
struct ap_row_out {
	struct ap_batch *batch;
	const char *boot, *source;
	int64_t start_ns;
	uint64_t failed;
	const struct ap_source_event *events;
	size_t n_events;
	int64_t *periods; /* by event: what a sample weighs whose row has no weight; 0: not known (yet) */
};

struct ap_tracker_rows ap_rows_for_tracker(struct ap_row_out *o);
void ap_rows_loss(struct ap_row_out *o, const struct ap_lost *l);
void ap_rows_clock(struct ap_row_out *o, const struct ap_clock *c);
int ap_rows_frame(struct ap_row_out *o, uint32_t id, const struct ap_frame *f);
int ap_rows_stack(struct ap_row_out *o, uint32_t id, const struct ap_stack_node *n);
/* Once, before the first sample; they live as long as samples come. The caller frees periods. */
void ap_rows_events(struct ap_row_out *o, const struct ap_source_event *events, size_t n);
/* Leaves out the weight that is its event's period. The first sample of a clock at a frequency sets that: the kernel rounds it, once. */
int ap_rows_sample(struct ap_row_out *o, struct ap_row_sample_row *row);
/* `dropped` of the samples that the source handed over were lost on the way to the file. */
void ap_rows_account(struct ap_row_out *o, const struct ap_source_stats *st, uint64_t stored, uint64_t dropped);

#endif
