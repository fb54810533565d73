/* What was stored of the interned frames and nodes are prefixes of their arrays, as both only grow within a generation. */
#include "record/outbox.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BATCH_BYTES = 2 << 20,      /* hand over at this size */
	BATCH_BYTES_MAX = 24 << 20, /* drop samples past this when the writer is behind */
};
static const uint64_t BATCH_AGE_NS = 500000000;

int ap_outbox_init(struct ap_outbox *o)
{
	o->since_ns = ap_now_ns();
	return ap_batch_new(&o->rows.batch);
}

void ap_outbox_done(struct ap_outbox *o)
{
	ap_batch_free(o->rows.batch);
	free(o->rows.periods);
}

bool ap_outbox_due(const struct ap_outbox *o)
{
	return ap_batch_bytes(o->rows.batch) >= BATCH_BYTES || ap_now_ns() - o->since_ns >= BATCH_AGE_NS;
}

bool ap_outbox_full(const struct ap_outbox *o)
{
	return ap_batch_bytes(o->rows.batch) > BATCH_BYTES_MAX;
}

void ap_outbox_loss(struct ap_outbox *o, enum ap_loss_cause cause, uint64_t n)
{
	struct ap_lost l = {.h = {.time_ns = ap_now_ns(), .cpu = UINT32_MAX}, .n = n, .cause = cause};

	if (n)
		ap_rows_loss(&o->rows, &l);
}

static int put_new_stacks(struct ap_outbox *o)
{
	uint32_t id;
	int err = 0;

	while (!err && o->frames_stored < ap_stacks_frame_count(o->stacks)) {
		id = (uint32_t)o->frames_stored + 1;
		err = ap_rows_frame(&o->rows, id, ap_stacks_frame_at(o->stacks, id));
		o->frames_stored += !err;
	}
	while (!err && o->nodes_stored < ap_stacks_node_count(o->stacks)) {
		id = (uint32_t)o->nodes_stored + 1;
		err = ap_rows_stack(&o->rows, id, ap_stacks_node_at(o->stacks, id));
		o->nodes_stored += !err;
	}
	return err;
}

int ap_outbox_flush(struct ap_outbox *o, uint64_t timeout_ns)
{
	struct ap_batch *fresh;
	int err;

	ap_outbox_loss(o, AP_LOSS_WRITER_BEHIND, o->behind);
	o->behind = 0;
	err = put_new_stacks(o);
	if (!err)
		err = ap_batch_new(&fresh);
	if (err)
		return err;
	ap_batch_set_generation(fresh, ap_stacks_generation(o->stacks));
	err = ap_store_put(o->store, o->rows.batch, timeout_ns);
	if (err == -EAGAIN) {
		ap_batch_free(fresh);
		return err;
	}
	o->rows.batch = fresh;
	o->since_ns = ap_now_ns();
	o->waited = false;
	return err;
}

int ap_outbox_forget(struct ap_outbox *o, uint64_t timeout_ns)
{
	int err;

	if (!o->store || !ap_stacks_node_count(o->stacks))
		return -ENOSPC;
	err = ap_outbox_flush(o, o->waited ? 0 : timeout_ns);
	o->waited = err == -EAGAIN;
	if (err)
		return err;
	ap_stacks_forget(o->stacks);
	o->nodes_stored = 0;
	ap_batch_set_generation(o->rows.batch, ap_stacks_generation(o->stacks));
	return 0;
}
