/* Samples are summed into two arrays by stack id for each (run, event). Memory: 16 bytes a node and (run, event), at most GROUPS_BYTES of
 * it at a time, or one group. */
#include "store/totals_private.h"

#include <errno.h>

static const uint64_t GROUPS_BYTES = 256 << 20;
/* Writing visits every node: a file whose samples alternate between more groups than fit may not make us visit more than so many a sample.
 */
enum { NODES_A_SAMPLE = 1000, FREE_WRITES = 64 };

int ap_totals_new(const struct ap_totals_config *cfg, struct ap_totals **ret_totals)
{
	struct ap_totals *t = calloc(1, sizeof *t);

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	*ret_totals = t;
	return 0;
}

static void forget_groups(struct ap_totals *t)
{
	for (size_t i = 0; i < t->n_groups; i++) {
		free(t->groups[i].self);
		free(t->groups[i].threads);
		ap_index_done(&t->groups[i].by_thread);
	}
	t->n_groups = t->last = 0;
}

struct ap_totals *ap_totals_free(struct ap_totals *t)
{
	if (t) {
		forget_groups(t);
		free(t->groups);
		free(t->total);
		free(t);
	}
	return NULL;
}

static int add_group(struct ap_totals *t, int64_t run, int64_t event)
{
	size_t nodes = t->cfg.tree->n_stacks + 1;
	struct ap_group *g;

	if (t->n_groups && (t->n_groups + 1) * nodes * sizeof *g->self > (t->cfg.max_bytes ? t->cfg.max_bytes : GROUPS_BYTES))
		return -EAGAIN;
	g = ap_grow(&t->groups, &t->groups_cap, t->n_groups, sizeof *g);
	if (!g)
		return -ENOMEM;
	g += t->n_groups;
	*g = (struct ap_group){.run = run, .event = event, .self = calloc(nodes, sizeof *g->self)};
	if (!g->self)
		return -ENOMEM;
	t->last = t->n_groups++;
	return 0;
}

static int find_group(struct ap_totals *t, int64_t run, int64_t event)
{
	for (size_t i = t->n_groups; i-- > 0;)
		if (t->groups[i].run == run && t->groups[i].event == event) {
			t->last = i;
			return 0;
		}
	return add_group(t, run, event);
}

static uint64_t thread_hash(const void *ctx, uint32_t slot)
{
	return ap_hash_u64((uint64_t)((const struct ap_group *)ctx)->threads[slot].thread);
}

static bool thread_same(const void *ctx, uint32_t slot, const void *key)
{
	return ((const struct ap_group *)ctx)->threads[slot].thread == *(const int64_t *)key;
}

static int find_thread(struct ap_group *g, int64_t thread)
{
	uint64_t hash = ap_hash_u64((uint64_t)thread);
	uint32_t slot = ap_index_find(&g->by_thread, hash, thread_same, g, &thread);
	struct thread_sum *v;

	if (slot == (uint32_t)AP_INDEX_NONE) {
		v = ap_grow(&g->threads, &g->threads_cap, g->n_threads, sizeof *v);
		if (!v)
			return -ENOMEM;
		slot = (uint32_t)g->n_threads;
		v[slot] = (struct thread_sum){.thread = thread};
		if (ap_index_add(&g->by_thread, hash, slot, thread_hash, g))
			return -ENOMEM;
		g->n_threads++;
	}
	g->last = slot;
	return 0;
}

int ap_totals_add(struct ap_totals *t, int64_t run, int64_t event, int64_t thread, int64_t stack, int64_t weight)
{
	struct ap_group *g = t->n_groups ? &t->groups[t->last] : NULL;
	int err;

	if (stack < 0 || (uint64_t)stack > t->cfg.tree->n_stacks || weight < 0)
		return -EBADMSG;
	if (!g || g->run != run || g->event != event) {
		err = find_group(t, run, event);
		if (err)
			return err;
		g = &t->groups[t->last];
	}
	if (!g->n_threads || g->threads[g->last].thread != thread) {
		err = find_thread(g, thread);
		if (err)
			return err;
	}
	if (__builtin_add_overflow(g->weight, weight, &g->weight))
		return -EBADMSG;
	g->n++;
	g->self[stack].weight += weight;
	g->self[stack].n++;
	g->threads[g->last].weight += weight;
	g->threads[g->last].n++;
	t->samples++;
	return 0;
}

int ap_totals_write(struct ap_totals *t)
{
	size_t nodes = t->cfg.tree->n_stacks + 1;
	int err = 0;

	if (t->writes * nodes > t->samples * NODES_A_SAMPLE + nodes * FREE_WRITES)
		return -EBADMSG;
	if (!t->total) {
		t->total = malloc(nodes * sizeof *t->total);
		if (!t->total)
			return -ENOMEM;
	}
	for (size_t i = 0; i < t->n_groups && !err; i++)
		err = ap_totals_write_group(t, &t->groups[i]);
	t->writes += t->n_groups;
	forget_groups(t);
	return err;
}
