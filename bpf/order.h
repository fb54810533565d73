/* Events that wait until everything older must have come: a queue in order of time. What comes is nearly in order, so it finds its place from
 * the end in a step or two. */
#ifndef AP_BPF_ORDER_H
#define AP_BPF_ORDER_H

#include "event/event.h"

struct ap_bpf_queued {
	struct ap_bpf_queued *older, *newer;
	uint32_t generation;
	_Alignas(8) unsigned char event[];
};
struct ap_bpf_order {
	struct ap_bpf_queued *oldest, *newest; /* NULL: empty */
};

/* A copy; `generation` is of the mappings that the sample was unwound by. 0 or -ENOMEM. */
int ap_bpf_order_put(struct ap_bpf_order *o, const struct ap_event *e, uint32_t generation);
/* The oldest, until it is dropped; NULL: none. */
struct ap_event *ap_bpf_order_first(const struct ap_bpf_order *o, uint32_t *ret_generation);
void ap_bpf_order_drop(struct ap_bpf_order *o);
void ap_bpf_order_done(struct ap_bpf_order *o);

#endif
