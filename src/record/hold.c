/* A list in order of arrival, one allocation an event, and the few processes that it is of. It is empty but for the moments in which a
 * large table is built; a release walks all of it, once a finished table. */
#include "record/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ap_hold_item {
	struct ap_hold_item *next;
	struct ap_event e; /* and what lies behind it */
};

static struct ap_hold_owner *owner_of(const struct ap_hold *h, uint32_t pid)
{
	for (size_t i = 0; i < h->n_owners; i++)
		if (h->owners[i].pid == pid)
			return (struct ap_hold_owner *)&h->owners[i];
	return NULL;
}

/* The process, or the parent of one that is being born: its mappings are the parent's of that moment. */
static bool waits(const struct ap_hold *h, const struct ap_event *e, bool (*is)(const struct ap_hold_owner *o))
{
	return is(owner_of(h, e->pid)) || (e->kind == AP_EVENT_FORK && is(owner_of(h, ((const struct ap_fork *)e)->parent_pid)));
}

static bool is_there(const struct ap_hold_owner *o)
{
	return o;
}

static bool is_blocked(const struct ap_hold_owner *o)
{
	return o && o->blocked;
}

bool ap_hold_concerns(const struct ap_hold *h, const struct ap_event *e)
{
	return h->n_owners && waits(h, e, is_there);
}

/* The event's size here: where room is short, not all of a dumped stack; most end within AP_HOLD_STACK. */
static size_t size_of(const struct ap_hold *h, const struct ap_event *e)
{
	const struct ap_sample *s = (const struct ap_sample *)e;
	struct ap_sample_view v;

	if (e->kind != AP_EVENT_SAMPLE || h->bytes * 2 < h->max_bytes || s->stack_size <= AP_HOLD_STACK)
		return e->size;
	ap_sample_view(s, &v);
	return v.stack ? (size_t)((const char *)v.stack - (const char *)e) + AP_HOLD_STACK : e->size;
}

static struct ap_hold_item *copy(const struct ap_event *e, size_t size)
{
	struct ap_hold_item *i = malloc(offsetof(struct ap_hold_item, e) + size);

	if (!i)
		return NULL;
	i->next = NULL;
	memcpy((char *)i + offsetof(struct ap_hold_item, e), e, size);
	if (size < e->size) {
		i->e.size = (uint32_t)size;
		((struct ap_sample *)&i->e)->stack_size = AP_HOLD_STACK;
	}
	return i;
}

int ap_hold_put(struct ap_hold *h, const struct ap_event *e)
{
	struct ap_hold_owner *o = owner_of(h, e->pid);
	size_t size = size_of(h, e);
	struct ap_hold_item *i;

	if (h->bytes + size > h->max_bytes || (!o && h->n_owners == AP_HOLD_PROCESSES))
		return -ENOSPC;
	i = copy(e, size);
	if (!i)
		return -ENOMEM;
	if (!o) {
		o = &h->owners[h->n_owners++];
		*o = (struct ap_hold_owner){.pid = e->pid};
	}
	o->n++;
	*(h->last ? &h->last->next : &h->first) = i;
	h->last = i;
	h->bytes += size;
	return 0;
}

static void drop(struct ap_hold *h, struct ap_hold_item *before, struct ap_hold_item *i)
{
	struct ap_hold_owner *o = owner_of(h, i->e.pid);

	*(before ? &before->next : &h->first) = i->next;
	if (h->last == i)
		h->last = before;
	if (!--o->n)
		*o = h->owners[--h->n_owners];
	h->bytes -= i->e.size;
	free(i);
}

bool ap_hold_release(struct ap_hold *h, bool (*take)(void *ctx, const struct ap_event *e), void *ctx)
{
	struct ap_hold_item *before = NULL, *i = h->first, *next;
	const struct ap_hold_item *oldest = i;

	for (size_t k = 0; k < h->n_owners; k++)
		h->owners[k].blocked = false;
	for (; i; i = next) {
		next = i->next;
		if (waits(h, &i->e, is_blocked) || !take(ctx, &i->e)) {
			owner_of(h, i->e.pid)->blocked = true;
			before = i;
		} else {
			drop(h, before, i);
		}
	}
	return h->first != oldest;
}

void ap_hold_done(struct ap_hold *h)
{
	while (h->first)
		drop(h, NULL, h->first);
}
