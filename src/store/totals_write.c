/* Writing adds the sums of a group up the tree in one pass down the ids (parent < id), then walks the tree once, depth first, to give each
 * function the totals of its outermost frames: one that recurs counts once. Cost: nodes. */
#include "store/totals_private.h"

#include <errno.h>
#include <string.h>

/* What the feed's callbacks go through. */
struct writing {
	const struct ap_totals *t;
	const struct ap_group *g;
	size_t at;
	int64_t *sums; /* four a key: self, total, self_n, total_n */
};

static int map_id(const struct ap_id_map *m, int64_t id, int64_t *ret)
{
	*ret = id;
	if (!m->to || !id)
		return 0;
	if (id < 0 || id > m->n || m->to[id] < 1)
		return -EBADMSG;
	*ret = m->to[id];
	return 0;
}

static void set(struct ap_cell *cells, const int64_t *values, int n)
{
	for (int i = 0; i < n; i++)
		cells[i] = (struct ap_cell){.number = values[i]};
}

static int next_stack(void *ctx, struct ap_cell *cells)
{
	struct writing *w = ctx;
	const struct ap_totals *t = w->t;
	int64_t stack;
	size_t id;

	while (w->at <= t->cfg.tree->n_stacks && !t->total[w->at].n)
		w->at++;
	if (w->at > t->cfg.tree->n_stacks)
		return 0;
	id = w->at++;
	if (map_id(&t->cfg.stacks, (int64_t)id, &stack))
		return -EBADMSG;
	set(cells, (const int64_t[]){stack, w->g->self[id].weight, t->total[id].weight, w->g->self[id].n, t->total[id].n}, 5);
	return 1;
}

static int next_function(void *ctx, struct ap_cell *cells)
{
	struct writing *w = ctx;
	const struct ap_tree *tree = w->t->cfg.tree;
	int64_t function, executable;
	const int64_t *s;

	while (w->at < tree->n_keys && !w->sums[4 * w->at + 3])
		w->at++;
	if (w->at >= tree->n_keys)
		return 0;
	s = w->sums + 4 * w->at;
	if (map_id(&w->t->cfg.functions, tree->keys[w->at].function, &function) ||
		map_id(&w->t->cfg.executables, tree->keys[w->at].executable, &executable))
		return -EBADMSG;
	w->at++;
	set(cells, (const int64_t[]){function, executable, s[0], s[1], s[2], s[3]}, 6);
	return 1;
}

static int next_thread(void *ctx, struct ap_cell *cells)
{
	struct writing *w = ctx;
	const struct thread_sum *s = &w->g->threads[w->at];

	if (w->at++ >= w->g->n_threads)
		return 0;
	set(cells, (const int64_t[]){s->thread, s->n, s->weight}, 3);
	return 1;
}

/* complete: samples of stacks without a mark at the root; frames: samples times frames; named: those of them that have a function's
 * own name. */
static int next_quality(void *ctx, struct ap_cell *cells)
{
	struct writing *w = ctx;
	const struct ap_tree *tree = w->t->cfg.tree;
	int64_t complete = w->g->n, frames = 0, named = 0;

	if (w->at++)
		return 0;
	for (size_t id = 1; id <= tree->n_stacks; id++) {
		uint32_t f = tree->frame[id];

		if (tree->first[f] == tree->first[f + 1]) {
			complete -= tree->parent[id] ? 0 : w->t->total[id].n;
			continue;
		}
		frames += w->t->total[id].n;
		named += tree->keys[tree->lines[tree->first[f]]].named ? w->t->total[id].n : 0;
	}
	set(cells, (const int64_t[]){w->g->n, w->g->weight, complete, frames, named}, 5);
	return 1;
}

static void sum_up(struct ap_totals *t, const struct ap_group *g)
{
	const struct ap_tree *tree = t->cfg.tree;

	memcpy(t->total, g->self, (tree->n_stacks + 1) * sizeof *t->total);
	for (size_t id = tree->n_stacks; id > 0; id--) {
		t->total[tree->parent[id]].weight += t->total[id].weight;
		t->total[tree->parent[id]].n += t->total[id].n;
	}
}

struct walk {
	const struct ap_totals *t;
	const struct ap_group *g;
	int64_t *sums;
	uint32_t *depth; /* how often a key is on the way from the root to here */
};

static void enter(struct walk *w, uint32_t id)
{
	const struct ap_tree *tree = w->t->cfg.tree;
	uint32_t f = tree->frame[id];

	for (uint32_t line = tree->first[f]; line < tree->first[f + 1]; line++) {
		uint32_t key = tree->lines[line];
		int64_t *sum = w->sums + 4 * (size_t)key;

		if (line == tree->first[f]) {
			sum[0] += w->g->self[id].weight;
			sum[2] += w->g->self[id].n;
		}
		if (w->depth[key]++)
			continue;
		sum[1] += w->t->total[id].weight;
		sum[3] += w->t->total[id].n;
	}
}

static void leave(struct walk *w, uint32_t id)
{
	const struct ap_tree *tree = w->t->cfg.tree;
	uint32_t f = tree->frame[id];

	for (uint32_t line = tree->first[f]; line < tree->first[f + 1]; line++)
		w->depth[tree->lines[line]]--;
}

static void walk_tree(struct walk *w)
{
	const struct ap_tree *tree = w->t->cfg.tree;
	uint32_t at = 0;

	for (;;) {
		if (tree->child[at]) {
			at = tree->child[at];
			enter(w, at);
			continue;
		}
		while (at && !tree->sibling[at]) {
			leave(w, at);
			at = tree->parent[at];
		}
		if (!at)
			return;
		leave(w, at);
		at = tree->sibling[at];
		enter(w, at);
	}
}

static const struct target {
	const char *table, *columns, *tail; /* the same in all rows: run, event */
	ap_feed_fn next;
} TARGETS[] = {
	{"stack_total", "==.....",
		"ON CONFLICT(run, event, stack) DO UPDATE SET self = self + excluded.self, total = total + excluded.total, "
		"self_n = self_n + excluded.self_n, total_n = total_n + excluded.total_n",
		next_stack},
	{"function_total", "==......",
		"ON CONFLICT(run, event, function, executable) DO UPDATE SET self = self + excluded.self, "
		"total = total + excluded.total, self_n = self_n + excluded.self_n, total_n = total_n + excluded.total_n",
		next_function},
	{"thread_total", "==...", "ON CONFLICT(run, event, thread) DO UPDATE SET n = n + excluded.n, weight = weight + excluded.weight",
		next_thread},
	{"quality_total", "==.....",
		"ON CONFLICT(run, event) DO UPDATE SET n = n + excluded.n, weight = weight + excluded.weight, "
		"complete_n = complete_n + excluded.complete_n, frame_n = frame_n + excluded.frame_n, named_n = named_n + excluded.named_n",
		next_quality},
};

int ap_totals_write_group(struct ap_totals *t, const struct ap_group *g)
{
	AP_AUTO_FREE int64_t *sums = calloc(t->cfg.tree->n_keys * 4 + 1, sizeof *sums);
	AP_AUTO_FREE uint32_t *depth = calloc(t->cfg.tree->n_keys + 1, sizeof *depth);
	int err = sums && depth ? 0 : -ENOMEM;

	if (err)
		return err;
	sum_up(t, g);
	walk_tree(&(struct walk){t, g, sums, depth});
	for (size_t i = 0; i < AP_ARRAY_LEN(TARGETS) && !err; i++) {
		struct writing w = {.t = t, .g = g, .sums = sums};
		sqlite3_stmt *st = NULL;

		/* the first time nothing can be there, and looking for it costs */
		err = ap_feed_prepare(t->cfg.feed, TARGETS[i].table, TARGETS[i].columns, t->writes ? TARGETS[i].tail : "", &st);
		if (!err)
			err = ap_feed_bind(st, 1, g->run) ?: ap_feed_bind(st, 2, g->event);
		if (!err)
			err = ap_feed_insert(t->cfg.feed, st, TARGETS[i].next, &w);
		sqlite3_finalize(st);
	}
	return err;
}
