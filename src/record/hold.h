/* Events that wait, in order, for what the first of them needs. Bounded. */
#ifndef AP_RECORD_HOLD_H
#define AP_RECORD_HOLD_H

#include "event/event.h"

struct ap_hold_item;
struct ap_hold {
	struct ap_hold_item *first, *last; /* NULL: empty */
	size_t bytes, max_bytes;
};

int ap_hold_put(struct ap_hold *h, const struct ap_event *e);  /* a copy; 0, -ENOSPC at the bound, -ENOMEM */
const struct ap_event *ap_hold_first(const struct ap_hold *h); /* NULL: empty; lives until it is dropped */
void ap_hold_drop(struct ap_hold *h);                          /* the first */
void ap_hold_done(struct ap_hold *h);

#endif
