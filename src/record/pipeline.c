/* A sample's way: thread and process from the tracker, the stack's id from walk.c, one row. New frames and stacks follow their sample in
 * the same batch, so that a file cut at any commit has every stack that its samples name. A sample whose unwind table is being built is
 * held, and all that comes after it of its process: what happens to a process stays in order. */
#include "record/pipeline.h"

#include "base/clock.h"
#include "base/mem.h"
#include "record/hold.h"
#include "record/rows.h"
#include "record/tables.h"
#include "record/teach.h"
#include "record/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_BYTES = 2 << 20,      /* hand over at this size */
	BATCH_BYTES_MAX = 24 << 20, /* drop samples past this when the writer is behind */
	HOLD_TRIES_MAX = 64,        /* then its tables are built at once: they may never all fit together */
};
static const uint64_t BATCH_AGE_NS = 500000000, ROOM_NS = 100000000;

struct ap_pipeline {
	struct ap_pipeline_config cfg;
	struct ap_row_out rows; /* first batch, run id, boot: what the row writers need */
	struct ap_tracker *tracker;
	struct ap_stacks *stacks;
	struct ap_tables *tables;
	struct ap_hold hold;
	unsigned tries; /* of the oldest that is held */
	struct ap_walk walk;
	struct ap_store *store; /* NULL before connect */
	struct ap_teach teach;
	uint64_t batch_since_ns;
	size_t frames_stored, nodes_stored;
	uint32_t *self_samples; /* by stack id */
	size_t n_self, self_cap;
	struct ap_pipeline_counts counts;
	uint64_t dropped_since_row;
};

int ap_pipeline_new(const struct ap_pipeline_config *cfg, struct ap_pipeline **ret_pipeline, struct ap_why *why)
{
	struct ap_pipeline *p = calloc(1, sizeof *p);
	struct ap_tracker_config tc = {0};
	int err;

	if (!p)
		return ap_why(why, ENOMEM, "cannot start recording: out of memory");
	p->cfg = *cfg;
	p->rows.boot = cfg->boot;
	p->rows.start_ns = cfg->start_ns;
	p->rows.source = cfg->source;
	tc.replayed = cfg->replayed;
	tc.rows = ap_rows_for_tracker(&p->rows);
	err = ap_batch_new(&p->rows.batch);
	if (!err)
		err = ap_stacks_new(cfg->max_memory / 2, &p->stacks);
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
	p->batch_since_ns = ap_now_ns();
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
		ap_batch_free(p->rows.batch);
		free(p->rows.periods);
		free(p->self_samples);
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
	p->store = store;
}

struct ap_batch *ap_pipeline_batch(struct ap_pipeline *p)
{
	return p->rows.batch;
}

static void count_self(struct ap_pipeline *p, uint32_t stack)
{
	uint32_t *v;

	while (p->n_self <= stack) {
		v = ap_grow(&p->self_samples, &p->self_cap, p->n_self, sizeof *v);
		if (!v)
			return;
		v[p->n_self++] = 0;
	}
	p->self_samples[stack]++;
}

static void drop(struct ap_pipeline *p, enum ap_loss_cause cause)
{
	p->counts.dropped++;
	if (cause == AP_LOSS_WRITER_BEHIND)
		p->dropped_since_row++;
	else
		ap_pipeline_loss(p, cause, 1);
}

/* False: it has to wait for a table. */
static bool put_sample(struct ap_pipeline *p, const struct ap_sample *s)
{
	const struct ap_process *process;
	const struct ap_thread *t;
	struct ap_row_sample_row row;
	uint32_t stack = 0;
	bool whole;
	int err;

	if (p->cfg.has_uid && ap_tracker_user(p->tracker, s->h.pid, s->h.time_ns) != p->cfg.uid) {
		p->counts.filtered++;
		return true;
	}
	if (ap_batch_bytes(p->rows.batch) > BATCH_BYTES_MAX) {
		drop(p, AP_LOSS_WRITER_BEHIND);
		return true;
	}
	t = ap_tracker_thread(p->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	process = t ? ap_tracker_process(p->tracker, s->h.pid, s->h.time_ns) : NULL;
	err = process ? ap_walk_stack(&p->walk, process, s, &whole, &stack) : -ENOMEM;
	if (err == -EAGAIN)
		return false;
	if (err) {
		drop(p, AP_LOSS_MEMORY_LIMIT);
		return true;
	}
	t = ap_tracker_thread(p->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	row = (struct ap_row_sample_row){.run = 1,
		.ts = (int64_t)s->h.time_ns - p->cfg.start_ns,
		.cpu = s->h.cpu,
		.event = s->event + 1,
		.thread = t->id,
		.stack = stack,
		.weight = (int64_t)s->weight};
	if (ap_rows_sample(&p->rows, &row)) {
		drop(p, AP_LOSS_MEMORY_LIMIT);
		return true;
	}
	if (s->h.flags & AP_SAMPLE_REGS)
		ap_teach_sample(&p->teach, s->h.pid, s->h.time_ns);
	p->counts.samples++;
	p->counts.complete += whole;
	count_self(p, stack);
	return true;
}

static void put_lost(struct ap_pipeline *p, const struct ap_lost *l)
{
	ap_rows_loss(&p->rows, l);
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
		ap_rows_clock(&p->rows, (const struct ap_clock *)e);
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
	ap_rows_events(&p->rows, events, n);
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
	struct ap_lost l = {.h = {.time_ns = ap_now_ns(), .cpu = UINT32_MAX}, .n = n, .cause = cause};

	if (n)
		ap_rows_loss(&p->rows, &l);
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

uint64_t *ap_pipeline_frame_samples(const struct ap_pipeline *p)
{
	size_t n = ap_stacks_node_count(p->stacks), id;
	uint64_t *total = calloc(n + 1, sizeof *total), *frames = calloc(ap_stacks_frame_count(p->stacks) + 1, sizeof *frames);
	const struct ap_stack_node *node;

	for (id = n; total && frames && id > 0; id--) {
		node = ap_stacks_node_at(p->stacks, (uint32_t)id);
		total[id] += id < p->n_self ? p->self_samples[id] : 0;
		total[node->parent] += total[id];
		frames[node->frame - 1] += total[id];
	}
	if (!total) {
		free(frames);
		frames = NULL;
	}
	free(total);
	return frames;
}

static int store_new_stacks(struct ap_pipeline *p)
{
	int err = 0;

	while (!err && p->frames_stored < ap_stacks_frame_count(p->stacks)) {
		err = ap_rows_frame(
			&p->rows, (uint32_t)p->frames_stored + 1, ap_stacks_frame_at(p->stacks, (uint32_t)p->frames_stored + 1));
		p->frames_stored += !err;
	}
	while (!err && p->nodes_stored < ap_stacks_node_count(p->stacks)) {
		err = ap_rows_stack(&p->rows, (uint32_t)p->nodes_stored + 1, ap_stacks_node_at(p->stacks, (uint32_t)p->nodes_stored + 1));
		p->nodes_stored += !err;
	}
	return err;
}

int ap_pipeline_flush(struct ap_pipeline *p, bool all)
{
	uint64_t now = ap_now_ns();
	struct ap_batch *fresh;
	int err;

	if (all)
		ap_pipeline_settle(p);
	else if (p->hold.first && ap_tables_collect(p->tables))
		release(p);
	if (p->teach.ops)
		ap_teach_flush(&p->teach);
	if (!p->store)
		return 0;
	if (!all && ap_batch_bytes(p->rows.batch) < BATCH_BYTES && now - p->batch_since_ns < BATCH_AGE_NS)
		return ap_store_error(p->store, NULL);
	if (p->dropped_since_row) {
		ap_pipeline_loss(p, AP_LOSS_WRITER_BEHIND, p->dropped_since_row);
		p->dropped_since_row = 0;
	}
	err = store_new_stacks(p);
	if (!err)
		err = ap_batch_new(&fresh);
	if (err)
		return err;
	err = ap_store_put(p->store, p->rows.batch, all ? UINT64_MAX : 0);
	if (err == -EAGAIN) {
		ap_batch_free(fresh);
		return 0;
	}
	p->rows.batch = fresh;
	p->batch_since_ns = now;
	return err;
}
