/* Kernel records to events. The one place in perf/ that knows the record layouts; every length is checked (source: perf_event_open(2) and
 * include/uapi/linux/perf_event.h). */
#ifndef AP_PERF_DECODE_H
#define AP_PERF_DECODE_H

#include "event/event.h"

#include <linux/perf_event.h>

/* What every event of the recording has in its attr. */
#define AP_PERF_SAMPLE_BASE                                                                                            \
	(PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD)
uint64_t ap_perf_regs_mask(void); /* sample_regs_user */

/* The kernel's identifier of an opened event, and the index of ours. */
struct ap_perf_id {
	uint64_t id;
	uint32_t event;
};

struct ap_perf_format {
	uint64_t sample_type; /* AP_PERF_SAMPLE_BASE, and CALLCHAIN, REGS_USER, STACK_USER or not */
	bool user_chain;      /* the callchain's user part is wanted: --call-graph=fp */
	const struct ap_perf_id *ids; /* in order of id */
	size_t n_ids;
};

/* Its time, before it is decoded; 0 for one too short to have a time. */
uint64_t ap_perf_record_time(const struct perf_event_header *h, const struct ap_perf_format *f);

/* Decodes one whole record (h->size bytes are readable) into `room` bytes at `event`, 8-aligned. Returns 1: an event was made; 0: a record of
 * no interest; -EBADMSG: malformed. */
int ap_perf_decode(const struct perf_event_header *h, const struct ap_perf_format *f, void *event, size_t room);

#endif
