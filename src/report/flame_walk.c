/* A stack's parent has a lower id, and stacks share their ancestors: a stack is walked upwards only as far as the first one that waits
 * already, so that each (group, stack) is looked up once, however many samples and however deep. Nothing here recurses. */
#include "report/flame_walk.h"

#include <errno.h>
#include <string.h>

enum { WAITING = UINT32_MAX, AHEAD = 32 };

static int box_kind(const struct report_frame *f, bool inlined)
{
	static const int kinds[] = {[1] = FLAME_USER, [2] = FLAME_KERNEL, [3] = FLAME_JIT, [4] = FLAME_CUT};

	if (inlined)
		return FLAME_INLINED;
	return f->kind >= 1 && f->kind <= 4 ? kinds[f->kind] : FLAME_OTHER;
}

static int map_frames(struct flame_walk *w, struct flame_tree *t)
{
	const struct report_names *names = w->names;
	uint32_t n = 0;
	int err = 0;

	for (size_t id = 0; id <= names->n_frames && !err; id++) {
		const struct report_frame *f = &names->frames[id];

		w->first[id] = n;
		for (uint32_t i = f->n; i-- > 0 && !err;)
			err = flame_tree_frame(t, &names->lines[f->first + i], f->module, box_kind(f, i + 1 < f->n), &w->frames[n++]);
	}
	w->first[names->n_frames + 1] = n;
	return err;
}

static void find_depths(struct flame_walk *w)
{
	w->depth[0] = 0;
	for (size_t s = 1; s <= w->names->n_stacks; s++) {
		w->depth[s] = w->depth[w->names->parent[s]] + 1;
		if (w->depth[s] > w->deepest)
			w->deepest = w->depth[s];
	}
}

int flame_walk_init(struct flame_walk *w, struct flame_tree *t, const struct report_names *names)
{
	*w = (struct flame_walk){.names = names};
	w->first = calloc(names->n_frames + 2, sizeof *w->first);
	w->frames = calloc(names->n_lines + 1, sizeof *w->frames);
	w->node = calloc(names->n_stacks + 1, sizeof *w->node);
	w->todo = malloc((names->n_stacks + 1) * sizeof *w->todo);
	w->room = malloc((names->n_stacks + 1) * sizeof *w->room);
	w->depth = malloc((names->n_stacks + 1) * sizeof *w->depth);
	if (!w->first || !w->frames || !w->node || !w->todo || !w->room || !w->depth)
		return -ENOMEM;
	find_depths(w);
	w->count = malloc((w->deepest + 1) * sizeof *w->count);
	return w->count ? map_frames(w, t) : -ENOMEM;
}

void flame_walk_done(struct flame_walk *w)
{
	free(w->first);
	free(w->frames);
	free(w->node);
	free(w->todo);
	free(w->room);
	free(w->depth);
	free(w->count);
	memset(w, 0, sizeof *w);
}

int flame_walk_group(struct flame_walk *w, struct flame_tree *t, uint32_t group)
{
	for (size_t i = 0; i < w->n; i++)
		w->node[w->todo[i]] = 0;
	w->n = 0;
	w->group_node = 0;
	return flame_tree_child(t, group, &w->group_node);
}

void flame_walk_take(struct flame_walk *w, uint32_t stack)
{
	for (uint32_t s = stack; s && !w->node[s]; s = w->names->parent[s]) {
		w->todo[w->n++] = s;
		w->node[s] = WAITING;
	}
}

/* By depth: a parent is planted long before its children, so that their cells can be fetched ahead. */
static void put_in_order(struct flame_walk *w)
{
	uint32_t *sorted = w->room, at = 0;

	memset(w->count, 0, (w->deepest + 1) * sizeof *w->count);
	for (size_t k = 0; k < w->n; k++)
		w->count[w->depth[w->todo[k]]]++;
	for (uint32_t d = 0; d <= w->deepest; d++) {
		uint32_t n = w->count[d];

		w->count[d] = at;
		at += n;
	}
	for (size_t k = 0; k < w->n; k++)
		sorted[w->count[w->depth[w->todo[k]]]++] = w->todo[k];
	w->room = w->todo;
	w->todo = sorted;
}

static uint32_t node_above(const struct flame_walk *w, uint32_t stack)
{
	uint32_t parent = w->names->parent[stack];

	return parent ? w->node[parent] : w->group_node;
}

/* The cell of a stack that comes soon, as far as its parent is known: the table is far larger than a cache. */
static void fetch(const struct flame_walk *w, const struct flame_tree *t, uint32_t stack)
{
	uint32_t above = node_above(w, stack);

	if (above != (uint32_t)WAITING)
		flame_tree_fetch(t, above, w->frames[w->first[w->names->frame_of[stack]]]);
}

int flame_walk_plant(struct flame_walk *w, struct flame_tree *t)
{
	int err = 0;

	put_in_order(w);
	for (size_t k = 0; k < w->n && !err; k++) {
		uint32_t stack = w->todo[k], frame = w->names->frame_of[stack], at = node_above(w, stack);

		if (k + AHEAD < w->n)
			fetch(w, t, w->todo[k + AHEAD]);
		for (uint32_t i = w->first[frame]; i < w->first[frame + 1] && !err; i++)
			err = flame_tree_child(t, w->frames[i], &at);
		w->node[stack] = at;
	}
	return err;
}
