/* A doubly linked list. Events of one time stay in the order in which they came. */
#include "bpf/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t time_of(const struct ap_bpf_queued *q)
{
	return ((const struct ap_event *)q->event)->time_ns;
}

int ap_bpf_order_put(struct ap_bpf_order *o, const struct ap_event *e, uint32_t generation)
{
	struct ap_bpf_queued *q = malloc(sizeof *q + e->size), *at = o->newest;

	if (!q)
		return -ENOMEM;
	q->generation = generation;
	memcpy(q->event, e, e->size);
	while (at && time_of(at) > e->time_ns)
		at = at->older;
	q->older = at;
	q->newer = at ? at->newer : o->oldest;
	*(at ? &at->newer : &o->oldest) = q;
	*(q->newer ? &q->newer->older : &o->newest) = q;
	return 0;
}

struct ap_event *ap_bpf_order_first(const struct ap_bpf_order *o, uint32_t *ret_generation)
{
	*ret_generation = o->oldest ? o->oldest->generation : 0;
	return o->oldest ? (struct ap_event *)o->oldest->event : NULL;
}

void ap_bpf_order_drop(struct ap_bpf_order *o)
{
	struct ap_bpf_queued *q = o->oldest;

	o->oldest = q->newer;
	*(o->oldest ? &o->oldest->older : &o->newest) = NULL;
	free(q);
}

void ap_bpf_order_done(struct ap_bpf_order *o)
{
	while (o->oldest)
		ap_bpf_order_drop(o);
}
