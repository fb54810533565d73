/* A sample's way: thread and process from the tracker, the stack's id from walk.c, one row. New frames and stacks follow their sample in
 * the same batch, so that a file cut at any commit has every stack that its samples name. When stacks are too many for their memory the
 * batch is handed over, they are forgotten, and the store finds those that come again. A sample whose unwind table is being built is
 * held, and all that comes after it of its process: what happens to a process stays in order. */
#include "record/pipeline.h"

#include "base/clock.h"
#include "record/hold.h"
#include "record/outbox.h"
#include "record/tables.h"
#include "record/teach.h"
#include "record/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOLD_TRIES_MAX = 64, /* then its tables are built at once: they may never all fit together */
};
static const uint64_t ROOM_NS = 100000000;

struct ap_pipeline {
	struct ap_pipeline_config cfg;
	struct ap_outbox out;
	struct ap_tracker *tracker;
	struct ap_stacks *stacks;
	struct ap_tables *tables;
	struct ap_hold hold;
	unsigned tries; /* of the oldest that is held */
	struct ap_walk walk;
	struct ap_teach teach;
	struct ap_pipeline_counts counts;
};

int ap_pipeline_new(const struct ap_pipeline_config *cfg, struct ap_pipeline **ret_pipeline, struct ap_why *why)
{
	struct ap_pipeline *p = calloc(1, sizeof *p);
	struct ap_tracker_config tc = {0};
	int err;

	if (!p)
		return ap_why(why, ENOMEM, "cannot start recording: out of memory");
	p->cfg = *cfg;
	p->out.rows.boot = cfg->boot;
	p->out.rows.start_ns = cfg->start_ns;
	p->out.rows.source = cfg->source;
	tc.replayed = cfg->replayed;
	tc.rows = ap_rows_for_tracker(&p->out.rows);
	err = ap_outbox_init(&p->out);
	if (!err)
		err = ap_stacks_new(cfg->max_memory / 8 * 3, &p->stacks);
	p->out.stacks = p->stacks;
	if (!err)
		err = ap_tables_new(cfg->max_memory / 2, &p->tables);
	p->hold.max_bytes = cfg->max_memory / 8;
	if (err) {
		ap_pipeline_free(p);
		return ap_why(why, -err, "cannot start recording: %s", strerror(-err));
	}
	err = ap_tracker_new(&tc, &p->tracker, why);
	if (err) {
		ap_pipeline_free(p);
		return err;
	}
	p->teach = (struct ap_teach){.tracker = p->tracker, .tables = p->tables};
	p->walk.tracker = p->tracker;
	p->walk.stacks = p->stacks;
	p->walk.tables = p->tables;
	p->walk.teach = &p->teach;
	*ret_pipeline = p;
	return 0;
}

struct ap_pipeline *ap_pipeline_free(struct ap_pipeline *p)
{
	if (p) {
		ap_tables_free(p->tables);
		ap_tracker_free(p->tracker);
		ap_hold_done(&p->hold);
		ap_stacks_free(p->stacks);
		ap_outbox_done(&p->out);
		ap_walk_done(&p->walk);
		free(p);
	}
	return NULL;
}

struct ap_tracker *ap_pipeline_tracker(struct ap_pipeline *p)
{
	return p->tracker;
}

const struct ap_stacks *ap_pipeline_stacks(const struct ap_pipeline *p)
{
	return p->stacks;
}

void ap_pipeline_connect(struct ap_pipeline *p, struct ap_store *store)
{
	p->out.store = store;
}

struct ap_batch *ap_pipeline_batch(struct ap_pipeline *p)
{
	return p->out.rows.batch;
}

static void drop(struct ap_pipeline *p, enum ap_loss_cause cause)
{
	p->counts.dropped++;
	if (cause == AP_LOSS_WRITER_BEHIND)
		p->out.behind++;
	else
		ap_pipeline_loss(p, cause, 1);
}

/* As ap_walk_stack; -EBUSY: stacks must be forgotten, and the writer is too far behind to be handed what names them. */
static int find_stack(
	struct ap_pipeline *p, const struct ap_process *process, const struct ap_sample *s, bool *ret_whole, uint32_t *ret_stack)
{
	int err = ap_walk_stack(&p->walk, process, s, ret_whole, ret_stack);

	if (err != -ENOSPC)
		return err;
	err = ap_outbox_forget(&p->out, p->cfg.replayed ? UINT64_MAX : ROOM_NS);
	if (err)
		return err == -EAGAIN ? -EBUSY : err;
	return ap_walk_stack(&p->walk, process, s, ret_whole, ret_stack);
}

static void put_row(struct ap_pipeline *p, const struct ap_sample *s, uint32_t stack, bool whole)
{
	const struct ap_thread *t = ap_tracker_thread(p->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	struct ap_row_sample_row row = {.run = 1,
		.ts = (int64_t)s->h.time_ns - p->cfg.start_ns,
		.cpu = s->h.cpu,
		.event = s->event + 1,
		.thread = t->id,
		.stack = stack,
		.weight = (int64_t)s->weight};

	if (ap_rows_sample(&p->out.rows, &row)) {
		drop(p, AP_LOSS_MEMORY_LIMIT);
		return;
	}
	if (s->h.flags & AP_SAMPLE_REGS)
		ap_teach_sample(&p->teach, s->h.pid, s->h.time_ns);
	p->counts.samples++;
	p->counts.complete += whole;
	ap_walk_count(&p->walk);
}

/* False: it has to wait for a table. */
static bool put_sample(struct ap_pipeline *p, const struct ap_sample *s)
{
	const struct ap_process *process;
	const struct ap_thread *t;
	uint32_t stack = 0;
	bool whole;
	int err;

	if (p->cfg.has_uid && ap_tracker_user(p->tracker, s->h.pid, s->h.time_ns) != p->cfg.uid) {
		p->counts.filtered++;
		return true;
	}
	if (ap_outbox_full(&p->out)) {
		drop(p, AP_LOSS_WRITER_BEHIND);
		return true;
	}
	t = ap_tracker_thread(p->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	process = t ? ap_tracker_process(p->tracker, s->h.pid, s->h.time_ns) : NULL;
	err = process ? find_stack(p, process, s, &whole, &stack) : -ENOMEM;
	if (err == -EAGAIN)
		return false;
	if (err) {
		drop(p, err == -EBUSY ? AP_LOSS_WRITER_BEHIND : AP_LOSS_MEMORY_LIMIT);
		return true;
	}
	put_row(p, s, stack, whole);
	return true;
}

static void put_lost(struct ap_pipeline *p, const struct ap_lost *l)
{
	ap_rows_loss(&p->out.rows, l);
	if (l->cause == AP_LOSS_THROTTLED)
		p->counts.throttled += l->n;
	if (l->cause == AP_LOSS_SIDEBAND || (l->cause == AP_LOSS_RING_FULL && l->event == UINT32_MAX))
		ap_tracker_doubt(p->tracker);
}

static bool take(struct ap_pipeline *p, const struct ap_event *e)
{
	switch (e->kind) {
	case AP_EVENT_SAMPLE:
		return put_sample(p, (const struct ap_sample *)e);
	case AP_EVENT_LOST:
		put_lost(p, (const struct ap_lost *)e);
		return true;
	case AP_EVENT_CLOCK:
		ap_rows_clock(&p->out.rows, (const struct ap_clock *)e);
		return true;
	default:
		ap_tracker_put(p->tracker, e);
		ap_teach_event(&p->teach, e);
		return true;
	}
}

static bool take_held(void *ctx, const struct ap_event *e)
{
	struct ap_pipeline *p = ctx;

	return take(p, e);
}

/* What is held, as far as it can go now. */
static void release(struct ap_pipeline *p)
{
	p->walk.now = p->tries > HOLD_TRIES_MAX;
	p->tries = ap_hold_release(&p->hold, take_held, p) ? 0 : p->tries + 1;
	p->walk.now = false;
}

void ap_pipeline_settle(struct ap_pipeline *p)
{
	while (p->hold.first) {
		ap_tables_wait(p->tables, UINT64_MAX);
		release(p);
	}
}

/* Makes room, by way of tables that come soon or else by stacks that end where one is missing: the rings hold what comes meanwhile, but not
 * for long. A recording that is played has time. */
static void make_room(struct ap_pipeline *p)
{
	uint64_t until = ap_now_ns() + ROOM_NS, now;

	if (p->cfg.replayed) {
		ap_pipeline_settle(p);
		return;
	}
	while (p->hold.first && (now = ap_now_ns()) < until && ap_tables_wait(p->tables, until - now))
		release(p);
	p->walk.cut = true;
	release(p);
	p->walk.cut = false;
}

static void put(void *ctx, const struct ap_event *e)
{
	struct ap_pipeline *p = ctx;

	if (p->hold.first && ap_tables_collect(p->tables))
		release(p);
	if (!ap_hold_concerns(&p->hold, e) && take(p, e))
		return;
	if (!ap_hold_put(&p->hold, e))
		return;
	make_room(p);
	p->walk.now = p->cfg.replayed;
	p->walk.cut = !p->walk.now;
	take(p, e);
	p->walk.now = p->walk.cut = false;
}

void ap_pipeline_events(struct ap_pipeline *p, const struct ap_source_event *events, size_t n)
{
	ap_rows_events(&p->out.rows, events, n);
}

void ap_pipeline_teach(struct ap_pipeline *p, const struct ap_source_ops *ops, struct ap_source *source)
{
	p->teach.ops = ops && ops->learn ? ops : NULL;
	p->teach.source = source;
}

struct ap_sink ap_pipeline_sink(struct ap_pipeline *p)
{
	return (struct ap_sink){.put = put, .ctx = p};
}

void ap_pipeline_loss(struct ap_pipeline *p, enum ap_loss_cause cause, uint64_t n)
{
	ap_outbox_loss(&p->out, cause, n);
}

void ap_pipeline_counts(const struct ap_pipeline *p, struct ap_pipeline_counts *ret_counts)
{
	*ret_counts = p->counts;
}

uint64_t ap_pipeline_bias(const struct ap_pipeline *p, uint32_t binary_id)
{
	return ap_walk_bias(&p->walk, binary_id);
}

uint64_t ap_pipeline_seen_ns(const struct ap_pipeline *p, uint32_t frame_id)
{
	return ap_walk_seen_ns(&p->walk, frame_id);
}

uint64_t ap_pipeline_frame_samples(const struct ap_pipeline *p, uint32_t frame_id)
{
	return ap_walk_samples(&p->walk, frame_id);
}

int ap_pipeline_flush(struct ap_pipeline *p, bool all)
{
	int err;

	if (all)
		ap_pipeline_settle(p);
	else if (p->hold.first && ap_tables_collect(p->tables))
		release(p);
	if (p->teach.ops)
		ap_teach_flush(&p->teach);
	if (!p->out.store)
		return 0;
	if (!all && !ap_outbox_due(&p->out))
		return ap_store_error(p->out.store, NULL);
	err = ap_outbox_flush(&p->out, all || p->cfg.replayed ? UINT64_MAX : 0);
	return err == -EAGAIN ? 0 : err;
}
