/* The source: rings are read in rounds. An event may be handed over once every ring has been looked at after the event's time, so each round
 * releases, merged by time, what is older than the beginning of the round before it; the rest stays in its ring. */
#include "perf/perf.h"

#include "base/clock.h"
#include "base/mem.h"
#include "perf/private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t CLOCK_EVERY_NS = 10000000000u;

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
	int err = s->cfg.enable_on_exec ? 0 : control(s, PERF_EVENT_IOC_ENABLE);

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

/* -u: only the processes of one user. Samples of processes that have gone are kept out too: nobody can say whose they were. */
static bool wanted(const struct ap_source *s, uint32_t pid)
{
	struct stat st;
	char path[32];

	if (!s->cfg.has_uid)
		return true;
	snprintf(path, sizeof path, "/proc/%u", pid);
	return !stat(path, &st) && st.st_uid == s->cfg.uid;
}

static void hand_over(struct ap_source *s, const struct perf_event_header *h, const struct ap_sink *sink)
{
	const struct ap_event *e = (const struct ap_event *)s->room;
	int made = ap_perf_decode(h, &s->format, s->room, sizeof s->room);

	if (made < 0) {
		struct ap_lost l = {.h = {.time_ns = ap_now_ns(), .kind = AP_EVENT_LOST, .size = sizeof l}, .n = 1, .event = UINT32_MAX,
			.cause = AP_LOSS_MALFORMED};

		s->stats.lost[AP_LOSS_MALFORMED]++;
		ap_sink_put(sink, &l.h);
		return;
	}
	if (!made)
		return;
	if (e->kind == AP_EVENT_SAMPLE) {
		if (!wanted(s, e->pid)) {
			s->stats.filtered++;
			return;
		}
		s->stats.stored++;
	} else if (e->kind == AP_EVENT_LOST) {
		const struct ap_lost *l = (const struct ap_lost *)e;

		s->stats.lost[l->cause] += l->n;
		s->lost_in_records += l->cause == AP_LOSS_RING_FULL ? l->n : 0;
	}
	ap_sink_put(sink, e);
}

/* The ring with the oldest record, among those not younger than `until`; NULL: none. */
static struct perf_cpu *oldest(struct ap_source *s, uint64_t until, const struct perf_event_header **ret_record)
{
	const struct perf_event_header *h;
	struct perf_cpu *best = NULL;
	uint64_t best_ns = until, t;
	int bad = 0;

	for (size_t i = 0; i < s->n_cpus; i++) {
		if (!s->cpus[i].ring.page || !(h = ap_ring_peek(&s->cpus[i].ring, &bad)))
			continue;
		t = ap_perf_record_time(h, &s->format);
		if (t <= best_ns && (!best || t < best_ns)) {
			best = &s->cpus[i];
			best_ns = t;
			*ret_record = h;
		}
	}
	s->stats.lost[AP_LOSS_MALFORMED] += (uint64_t)bad;
	return best;
}

/* What the kernel dropped and no LOST record could say any more. */
static void put_final_lost(struct ap_source *s, const struct ap_sink *sink)
{
	struct ap_lost l = {.h = {.time_ns = ap_now_ns(), .kind = AP_EVENT_LOST, .size = sizeof l}, .event = UINT32_MAX,
		.cause = AP_LOSS_RING_FULL};
	uint64_t values[3], counted = 0;

	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i].event != UINT32_MAX && read(s->fds[i].fd, values, sizeof values) == sizeof values)
			counted += values[2];
	if (counted > s->lost_in_records) {
		l.n = counted - s->lost_in_records;
		s->stats.lost[AP_LOSS_RING_FULL] += l.n;
		s->lost_in_records = counted;
		ap_sink_put(sink, &l.h);
	}
	s->final_lost_said = true;
}

static int drain(struct ap_source *s, const struct ap_sink *sink, size_t budget)
{
	uint64_t begun = ap_now_ns(), until = s->stopped ? UINT64_MAX : s->released_until_ns;
	const struct perf_event_header *h;
	struct perf_cpu *c;
	size_t done = 0;

	s->stats.drains++;
	if (begun >= s->clock_next_ns)
		put_clock(s, sink);
	for (size_t i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].ring.page)
			ap_ring_look(&s->cpus[i].ring);
	while (done < budget && (c = oldest(s, until, &h))) {
		done += h->size;
		hand_over(s, h, sink);
		ap_ring_skip(&c->ring, h);
		ap_ring_release(&c->ring);
	}
	if (done >= budget)
		return 1;
	s->released_until_ns = begun;
	if (s->stopped && !s->final_lost_said) {
		put_final_lost(s, sink);
		put_clock(s, sink);
	}
	return 0;
}

static bool ended(const struct ap_source *s)
{
	struct epoll_event ev[64];
	int n;

	if (s->cfg.all || s->cfg.cgroup)
		return false;
	/* A descriptor hangs up when its task and all that it created have ended; level-triggered, so counting tells. */
	for (size_t i = 0; i < s->n_fds; i++) {
		struct perf_fd *f = &s->fds[i];

		if (f->hung_up)
			continue;
		n = epoll_wait(s->epoll_fd, ev, 64, 0);
		for (int k = 0; k < n; k++)
			if (ev[k].events & EPOLLHUP) {
				s->fds[ev[k].data.u64].hung_up = true;
				epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->fds[ev[k].data.u64].fd, NULL);
			}
		return false;
	}
	return true;
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
		ret_stats->seen += i == AP_LOSS_THROTTLED ? 0 : s->stats.lost[i];
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
	free(s->id_events);
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
