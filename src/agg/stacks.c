/* Two append-only arrays, frames and nodes, each with an open-addressing index in front. A cell is one word: the id in the low bits, as
 * many as the index has, and above them that part of the hash's high half, so that a probe reads the array only where this tag fits. No
 * item is ever removed alone, so there are no tombstones and a zero cell is a free one; an index is at most 7/8 full, hence an id fits its
 * bits. A node is added after its parent, hence parent < id always, and sums over the tree are one pass. Cost: a known frame or node is one
 * hash, a few cells of one cache line and one array entry; a node takes 13 to 21 bytes. A bound or a failed allocation leaves all as it
 * was. */
#include "agg/stacks.h"

#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

enum {
	CELLS_FIRST = 1 << 10,
	ITEMS_FIRST = 1 << 9,
	IDS_MAX = 1 << 30,
	LEAST_GROWTH =
		16, /* where the bound is near an array grows by what fits, but by a sixteenth at least: each time it may be copied */
};

struct pool {
	uint32_t *cells; /* NULL before the first item */
	uint32_t mask;   /* cells - 1: the bits of a cell that hold the id */
	uint32_t n, cap; /* items in the array; id i lies at index i - 1 */
	size_t item_size;
	void *items; /* NULL before the first item */
	size_t bytes;
};
struct ap_stacks {
	struct pool frames, nodes;
	size_t max_bytes; /* SIZE_MAX: no bound */
	uint32_t generation;
};

int ap_stacks_new(size_t max_bytes, struct ap_stacks **ret_stacks)
{
	struct ap_stacks *s = calloc(1, sizeof *s);

	if (!s)
		return -ENOMEM;
	s->frames.item_size = sizeof(struct ap_frame);
	s->nodes.item_size = sizeof(struct ap_stack_node);
	s->max_bytes = max_bytes ? max_bytes : SIZE_MAX;
	*ret_stacks = s;
	return 0;
}

static void pool_clear(struct pool *p)
{
	free(p->cells);
	free(p->items);
	*p = (struct pool){.item_size = p->item_size};
}

struct ap_stacks *ap_stacks_free(struct ap_stacks *s)
{
	if (!s)
		return NULL;
	pool_clear(&s->frames);
	pool_clear(&s->nodes);
	free(s);
	return NULL;
}

void ap_stacks_forget(struct ap_stacks *s)
{
	pool_clear(&s->nodes);
	s->generation++;
}

uint32_t ap_stacks_generation(const struct ap_stacks *s)
{
	return s->generation;
}

static inline uint64_t frame_hash(const struct ap_frame *f)
{
	return ap_hash_u64(f->address * 0x9e3779b97f4a7c15ull ^ ((uint64_t)f->executable << 8 ^ f->kind) * 0xc2b2ae3d27d4eb4full);
}

static inline uint64_t node_hash(uint32_t parent, uint32_t frame)
{
	return ap_hash_u64((uint64_t)parent << 32 | frame);
}

static uint64_t hash_of(const struct ap_stacks *s, const struct pool *p, uint32_t id)
{
	if (p == &s->frames)
		return frame_hash((const struct ap_frame *)p->items + id - 1);
	const struct ap_stack_node *n = (const struct ap_stack_node *)p->items + id - 1;
	return node_hash(n->parent, n->frame);
}

static inline bool tag_fits(const struct pool *p, uint32_t cell, uint64_t hash)
{
	return !((cell ^ (uint32_t)(hash >> 32)) & ~p->mask);
}

static void place(uint32_t *cells, uint32_t mask, uint64_t hash, uint32_t id)
{
	uint32_t i = (uint32_t)hash & mask;

	while (cells[i])
		i = (i + 1) & mask;
	cells[i] = ((uint32_t)(hash >> 32) & ~mask) | id;
}

/* How many items the index takes. */
static uint32_t room_in_cells(const struct pool *p)
{
	return p->cells ? (uint32_t)(((uint64_t)p->mask + 1) / 8 * 7) : 0;
}

/* How many bytes more the pool may take. The bound is on what stays; while an index is rebuilt the old one lives beside it. */
static size_t room_for(const struct ap_stacks *s, const struct pool *p)
{
	size_t used = ap_stacks_bytes(s), left = s->max_bytes > used ? s->max_bytes - used : 0, share = s->max_bytes / 4 * 3;

	if (p == &s->frames) {
		share = share > p->bytes ? share - p->bytes : 0;
		left = left < share ? left : share;
	}
	return left;
}

/* Frames that would not fit if all nodes were forgotten are too many. */
static int no_room(const struct ap_stacks *s, const struct pool *p, size_t more)
{
	return p == &s->frames && p->bytes + more > s->max_bytes / 4 * 3 ? -E2BIG : -ENOSPC;
}

static int grow_items(struct ap_stacks *s, struct pool *p)
{
	uint32_t least = p->cap ? p->cap / LEAST_GROWTH : ITEMS_FIRST, more = p->cap ? p->cap / 2 : ITEMS_FIRST;
	size_t fit = room_for(s, p) / p->item_size;
	void *items;

	if (fit < least)
		return no_room(s, p, least * p->item_size);
	if (more > fit)
		more = (uint32_t)fit;
	if (more > room_in_cells(p) - p->cap)
		more = room_in_cells(p) - p->cap;
	items = realloc(p->items, (size_t)(p->cap + more) * p->item_size);
	if (!items)
		return -ENOMEM;
	p->items = items;
	p->cap += more;
	p->bytes += more * p->item_size;
	return 0;
}

static int grow_cells(struct ap_stacks *s, struct pool *p)
{
	size_t old = p->cells ? (size_t)p->mask + 1 : 0, size = old ? old * 2 : CELLS_FIRST, more = (size - old) * sizeof *p->cells;
	uint32_t *cells;

	if (more > room_for(s, p))
		return no_room(s, p, more);
	cells = calloc(size, sizeof *cells);
	if (!cells)
		return -ENOMEM;
	for (uint32_t id = 1; id <= p->n; id++)
		place(cells, (uint32_t)(size - 1), hash_of(s, p, id), id);
	free(p->cells);
	p->cells = cells;
	p->mask = (uint32_t)(size - 1);
	p->bytes += more;
	return 0;
}

/* Room for one more item and its cell. The index comes first: it says how many items there can be. */
static int make_room(struct ap_stacks *s, struct pool *p)
{
	int r = 0;

	if (p->n >= IDS_MAX)
		return p == &s->frames ? -E2BIG : -ENOSPC;
	if (p->n >= room_in_cells(p))
		r = grow_cells(s, p);
	if (!r && p->n == p->cap)
		r = grow_items(s, p);
	return r;
}

int ap_stacks_frame(struct ap_stacks *s, const struct ap_frame *f, uint32_t *ret_frame_id)
{
	struct pool *p = &s->frames;
	uint64_t hash = frame_hash(f);
	const struct ap_frame *items = p->items;
	int r;

	if (p->cells) {
		for (uint32_t i = (uint32_t)hash & p->mask; p->cells[i]; i = (i + 1) & p->mask) {
			uint32_t id = p->cells[i] & p->mask;
			const struct ap_frame *have = &items[id - 1];

			if (tag_fits(p, p->cells[i], hash) && have->address == f->address && have->executable == f->executable &&
				have->kind == f->kind) {
				*ret_frame_id = id;
				return 0;
			}
		}
	}
	r = make_room(s, p);
	if (r < 0)
		return r;
	((struct ap_frame *)p->items)[p->n++] = *f;
	place(p->cells, p->mask, hash, p->n);
	*ret_frame_id = p->n;
	return 0;
}

int ap_stacks_child(struct ap_stacks *s, uint32_t parent, uint32_t frame_id, uint32_t *ret_stack_id)
{
	struct pool *p = &s->nodes;
	uint64_t hash = node_hash(parent, frame_id);
	const struct ap_stack_node *items = p->items;
	int r;

	if (p->cells) {
		for (uint32_t i = (uint32_t)hash & p->mask; p->cells[i]; i = (i + 1) & p->mask) {
			uint32_t id = p->cells[i] & p->mask;
			const struct ap_stack_node *have = &items[id - 1];

			if (tag_fits(p, p->cells[i], hash) && have->parent == parent && have->frame == frame_id) {
				*ret_stack_id = id;
				return 0;
			}
		}
	}
	r = make_room(s, p);
	if (r < 0)
		return r;
	((struct ap_stack_node *)p->items)[p->n++] = (struct ap_stack_node){.parent = parent, .frame = frame_id};
	place(p->cells, p->mask, hash, p->n);
	*ret_stack_id = p->n;
	return 0;
}

int ap_stacks_path(struct ap_stacks *s, const uint32_t *frame_ids, size_t n, uint32_t *ret_stack_id)
{
	uint32_t at = 0;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = ap_stacks_child(s, at, frame_ids[i], &at);
	if (!r || r == -ENOSPC)
		*ret_stack_id = at;
	return r;
}

size_t ap_stacks_frame_count(const struct ap_stacks *s)
{
	return s->frames.n;
}

size_t ap_stacks_node_count(const struct ap_stacks *s)
{
	return s->nodes.n;
}

const struct ap_frame *ap_stacks_frame_at(const struct ap_stacks *s, uint32_t frame_id)
{
	return (const struct ap_frame *)s->frames.items + frame_id - 1;
}

const struct ap_stack_node *ap_stacks_node_at(const struct ap_stacks *s, uint32_t stack_id)
{
	return (const struct ap_stack_node *)s->nodes.items + stack_id - 1;
}

size_t ap_stacks_bytes(const struct ap_stacks *s)
{
	return sizeof *s + s->frames.bytes + s->nodes.bytes;
}
