/* A sorted array of disjoint ranges. A lookup is the last hit, else a binary search; a change is a memmove, and changes are rare beside
 * lookups. Entries bear the ids of one owner: another process that shares the array copies it before its first hit or change. */
#include "proc/maps.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

int ap_maps_new(const void *owner, struct ap_maps **ret_maps)
{
	struct ap_maps *m = calloc(1, sizeof *m);

	if (!m)
		return -ENOMEM;
	m->refs = 1;
	m->owner = owner;
	*ret_maps = m;
	return 0;
}

struct ap_maps *ap_maps_ref(struct ap_maps *m)
{
	m->refs++;
	return m;
}

struct ap_maps *ap_maps_unref(struct ap_maps *m)
{
	if (m && !--m->refs) {
		free(m->v);
		free(m);
	}
	return NULL;
}

int ap_maps_clone(const struct ap_maps *m, const void *owner, uint64_t from_ns, struct ap_maps **ret_maps)
{
	struct ap_maps *c;
	int r = ap_maps_new(owner, &c);

	if (r < 0)
		return r;
	if (m->n) {
		c->v = malloc(m->n * sizeof *c->v);
		if (!c->v) {
			ap_maps_unref(c);
			return -ENOMEM;
		}
		memcpy(c->v, m->v, m->n * sizeof *c->v);
	}
	c->n = c->cap = m->n;
	for (size_t i = 0; i < c->n; i++) {
		c->v[i].m.id = 0;
		c->v[i].from_ns = from_ns;
	}
	*ret_maps = c;
	return 0;
}

/* Index of the first entry that ends behind the address. */
static size_t lower(const struct ap_maps *m, uint64_t address)
{
	size_t from = 0, n = m->n;

	while (n) {
		size_t half = n / 2;

		if (m->v[from + half].m.end <= address) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

struct ap_map_entry *ap_maps_find(struct ap_maps *m, uint64_t address)
{
	struct ap_map_entry *e;
	size_t i = m->last;

	if (i < m->n && address - m->v[i].m.start < m->v[i].m.end - m->v[i].m.start)
		return &m->v[i];
	i = lower(m, address);
	if (i == m->n || m->v[i].m.start > address)
		return NULL;
	e = &m->v[i];
	m->last = i;
	return e;
}

bool ap_maps_overlap(const struct ap_maps *m, uint64_t start, uint64_t end)
{
	size_t i = lower(m, start);

	return i < m->n && m->v[i].m.start < end;
}

static int reserve(struct ap_maps *m, size_t more)
{
	while (m->cap < m->n + more)
		if (!ap_grow(&m->v, &m->cap, m->cap, sizeof *m->v))
			return -ENOMEM;
	return 0;
}

/* The part of an old entry that stays beside a new one: another mapping from now on. */
static struct ap_map_entry piece(const struct ap_map_entry *e, uint64_t start, uint64_t end, uint64_t time_ns)
{
	struct ap_map_entry p = *e;

	p.m.id = 0;
	p.m.start = start;
	p.m.end = end;
	p.m.file_offset += start - e->m.start;
	p.from_ns = time_ns;
	return p;
}

/* Replaces the entries [from, to) by n new ones; room is there. */
static void splice(struct ap_maps *m, size_t from, size_t to, const struct ap_map_entry *with, size_t n)
{
	memmove(m->v + from + n, m->v + to, (m->n - to) * sizeof *m->v);
	if (n)
		memcpy(m->v + from, with, n * sizeof *with);
	m->n += n;
	m->n -= to - from;
}

int ap_maps_clear(struct ap_maps *m, uint64_t start, uint64_t end, uint64_t time_ns, ap_maps_gone gone, void *ctx)
{
	size_t from = lower(m, start), to = from, n = 0;
	struct ap_map_entry rest[2];

	while (to < m->n && m->v[to].m.start < end)
		to++;
	if (from == to)
		return 0;
	if (reserve(m, 1) < 0)
		return -ENOMEM;
	if (m->v[from].m.start < start)
		rest[n++] = piece(&m->v[from], m->v[from].m.start, start, time_ns);
	if (m->v[to - 1].m.end > end)
		rest[n++] = piece(&m->v[to - 1], end, m->v[to - 1].m.end, time_ns);
	for (size_t i = from; i < to; i++)
		gone(ctx, &m->v[i]);
	splice(m, from, to, rest, n);
	return 0;
}

int ap_maps_put(struct ap_maps *m, const struct ap_map_entry *e, ap_maps_gone gone, void *ctx, struct ap_map_entry **ret_entry)
{
	size_t i = lower(m, e->m.start);
	struct ap_map_entry *old = i < m->n ? &m->v[i] : NULL;
	int r;

	if (old && old->m.start >= e->m.start && old->m.end <= e->m.end && old->m.binary == e->m.binary && old->m.bias == e->m.bias &&
		(i + 1 == m->n || m->v[i + 1].m.start >= e->m.end)) {
		bool grown = old->m.id && (old->m.start != e->m.start || old->m.end != e->m.end);

		old->m.start = e->m.start;
		old->m.end = e->m.end;
		old->m.file_offset = e->m.file_offset;
		*ret_entry = old;
		return grown;
	}
	if (m->n + 2 > AP_MAPS_MAX)
		return -E2BIG;
	if (reserve(m, 2) < 0)
		return -ENOMEM;
	r = ap_maps_clear(m, e->m.start, e->m.end, e->from_ns, gone, ctx);
	if (r < 0)
		return r;
	i = lower(m, e->m.start);
	splice(m, i, i, e, 1);
	*ret_entry = &m->v[i];
	return 0;
}
