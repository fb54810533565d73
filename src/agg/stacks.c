/* Two append-only arrays, frames and nodes, each with an open-addressing index in front: a cell is {high half of the hash, id}, so that a
 * probe reads the array only where the tag fits already. Nothing is ever removed, so there are no tombstones and a zero cell is a free
 * one; an index is at most half full. A node is added after its parent, hence parent < id always, and sums over the tree are one pass.
 * Cost: a known frame or node is one hash, one or two cells and one array entry. A bound or a failed allocation leaves all as it was. */
#include "agg/stacks.h"

#include "base/hash.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

enum { CELLS_FIRST = 1 << 10, ITEMS_FIRST = 1 << 9, IDS_MAX = 1 << 30 };

struct cell {
	uint32_t tag, id; /* id 0: free */
};
struct pool {
	struct cell *cells; /* NULL before the first item */
	uint32_t mask;	    /* cells - 1 */
	uint32_t n, cap;    /* items in the array; id i lies at index i - 1 */
	size_t item_size;
	void *items; /* NULL before the first item */
};
struct ap_stacks {
	struct pool frames, nodes;
	size_t bytes, max_bytes; /* max 0: no bound */
};

int ap_stacks_new(size_t max_bytes, struct ap_stacks **ret_stacks)
{
	struct ap_stacks *s = calloc(1, sizeof *s);

	if (!s)
		return -ENOMEM;
	s->frames.item_size = sizeof(struct ap_frame);
	s->nodes.item_size = sizeof(struct ap_stack_node);
	s->bytes = sizeof *s;
	s->max_bytes = max_bytes;
	*ret_stacks = s;
	return 0;
}

struct ap_stacks *ap_stacks_free(struct ap_stacks *s)
{
	if (!s)
		return NULL;
	free(s->frames.cells);
	free(s->frames.items);
	free(s->nodes.cells);
	free(s->nodes.items);
	free(s);
	return NULL;
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

static void place(struct cell *cells, uint32_t mask, uint64_t hash, uint32_t id)
{
	uint32_t i = (uint32_t)hash & mask;

	while (cells[i].id)
		i = (i + 1) & mask;
	cells[i] = (struct cell){.tag = (uint32_t)(hash >> 32), .id = id};
}

/* The bound is on what stays; while an index is rebuilt the old one lives beside it. */
static bool fits(const struct ap_stacks *s, size_t more)
{
	return !s->max_bytes || s->bytes + more <= s->max_bytes;
}

static int grow_items(struct ap_stacks *s, struct pool *p)
{
	uint32_t cap = p->cap ? p->cap + p->cap / 2 : ITEMS_FIRST;
	size_t more = (size_t)(cap - p->cap) * p->item_size;
	void *items;

	if (!fits(s, more))
		return -ENOSPC;
	items = realloc(p->items, (size_t)cap * p->item_size);
	if (!items)
		return -ENOMEM;
	p->items = items;
	p->cap = cap;
	s->bytes += more;
	return 0;
}

static int grow_cells(struct ap_stacks *s, struct pool *p)
{
	size_t old = p->cells ? (size_t)p->mask + 1 : 0, size = old ? old * 2 : CELLS_FIRST;
	struct cell *cells;

	if (!fits(s, (size - old) * sizeof *cells))
		return -ENOSPC;
	cells = calloc(size, sizeof *cells);
	if (!cells)
		return -ENOMEM;
	for (uint32_t id = 1; id <= p->n; id++)
		place(cells, (uint32_t)(size - 1), hash_of(s, p, id), id);
	free(p->cells);
	p->cells = cells;
	p->mask = (uint32_t)(size - 1);
	s->bytes += (size - old) * sizeof *cells;
	return 0;
}

/* Room for one more item and its cell. */
static int make_room(struct ap_stacks *s, struct pool *p)
{
	int r = 0;

	if (p->n >= IDS_MAX)
		return -ENOSPC;
	if (p->n == p->cap)
		r = grow_items(s, p);
	if (!r && (!p->cells || p->n >= (p->mask + 1) / 2))
		r = grow_cells(s, p);
	return r;
}

int ap_stacks_frame(struct ap_stacks *s, const struct ap_frame *f, uint32_t *ret_frame_id)
{
	struct pool *p = &s->frames;
	uint64_t hash = frame_hash(f);
	const struct ap_frame *items = p->items;
	int r;

	if (p->cells) {
		for (uint32_t i = (uint32_t)hash & p->mask; p->cells[i].id; i = (i + 1) & p->mask) {
			const struct ap_frame *have = &items[p->cells[i].id - 1];

			if (p->cells[i].tag == (uint32_t)(hash >> 32) && have->address == f->address && have->executable == f->executable &&
				have->kind == f->kind) {
				*ret_frame_id = p->cells[i].id;
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
		for (uint32_t i = (uint32_t)hash & p->mask; p->cells[i].id; i = (i + 1) & p->mask) {
			const struct ap_stack_node *have = &items[p->cells[i].id - 1];

			if (p->cells[i].tag == (uint32_t)(hash >> 32) && have->parent == parent && have->frame == frame_id) {
				*ret_stack_id = p->cells[i].id;
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
	return s->bytes;
}
