/* The source. Samples come from the ring, everything else from the perf source's side-band, whose drain releases what is older than the
 * beginning of the drain before; so much of all is released here, in order of time. */
#include "bpf/source.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bpf/decode.h"
#include "bpf/private.h"
#include "perf/attached.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { PERF_BUDGET = 8 << 20, WAIT_LEARNING_MS = 20, WAIT_MS = 100 };
static const uint64_t SLACK_NS = 1000000;

/* Edges alone wake the reader: the ring is never empty for long, for what is young waits in it. */
static int watch(struct ap_source *s, struct ap_why *why)
{
	struct epoll_event ring = {.events = EPOLLIN | EPOLLET}, side = {.events = EPOLLIN};

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->ring_fd, &ring) ||
		epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, ap_source_perf.fd(s->perf), &side))
		return ap_why(why, errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

static int open_source(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why)
{
	struct ap_source *s = calloc(1, sizeof *s);
	struct ap_perf_attach attach = {ap_bpf_attach_event, s};
	int err;

	if (!s)
		return ap_why(why, ENOMEM, "out of memory");
	s->cfg = *cfg;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = s->epoll_fd < 0 ? ap_why(why, errno, "epoll_create1: %s", strerror(errno)) : ap_bpf_load(s, why);
	if (!err)
		err = ap_bpf_attach_tasks(s, why);
	if (!err)
		err = ap_perf_open_attached(cfg, &attach, &s->perf, why);
	if (!err)
		err = watch(s, why);
	if (err) {
		ap_source_bpf.free(s);
		return err;
	}
	*ret_source = s;
	return 0;
}

static void probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe)
{
	struct ap_source_config own = *cfg;
	struct ap_source *s = NULL;

	memset(ret_probe, 0, sizeof *ret_probe);
	own.frequency_hz = own.frequency_hz ? own.frequency_hz : own.period ? 0 : 99;
	if (!open_source(&own, &s, &ret_probe->why)) {
		ret_probe->usable = true;
		ret_probe->why.text[0] = '\0';
		ap_source_bpf.free(s);
	}
}

static size_t events(const struct ap_source *s, const struct ap_source_event **ret_events)
{
	return ap_source_perf.events(s->perf, ret_events);
}

static int start(struct ap_source *s, struct ap_why *why)
{
	return ap_source_perf.start(s->perf, why);
}

static int poll_fd(const struct ap_source *s)
{
	return s->epoll_fd;
}

/* A cold sample is a question, and until it is answered each further hit there costs up to 16 KiB: short waits while some come. The ring holds
 * a quarter of a second of nothing else and wakes the reader when it is half full. */
static int wait_ms(const struct ap_source *s)
{
	return s->learning ? WAIT_LEARNING_MS : WAIT_MS;
}

static void put_lost(const struct ap_sink *sink, enum ap_loss_cause cause, uint64_t n)
{
	struct ap_lost l = {.h = {.time_ns = ap_now_ns(), .cpu = UINT32_MAX, .kind = AP_EVENT_LOST, .size = sizeof l}, .n = n, .event = UINT32_MAX,
		.cause = cause};

	if (n)
		ap_sink_put(sink, &l.h);
}

static void put_in_order(struct ap_source *s, const struct ap_event *e, uint32_t generation)
{
	if (!ap_bpf_order_put(&s->order, e, generation))
		return;
	s->no_memory += e->kind == AP_EVENT_SAMPLE;
	s->no_memory_side += e->kind != AP_EVENT_SAMPLE;
}

static void enqueue(void *ctx, const struct ap_event *e)
{
	put_in_order(ctx, e, 0);
}

/* A name as an event, behind the sample that it came with: by then the process is one that is known, if by its number alone. */
static void put_name(struct ap_source *s, const struct ap_event *of, uint32_t tid, const char *name)
{
	struct ap_comm c = {.h = *of};

	c.h.tid = tid;
	c.h.kind = AP_EVENT_COMM;
	c.h.size = sizeof c;
	c.h.flags = 0;
	c.h.pad = 0;
	memcpy(c.comm, name, AP_BPF_COMM - 1);
	put_in_order(s, &c.h, 0);
}

static void take_record(struct ap_source *s, const struct ap_bpf_record *r, size_t n)
{
	const struct ap_event *e = (const struct ap_event *)s->room;

	if (ap_bpf_decode(r, n, s->room, sizeof s->room) != 1) {
		s->malformed++;
		return;
	}
	put_in_order(s, e, r->generation);
	if (!r->named)
		return;
	put_name(s, e, e->pid, r->process);
	if (e->tid != e->pid)
		put_name(s, e, e->tid, r->thread);
}

/* Takes what is in the ring, at most about `budget` bytes. True: there is more. */
static bool take_ring(struct ap_source *s, size_t budget)
{
	const void *record;
	size_t done = 0, n;

	ap_bpf_ring_look(&s->ring);
	while ((record = ap_bpf_ring_peek(&s->ring, &n)) && done < budget) {
		take_record(s, record, n);
		ap_bpf_ring_skip(&s->ring);
		done += n;
	}
	return record != NULL;
}

static void release(struct ap_source *s, const struct ap_sink *sink, uint64_t until)
{
	struct ap_event *e;
	uint32_t generation;

	while ((e = ap_bpf_order_first(&s->order, &generation)) && e->time_ns <= until) {
		if (e->kind == AP_EVENT_MMAP)
			ap_bpf_stale_note(&s->stale, (const struct ap_mmap *)e, s->blocks.generation);
		else if (e->kind == AP_EVENT_SAMPLE && generation)
			ap_bpf_stale_cut(&s->stale, (struct ap_sample *)e, generation);
		s->sample_pid = e->kind == AP_EVENT_SAMPLE ? e->pid : 0;
		s->exec_id = e->pad;
		e->pad = 0;
		ap_sink_put(sink, e);
		ap_bpf_order_drop(&s->order);
	}
	s->sample_pid = 0;
}

static void put_losses(struct ap_source *s, const struct ap_sink *sink)
{
	uint64_t ring_full = ap_bpf_counted(s, AP_BPF_COUNT_RING_FULL), map_full = ap_bpf_counted(s, AP_BPF_COUNT_MAP_FULL) + s->no_memory_side;

	put_lost(sink, AP_LOSS_RING_FULL, ring_full - s->said.ring_full);
	put_lost(sink, AP_LOSS_SIDEBAND, map_full - s->said.map_full);
	put_lost(sink, AP_LOSS_MALFORMED, s->malformed - s->said.malformed);
	put_lost(sink, AP_LOSS_MEMORY_LIMIT, s->no_memory - s->said.no_memory);
	s->said = (struct ap_bpf_said){ring_full, map_full, s->malformed, s->no_memory};
}

static void clear_edges(struct ap_source *s)
{
	struct epoll_event ev[4];

	while (epoll_wait(s->epoll_fd, ev, 4, 0) == 4)
		;
}

/* A record's time is taken before its stack is walked, so that it may come behind younger ones of other CPUs; SLACK_NS is more than any walk. */
static int drain(struct ap_source *s, const struct ap_sink *sink, size_t budget)
{
	struct ap_sink queue = {enqueue, s};
	uint64_t begun = ap_now_ns();
	uint64_t cold = ap_bpf_counted(s, AP_BPF_COUNT_COLD);
	int more;

	s->drains++;
	s->learning = cold != s->cold_seen;
	s->cold_seen = cold;
	clear_edges(s);
	while ((more = ap_source_perf.drain(s->perf, &queue, PERF_BUDGET)) > 0)
		;
	if (more < 0)
		return more;
	more = take_ring(s, budget);
	release(s, sink, s->stopped && !more ? UINT64_MAX : s->until_ns);
	if (!more) {
		s->until_ns = begun - SLACK_NS;
		put_losses(s, sink);
	}
	return more;
}

static bool ended(struct ap_source *s)
{
	return ap_source_perf.ended(s->perf);
}

static int stop(struct ap_source *s)
{
	s->stopped = true;
	return ap_source_perf.stop(s->perf);
}

/* Mappings are of a program: the one that the sample at hand ran, or the one that the process was known to run. */
static int learn_process(struct ap_source *s, const struct ap_learned *what)
{
	uint32_t exec_id = s->exec_id;

	if (what->pid != s->sample_pid && !ap_bpf_blocks_knows(&s->blocks, what->pid, &exec_id))
		return 0;
	return ap_bpf_blocks_publish(&s->blocks, what, exec_id);
}

/* A process that has ended is no target any more, or the map would fill; a pid that is somebody else's again has another state. */
static void forget_target(struct ap_source *s, uint32_t pid)
{
	uint64_t key = pid;
	uint32_t state;

	if (s->cfg.n_pids && !bpf_map_lookup_elem(s->targets_fd, &key, &state) && state == AP_BPF_TARGET_ENDED)
		bpf_map_delete_elem(s->targets_fd, &key); /* -ENOENT is as good */
}

static int learn(struct ap_source *s, const struct ap_learned *what)
{
	switch (what->kind) {
	case AP_LEARNED_PROCESS:
		return learn_process(s, what);
	case AP_LEARNED_CHANGED:
		return ap_bpf_blocks_changed(&s->blocks, what->pid);
	case AP_LEARNED_GONE:
		ap_bpf_blocks_forget(&s->blocks, what->pid);
		forget_target(s, what->pid);
		return 0;
	case AP_LEARNED_BINARY:
		return ap_bpf_tables_learn(&s->tables, what);
	}
	return -EINVAL;
}

static struct ap_source *free_source(struct ap_source *s)
{
	if (!s)
		return NULL;
	ap_source_perf.free(s->perf);
	ap_bpf_order_done(&s->order);
	ap_close(s->epoll_fd);
	ap_bpf_unload(s);
	free(s);
	return NULL;
}

const struct ap_source_ops ap_source_bpf = {
	.name = "bpf",
	.probe = probe,
	.open = open_source,
	.events = events,
	.start = start,
	.fd = poll_fd,
	.wait_ms = wait_ms,
	.drain = drain,
	.ended = ended,
	.stop = stop,
	.learn = learn,
	.stats = ap_bpf_stats,
	.free = free_source,
};
