/* The file being recorded is new, so the ids that the tracker and the interned stacks gave are its primary keys; its one run and its one
 * host are 1. */
#include "record/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void count(struct ap_row_out *o, int err)
{
	o->failed += err != 0;
}

static int64_t or_null(uint64_t v)
{
	return v ? (int64_t)v : AP_NULL;
}

static void put_process(void *ctx, const struct ap_process *p, uint32_t parent_id, int64_t uid, const char *cmdline, const char *cgroup,
	const char *container, uint64_t end_ns)
{
	struct ap_row_out *o = ctx;
	struct ap_row_process r = {.id = p->id,
		.host = 1,
		.boot = o->boot,
		.pid = p->pid,
		.start_ns = (int64_t)p->start_ns,
		.parent = or_null(parent_id),
		.uid = uid < 0 ? AP_NULL : uid,
		.comm = p->comm,
		.cmdline = cmdline,
		.cgroup = cgroup,
		.container = container,
		.kernel = p->kernel,
		.end_ns = or_null(end_ns)};

	count(o, ap_batch_process(o->batch, &r));
}

static void put_exec(void *ctx, const struct ap_process *p, uint64_t time_ns, uint32_t binary_id, const char *comm, const char *cmdline)
{
	struct ap_row_out *o = ctx;
	struct ap_row_process_exec r = {
		.process = p->id, .ts_ns = (int64_t)time_ns, .executable = or_null(binary_id), .comm = comm, .cmdline = cmdline};

	count(o, ap_batch_process_exec(o->batch, &r));
}

static void put_thread(void *ctx, const struct ap_thread *t, uint64_t end_ns)
{
	struct ap_row_out *o = ctx;
	struct ap_row_thread r = {.id = t->id,
		.process = t->process_id,
		.tid = t->tid,
		.start_ns = (int64_t)t->start_ns,
		.comm = t->comm,
		.end_ns = or_null(end_ns)};

	count(o, ap_batch_thread(o->batch, &r));
}

static void put_binary(void *ctx, const struct ap_binary *b)
{
	struct ap_row_out *o = ctx;
	struct ap_row_executable r = {.id = b->id, .build_id = b->build_id, .path = b->path, .kind = b->kind, .why = b->why};

	count(o, ap_batch_executable(o->batch, &r));
}

static void put_mapping(void *ctx, const struct ap_process *p, const struct ap_mapping *m, uint64_t from_ns, uint64_t to_ns)
{
	struct ap_row_out *o = ctx;
	struct ap_row_mapping r = {.id = m->id,
		.process = p->id,
		.start = (int64_t)m->start,
		.end = (int64_t)m->end,
		.file_offset = (int64_t)m->file_offset,
		.executable = m->binary->id,
		.from_ns = (int64_t)from_ns,
		.to_ns = or_null(to_ns)};

	count(o, ap_batch_mapping(o->batch, &r));
}

struct ap_tracker_rows ap_rows_for_tracker(struct ap_row_out *o)
{
	return (struct ap_tracker_rows){
		.ctx = o, .process = put_process, .exec = put_exec, .thread = put_thread, .binary = put_binary, .mapping = put_mapping};
}

void ap_rows_loss(struct ap_row_out *o, const struct ap_lost *l)
{
	struct ap_row_loss r = {.run = 1,
		.ts = (int64_t)l->h.time_ns - o->start_ns,
		.source = o->source,
		.cause = ap_loss_text((enum ap_loss_cause)l->cause),
		.cpu = l->h.cpu == UINT32_MAX ? AP_NULL : l->h.cpu,
		.n = (int64_t)l->n};

	count(o, ap_batch_loss(o->batch, &r));
}

void ap_rows_clock(struct ap_row_out *o, const struct ap_clock *c)
{
	struct ap_row_clock r = {.run = 1,
		.ts = (int64_t)c->h.time_ns - o->start_ns,
		.realtime_ns = (int64_t)c->realtime_ns,
		.boottime_ns = (int64_t)c->boottime_ns};

	count(o, ap_batch_clock(o->batch, &r));
}

int ap_rows_frame(struct ap_row_out *o, uint32_t id, const struct ap_frame *f)
{
	struct ap_row_frame r = {.id = id, .executable = f->executable, .address = (int64_t)f->address, .kind = f->kind};

	return ap_batch_frame(o->batch, &r);
}

int ap_rows_stack(struct ap_row_out *o, uint32_t id, const struct ap_stack_node *n)
{
	struct ap_row_stack r = {.id = id, .parent_id = n->parent, .frame_id = n->frame};

	return ap_batch_stack(o->batch, &r);
}

static const char CLOCK_UNIT[] = "ns";

/* Clock events count nanoseconds. */
static const char *unit_of(const char *name)
{
	return strstr(name, "clock") ? CLOCK_UNIT : "events";
}

static int put_event(struct ap_row_out *o, size_t i, int64_t period)
{
	const struct ap_source_event *e = &o->events[i];
	struct ap_row_event r = {.id = (int64_t)i + 1,
		.run = 1,
		.seq = (int64_t)i,
		.name = e->name,
		.source = o->source,
		.why = e->why ? e->why : "",
		.frequency_hz = or_null(e->frequency_hz),
		.period = period > 0 ? period : AP_NULL,
		.user_only = e->user_only,
		.unit = unit_of(e->name)};

	return ap_batch_event(o->batch, &r);
}

void ap_rows_events(struct ap_row_out *o, const struct ap_source_event *events, size_t n)
{
	o->periods = calloc(n + 1, sizeof *o->periods);
	o->events = events;
	o->n_events = o->periods ? n : 0;
	count(o, o->periods ? 0 : -ENOMEM);
	for (size_t i = 0; i < o->n_events; i++) {
		o->periods[i] = (int64_t)events[i].period;
		count(o, put_event(o, i, o->periods[i]));
	}
}

int ap_rows_sample(struct ap_row_out *o, struct ap_row_sample_row *row)
{
	size_t i = (size_t)row->event - 1;

	if (i < o->n_events && row->weight > 0) {
		if (!o->periods[i] && !strcmp(unit_of(o->events[i].name), CLOCK_UNIT) && !put_event(o, i, row->weight))
			o->periods[i] = row->weight;
		if (row->weight == o->periods[i])
			row->weight = AP_NULL;
	}
	return ap_batch_sample_row(o->batch, row);
}

void ap_rows_account(struct ap_row_out *o, const struct ap_source_stats *st, uint64_t stored, uint64_t dropped)
{
	struct ap_row_account r = {.run = 1,
		.source = o->source,
		.seen = (int64_t)st->seen,
		.stored = (int64_t)stored,
		.filtered = (int64_t)st->filtered,
		.lost = (int64_t)dropped};

	for (size_t i = 0; i < AP_LOSS_COUNT; i++)
		if (ap_loss_is_hits(i))
			r.lost += (int64_t)st->lost[i];
	count(o, ap_batch_account(o->batch, &r));
}
