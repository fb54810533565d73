/* The source: rings are read in rounds. An event may be handed over once every ring has been looked at after the event's time, so each
 * round releases, merged by time, what is older than the beginning of the round before it; the rest stays in its ring. The merge is a heap
 * of the rings' oldest records: O(log CPUs) a record. */
#include "perf/perf.h"

#include "base/clock.h"
#include "base/mem.h"
#include "perf/private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	RELEASE_PARTS = 8 /* a ring's room is given back in so many parts */,
	HANG_UPS = 64 /* taken from epoll at once */,
	FILLING_PART = 4
};
static const uint64_t CLOCK_EVERY_NS = 10000000000u, LOST_EVERY_NS = 100000000u;

static size_t events(const struct ap_source *s, const struct ap_source_event **ret_events)
{
	*ret_events = s->events;
	return s->n_events;
}

static int control(struct ap_source *s, unsigned long request)
{
	for (size_t i = 0; i < s->n_fds; i++)
		if (ioctl(s->fds[i].fd, request, 0))
			return -errno;
	return 0;
}

static int start(struct ap_source *s, struct ap_why *why)
{
	int err = s->cfg.enable_on_exec && !s->attach ? 0 : control(s, PERF_EVENT_IOC_ENABLE);

	return err ? ap_why(why, -err, "cannot enable the events: %s", strerror(-err)) : 0;
}

static int poll_fd(const struct ap_source *s)
{
	return s->epoll_fd;
}

static void put_clock(struct ap_source *s, const struct ap_sink *sink)
{
	struct ap_clock c = {.h = {.kind = AP_EVENT_CLOCK, .size = sizeof c}};

	c.h.time_ns = ap_now_ns();
	c.realtime_ns = ap_now_realtime_ns();
	c.boottime_ns = ap_now_boottime_ns();
	ap_sink_put(sink, &c.h);
	s->clock_next_ns = c.h.time_ns + CLOCK_EVERY_NS;
}

static void hand_over(struct ap_source *s, const struct perf_event_header *h, const struct ap_sink *sink)
{
	const struct ap_event *e = (const struct ap_event *)s->room;
	int made = ap_perf_decode(h, &s->format, s->room, sizeof s->room);

	if (made < 0) {
		ap_perf_put_loss(s, sink, AP_LOSS_MALFORMED, 1, UINT32_MAX, UINT32_MAX);
		return;
	}
	if (!made)
		return;
	if (e->kind == AP_EVENT_LOST) {
		const struct ap_lost *l = (const struct ap_lost *)e;

		if (l->cause == AP_LOSS_RING_FULL && s->lost_counted) {
			s->lost_seen = true;
			return;
		}
		s->stats.lost[l->cause] += l->n;
	}
	s->stats.stored += e->kind == AP_EVENT_SAMPLE;
	ap_sink_put(sink, e);
}

static void sift_down(struct perf_head *heads, size_t n, size_t i)
{
	struct perf_head moved = heads[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		child += child + 1 < n && heads[child + 1].time_ns < heads[child].time_ns;
		if (moved.time_ns <= heads[child].time_ns)
			break;
		heads[i] = heads[child];
		i = child;
	}
	heads[i] = moved;
}

/* The ring's oldest record, if it is not younger than `until`. False: none. */
static bool look_at(struct ap_source *s, uint32_t cpu, uint64_t until, const struct ap_sink *sink, struct perf_head *ret_head)
{
	int bad = 0;
	const struct perf_event_header *h = ap_ring_peek(&s->cpus[cpu].ring, &bad);

	if (bad)
		ap_perf_put_loss(s, sink, AP_LOSS_MALFORMED, 1, UINT32_MAX, (uint32_t)s->cpus[cpu].cpu);
	if (!h)
		return false;
	*ret_head = (struct perf_head){.time_ns = ap_perf_record_time(h, &s->format), .record = h, .cpu = cpu};
	return ret_head->time_ns <= until;
}

static void gather_heads(struct ap_source *s, uint64_t until, const struct ap_sink *sink)
{
	s->n_heads = 0;
	for (uint32_t i = 0; i < s->n_cpus; i++) {
		if (!s->cpus[i].ring.page)
			continue;
		ap_ring_look(&s->cpus[i].ring);
		s->n_heads += look_at(s, i, until, sink, &s->heads[s->n_heads]);
	}
	for (size_t i = s->n_heads / 2; i-- > 0;)
		sift_down(s->heads, s->n_heads, i);
}

/* Hands over the oldest record of all and puts that ring's next into its place. Returns its size. */
static size_t merge_one(struct ap_source *s, uint64_t until, const struct ap_sink *sink)
{
	struct perf_head *top = &s->heads[0];
	struct ap_ring *ring = &s->cpus[top->cpu].ring;
	size_t size = top->record->size;

	hand_over(s, top->record, sink);
	ap_ring_skip(ring, top->record);
	if (ring->tail - ring->released >= ring->size / RELEASE_PARTS)
		ap_ring_release(ring);
	if (!look_at(s, top->cpu, until, sink, top)) {
		ap_ring_release(ring);
		*top = s->heads[--s->n_heads];
	}
	sift_down(s->heads, s->n_heads, 0);
	return size;
}

/* What is to be said now and then, and at the end. */
static void put_notes(struct ap_source *s, const struct ap_sink *sink, uint64_t now_ns)
{
	bool last = s->stopped && !s->count_at_stop_said;

	if (last)
		put_clock(s, sink);
	if (!s->stopped)
		ap_perf_check_cpus(s, sink, now_ns);
	if (last || (s->lost_seen && now_ns >= s->lost_next_ns)) {
		ap_perf_put_lost(s, sink);
		s->lost_next_ns = now_ns + LOST_EVERY_NS;
	}
	s->count_at_stop_said = s->stopped;
}

static bool filling(const struct ap_source *s)
{
	for (size_t i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].ring.page && s->cpus[i].ring.head - s->cpus[i].ring.tail > s->cpus[i].ring.size / FILLING_PART)
			return true;
	return false;
}

/* One round: hands over what may go. True: the budget is spent and there is more. */
static bool release_round(struct ap_source *s, const struct ap_sink *sink, size_t budget, size_t *done)
{
	uint64_t begun = ap_now_ns(), until = s->stopped ? UINT64_MAX : s->released_until_ns;

	gather_heads(s, until, sink);
	while (s->n_heads && *done < budget)
		*done += merge_one(s, until, sink);
	for (size_t i = 0; i < s->n_heads; i++)
		ap_ring_release(&s->cpus[s->heads[i].cpu].ring);
	if (s->n_heads)
		return true;
	s->released_until_ns = begun;
	return false;
}

/* What a round leaves in the rings is as much as came since the last. Where that is a good part of a ring - a small one, or a recorder that
 * was kept away - a second round follows at once rather than at the next wake-up. */
static int drain(struct ap_source *s, const struct ap_sink *sink, size_t budget)
{
	uint64_t now = ap_now_ns();
	size_t done = 0;

	s->stats.drains++;
	if (now >= s->clock_next_ns)
		put_clock(s, sink); /* the first of all: times of what follows are told by it */
	if (release_round(s, sink, budget, &done) || (filling(s) && release_round(s, sink, budget, &done)))
		return 1;
	put_notes(s, sink, now);
	return 0;
}

/* A descriptor hangs up when its task and all that it created have ended. What has is taken out of epoll, where it would be ready for ever.
 */
static bool ended(struct ap_source *s)
{
	struct epoll_event ev[HANG_UPS];
	int n;

	if (s->cfg.all || s->cfg.cgroup)
		return false;
	do {
		n = epoll_wait(s->epoll_fd, ev, HANG_UPS, 0);
		for (int k = 0; k < n; k++) {
			struct perf_fd *f = &s->fds[ev[k].data.u64];

			if (!(ev[k].events & EPOLLHUP) || f->hung_up || epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL))
				continue;
			f->hung_up = true;
			s->n_hung_up++;
		}
	} while (n == HANG_UPS && s->n_hung_up < s->n_fds && ev[n - 1].events & EPOLLHUP);
	return s->n_hung_up == s->n_fds;
}

static int stop(struct ap_source *s)
{
	int err = control(s, PERF_EVENT_IOC_DISABLE);

	s->stopped = true;
	return err;
}

static void stats(const struct ap_source *s, struct ap_source_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->seen = s->stats.stored + s->stats.filtered;
	for (size_t i = 0; i < AP_LOSS_COUNT; i++)
		ret_stats->seen += ap_loss_is_hits(i) ? s->stats.lost[i] : 0;
}

struct ap_source *ap_perf_free(struct ap_source *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_cpus; i++)
		ap_ring_unmap(&s->cpus[i].ring);
	for (size_t i = 0; i < s->n_fds; i++)
		close(s->fds[i].fd);
	for (size_t i = 0; i < s->n_events; i++) {
		free(s->names[i]);
		free(s->whys[i]);
	}
	ap_close(s->epoll_fd);
	free(s->attrs);
	free(s->events);
	free(s->names);
	free(s->whys);
	free(s->cpus);
	free(s->fds);
	free(s->ids);
	free(s->heads);
	free(s->lost_said);
	free(s);
	return NULL;
}

const struct ap_source_ops ap_source_perf = {
	.name = "perf",
	.probe = ap_perf_probe,
	.open = ap_perf_open,
	.events = events,
	.start = start,
	.fd = poll_fd,
	.drain = drain,
	.ended = ended,
	.stop = stop,
	.stats = stats,
	.free = ap_perf_free,
};
