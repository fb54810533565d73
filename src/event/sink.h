/* Where a source puts its events: one function, called on the thread that drains, in order of time as far as the source can order. */
#ifndef AP_EVENT_SINK_H
#define AP_EVENT_SINK_H

#include "event/event.h"

struct ap_sink {
	void (*put)(void *ctx, const struct ap_event *event); /* the event lives only until put returns */
	void *ctx;
};

static inline void ap_sink_put(const struct ap_sink *s, const struct ap_event *event)
{
	s->put(s->ctx, event);
}

#endif
