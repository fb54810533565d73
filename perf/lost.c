/* Loss. Where every descriptor has PERF_FORMAT_LOST its counts are the truth: by event, side-band apart, the tail included. A LOST record
 * then only says that it is time to read them. Without it the LOST records are all there is: they mix the events of a ring, and the tail
 * behind the last one stays unknown. */
#include "base/clock.h"
#include "perf/private.h"

#include <unistd.h>

enum { VALUES = 3 /* value, id, lost */ };

void ap_perf_put_loss(struct ap_source *s, const struct ap_sink *sink, enum ap_loss_cause cause, uint64_t n, uint32_t event, uint32_t cpu)
{
	struct ap_lost l = {
		.h = {.time_ns = ap_now_ns(), .cpu = cpu, .kind = AP_EVENT_LOST, .size = sizeof l}, .n = n, .event = event, .cause = cause};

	s->stats.lost[cause] += n;
	ap_sink_put(sink, &l.h);
}

static void put_more_than_said(struct ap_source *s, const struct ap_sink *sink, size_t slot, uint64_t counted)
{
	bool side_band = slot == s->n_events;

	if (counted <= s->lost_said[slot])
		return;
	ap_perf_put_loss(s, sink, side_band ? AP_LOSS_SIDEBAND : AP_LOSS_RING_FULL, counted - s->lost_said[slot],
		side_band ? UINT32_MAX : (uint32_t)slot, UINT32_MAX);
	s->lost_said[slot] = counted;
}

void ap_perf_put_lost(struct ap_source *s, const struct ap_sink *sink)
{
	uint64_t values[VALUES], *counted = s->lost_now;
	size_t slot;

	s->lost_seen = false;
	if (!s->lost_counted)
		return;
	for (slot = 0; slot <= s->n_events; slot++)
		counted[slot] = 0;
	for (size_t i = 0; i < s->n_fds; i++) {
		if (s->attach && s->fds[i].event != AP_PERF_SIDE_BAND)
			continue;
		slot = s->fds[i].event == AP_PERF_SIDE_BAND ? s->n_events : s->fds[i].event;
		if (read(s->fds[i].fd, values, sizeof values) == sizeof values)
			counted[slot] += values[VALUES - 1];
	}
	for (slot = 0; slot <= s->n_events; slot++)
		put_more_than_said(s, sink, slot, counted[slot]);
}
