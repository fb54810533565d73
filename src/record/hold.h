/* Events that wait, each process's in order, for what the first of that process needs; other processes' pass by. Bounded. */
#ifndef AP_RECORD_HOLD_H
#define AP_RECORD_HOLD_H

#include "event/event.h"

enum {
	AP_HOLD_PROCESSES = 64, /* that wait at a time */
	AP_HOLD_STACK = 2 << 10 /* of a sample's dumped stack, past half of the bound */
};

struct ap_hold_item;
struct ap_hold_owner {
	uint32_t pid, n; /* n: of its events that wait */
	bool blocked;    /* in the release at hand: its first still has to wait */
};
struct ap_hold {
	struct ap_hold_item *first, *last; /* NULL: empty */
	size_t bytes, max_bytes;
	struct ap_hold_owner owners[AP_HOLD_PROCESSES];
	size_t n_owners;
};

int ap_hold_put(struct ap_hold *h, const struct ap_event *e); /* a copy; 0, -ENOSPC at a bound, -ENOMEM */
/* Whether an event has to wait behind one of its process, or as a fork of one of its parent. */
bool ap_hold_concerns(const struct ap_hold *h, const struct ap_event *e);
/* Offers what waits, in order, to `take`, which says false where it still has to wait: then the rest of that process is not asked about.
 * True: the oldest of all has gone. */
bool ap_hold_release(struct ap_hold *h, bool (*take)(void *ctx, const struct ap_event *e), void *ctx);
void ap_hold_done(struct ap_hold *h);

#endif
