/* Stacks of a file share their roots, and so do the paths here: the node of each stack is found once and its children start from there.
 * Stacks that are inverted share nothing that is known, and are walked whole. Nothing recurses, however deep a stack is. */
#include "report/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t node_hash(const void *ctx, uint32_t slot)
{
	const struct report_node *n = &((const struct report_trie *)ctx)->v[slot];

	return ap_hash_u64((uint64_t)n->parent << 32 | n->label);
}

static bool node_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct report_node *a = &((const struct report_trie *)ctx)->v[slot], *b = key;

	return a->parent == b->parent && a->label == b->label;
}

int report_trie_init(struct report_trie *t)
{
	memset(t, 0, sizeof *t);
	t->v = calloc(64, sizeof *t->v);
	if (!t->v)
		return -ENOMEM;
	t->cap = 64;
	t->n = 1;
	return 0;
}

int report_trie_child(struct report_trie *t, uint32_t at, uint32_t label, uint32_t *ret_node)
{
	const struct report_node key = {.parent = at, .label = label};
	uint64_t hash = ap_hash_u64((uint64_t)at << 32 | label);
	uint32_t found = ap_index_find(&t->index, hash, node_same, t, &key);
	struct report_node *v;
	int err;

	if (found == (uint32_t)AP_INDEX_NONE) {
		v = ap_grow(&t->v, &t->cap, t->n, sizeof *v);
		if (!v)
			return -ENOMEM;
		found = (uint32_t)t->n;
		v[found] = key;
		err = ap_index_add(&t->index, hash, found, node_hash, t);
		if (err)
			return err;
		v[found].next = v[at].child;
		v[at].child = found;
		t->n++;
	}
	*ret_node = found;
	return 0;
}

struct planting {
	struct report_trie *t;
	const struct report_names *names;
	const uint32_t *of_line;
	bool invert;
	uint32_t *path;    /* room for the longest */
	uint32_t *node_of; /* by stack id; 0: not known yet */
};

static int down_frame(const struct planting *p, uint32_t frame, uint32_t *at)
{
	const struct report_frame *f = &p->names->frames[frame];
	int err = 0;

	for (uint32_t k = 0; k < f->n && !err; k++)
		err = report_trie_child(p->t, *at, p->of_line[f->first + (p->invert ? k : f->n - 1 - k)], at);
	return err;
}

static int down_stack(const struct planting *p, uint32_t stack, uint32_t *ret_node)
{
	uint32_t at = 0, id;
	size_t depth = 0;
	int err = 0;

	for (id = stack; id && !p->node_of[id]; id = p->names->parent[id])
		p->path[depth++] = id;
	if (id)
		at = p->node_of[id];
	while (depth-- > 0 && !err) {
		err = down_frame(p, p->names->frame_of[p->path[depth]], &at);
		p->node_of[p->path[depth]] = at;
	}
	*ret_node = at;
	return err;
}

static int up_stack(const struct planting *p, uint32_t stack, uint32_t *ret_node)
{
	int err = 0;

	*ret_node = 0;
	for (uint32_t id = stack; id && !err; id = p->names->parent[id])
		err = down_frame(p, p->names->frame_of[id], ret_node);
	return err;
}

int report_trie_plant(struct report_trie *t, const struct ap_view *view, const uint32_t *of_line, bool invert, uint32_t **ret_node_of_row)
{
	size_t ids = view->names.n_stacks + 1;
	AP_AUTO_FREE uint32_t *path = malloc(ids * sizeof *path);
	AP_AUTO_FREE uint32_t *node_of = calloc(ids, sizeof *node_of);
	AP_AUTO_FREE uint32_t *node_of_row = malloc((view->n_rows + 1) * sizeof *node_of_row);
	const struct planting p = {t, &view->names, of_line, invert, path, node_of};
	int err = path && node_of && node_of_row ? 0 : -ENOMEM;

	for (size_t i = 0; i < view->n_rows && !err; i++)
		err = invert ? up_stack(&p, view->rows[i].stack, &node_of_row[i]) : down_stack(&p, view->rows[i].stack, &node_of_row[i]);
	if (!err)
		*ret_node_of_row = AP_STEAL(node_of_row);
	return err;
}

void report_trie_sum(struct report_trie *t)
{
	for (size_t i = 0; i < t->n; i++) {
		t->v[i].total = t->v[i].self;
		t->v[i].total_n = t->v[i].self_n;
	}
	for (size_t i = t->n; i-- > 1;) {
		struct report_node *n = &t->v[i], *up = &t->v[n->parent];

		up->total = report_add(up->total, n->total);
		up->total_n += n->total_n;
	}
}

struct sorting {
	const struct report_trie *t;
	int (*compare)(const void *a, const void *b, void *ctx);
	void *ctx;
};

static int compare_slots(const void *a, const void *b, void *ctx)
{
	const struct sorting *s = ctx;

	return s->compare(&s->t->v[*(const uint32_t *)a], &s->t->v[*(const uint32_t *)b], s->ctx);
}

int report_trie_sort(struct report_trie *t, int (*compare)(const void *a, const void *b, void *ctx), void *ctx)
{
	AP_AUTO_FREE uint32_t *children = malloc(t->n * sizeof *children);
	struct sorting s = {t, compare, ctx};
	size_t n;

	if (!children)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		n = 0;
		for (uint32_t c = t->v[i].child; c; c = t->v[c].next)
			children[n++] = c;
		if (n < 2)
			continue;
		qsort_r(children, n, sizeof *children, compare_slots, &s);
		t->v[i].child = children[0];
		for (size_t k = 0; k < n; k++)
			t->v[children[k]].next = k + 1 < n ? children[k + 1] : 0;
	}
	return 0;
}

void report_trie_done(struct report_trie *t)
{
	free(t->v);
	ap_index_done(&t->index);
	memset(t, 0, sizeof *t);
}
