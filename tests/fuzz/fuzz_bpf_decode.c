/* Bytes as the ring's records: 4 bytes {length, room, events to take first, nothing}, then as many as the length says, again and again.
 * Each lies in a block that ends where it does, so that ASan sees a read past it. What is taken is an event that holds together, and the
 * queue gives every event once, those of one time in the order in which they came. */
#include "bpf/decode.h"
#include "bpf/layout.h"
#include "bpf/order.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 4, UNIT = 4 /* of the length */ };

struct queue {
	struct ap_bpf_order order;
	uint64_t last_ns; /* of what was taken since the last put */
	uint32_t last, put;
	size_t n;
};

/* The event's number in order of coming lies in its cpu, and is its generation. */
static void take_one(struct queue *q)
{
	uint32_t generation = 0;
	const struct ap_event *e = ap_bpf_order_first(&q->order, &generation);

	if (!e != !q->n)
		abort();
	if (!e)
		return;
	if (generation != e->cpu || e->time_ns < q->last_ns || (e->time_ns == q->last_ns && q->last && e->cpu <= q->last))
		abort();
	q->last_ns = e->time_ns;
	q->last = e->cpu;
	ap_bpf_order_drop(&q->order);
	q->n--;
}

static void put_one(struct queue *q, const uint8_t *bytes, size_t n, size_t room)
{
	void *record = malloc(n ? n : 1), *event = malloc(room ? room : 1);
	struct ap_event *e = event;

	if (!record || !event)
		abort();
	memcpy(record, bytes, n);
	if (ap_bpf_decode(record, n, event, room) == 1) {
		e->pad = 0; /* between the source's parts alone */
		e->cpu = ++q->put;
		if (ap_event_check(event, room) || ap_bpf_order_put(&q->order, event, e->cpu))
			abort();
		q->n++;
		q->last_ns = 0;
		q->last = 0;
	}
	free(record);
	free(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct queue q = {.last_ns = 0};

	while (n >= HEAD) {
		size_t size = (size_t)data[0] * UNIT, room = (size_t)data[1] * UNIT;

		for (unsigned k = 0; k < data[2]; k++)
			take_one(&q);
		size = size < n - HEAD ? size : n - HEAD;
		put_one(&q, data + HEAD, size, data[1] == UINT8_MAX ? sizeof(struct ap_bpf_record) : room);
		data += HEAD + size;
		n -= HEAD + size;
	}
	while (q.n > 1)
		take_one(&q);
	ap_bpf_order_done(&q.order); /* what is left */
	return q.order.oldest || q.order.newest ? abort(), 0 : 0;
}
