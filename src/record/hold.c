/* A list, one allocation an event: it is empty but for the moments in which a large table is built. */
#include "record/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ap_hold_item {
	struct ap_hold_item *next;
	struct ap_event e; /* and what lies behind it */
};

int ap_hold_put(struct ap_hold *h, const struct ap_event *e)
{
	size_t size = offsetof(struct ap_hold_item, e) + e->size;
	struct ap_hold_item *i;

	if (h->bytes + e->size > h->max_bytes)
		return -ENOSPC;
	i = malloc(size);
	if (!i)
		return -ENOMEM;
	i->next = NULL;
	memcpy((char *)i + offsetof(struct ap_hold_item, e), e, e->size);
	if (h->last)
		h->last->next = i;
	else
		h->first = i;
	h->last = i;
	h->bytes += e->size;
	return 0;
}

const struct ap_event *ap_hold_first(const struct ap_hold *h)
{
	return h->first ? &h->first->e : NULL;
}

void ap_hold_drop(struct ap_hold *h)
{
	struct ap_hold_item *i = h->first;

	h->first = i->next;
	if (!h->first)
		h->last = NULL;
	h->bytes -= i->e.size;
	free(i);
}

void ap_hold_done(struct ap_hold *h)
{
	while (h->first)
		ap_hold_drop(h);
}
