/* A node is kept when its largest share of any column reaches a limit, or it is the root. A parent's shares are not less than its child's,
 * so that what is kept is a tree. Most of a large tree is left out at once; what is tried after that costs by what was kept. */
#include "report/flame_keep.h"

#include <errno.h>
#include <string.h>

enum { BUCKETS = 1 << 16 };

/* The bits of floats that are not negative are in order of their values. */
static uint32_t bucket(float score)
{
	uint32_t bits;

	memcpy(&bits, &score, sizeof bits);
	return bits >> 15;
}

static float *scores(const struct flame_tree *t)
{
	AP_AUTO_FREE double *per = calloc(t->columns, sizeof *per);
	float *score = malloc(t->n * sizeof *score);
	size_t c = t->columns;

	if (!per || !score) {
		free(score);
		return NULL;
	}
	for (size_t k = 0; k < c; k++)
		per[k] = t->totals[k] ? 1 / (double)t->totals[k] : 0;
	for (size_t i = 0; i < t->n; i++) {
		double most = 0;

		for (size_t k = 0; k < c; k++)
			if ((double)t->totals[i * c + k] * per[k] > most)
				most = (double)t->totals[i * c + k] * per[k];
		score[i] = (float)most;
	}
	score[0] = 1;
	return score;
}

/* The lowest bucket such that at most `most` scores are in it and above. */
static uint32_t limit_for(const float *score, size_t n, size_t most, uint32_t *count)
{
	uint32_t b = BUCKETS;
	size_t above = 0;

	memset(count, 0, BUCKETS * sizeof *count);
	for (size_t i = 0; i < n; i++)
		count[bucket(score[i])]++;
	while (b > 0 && above + count[b - 1] <= most)
		above += count[--b];
	return b;
}

static void link_children(struct flame_kept *k)
{
	memset(k->first, 0, (k->n + 1) * sizeof *k->first);
	for (size_t i = 1; i < k->n; i++)
		k->first[k->parent[i] + 1]++;
	for (size_t i = 0; i < k->n; i++)
		k->first[i + 1] += k->first[i];
	for (uint32_t i = 1; i < k->n; i++)
		k->kids[k->first[k->parent[i]]++] = i;
	for (size_t i = k->n; i > 0; i--) /* each has moved to where the next one's begin */
		k->first[i] = k->first[i - 1];
	k->first[0] = 0;
}

/* Values stand far apart in the tree: they are read once, in order, and are near here. */
static void gather(struct flame_kept *k)
{
	const struct flame_tree *t = k->tree;
	size_t c = t->columns;

	for (size_t i = 0; i < k->n; i++)
		for (size_t j = 0; j < c; j++) {
			int64_t total = t->totals[k->node[i] * c + j], self = t->values[k->node[i] * c + j];

			k->self[i * c + j] = self;
			k->rest[i * c + j] = total - self;
			if (i)
				k->rest[k->parent[i] * c + j] -= total;
		}
}

static int allocate(struct flame_kept *k, size_t n)
{
	size_t values = n * k->tree->columns;

	k->self = malloc(values * sizeof *k->self);
	k->rest = malloc(values * sizeof *k->rest);
	k->node = malloc(n * sizeof *k->node);
	k->parent = malloc(n * sizeof *k->parent);
	k->score = malloc(n * sizeof *k->score);
	k->first = malloc((n + 1) * sizeof *k->first);
	k->kids = malloc(n * sizeof *k->kids);
	k->slot = malloc(n * sizeof *k->slot);
	k->count = malloc(BUCKETS * sizeof *k->count);
	return k->self && k->rest && k->node && k->parent && k->score && k->first && k->kids && k->slot && k->count ? 0 : -ENOMEM;
}

int flame_keep_init(struct flame_kept *k, const struct flame_tree *t, size_t most)
{
	AP_AUTO_FREE float *score = scores(t);
	AP_AUTO_FREE uint32_t *slot = malloc(t->n * sizeof *slot);
	AP_AUTO_FREE uint32_t *count = malloc(BUCKETS * sizeof *count);
	uint32_t least;
	size_t n = t->n < most ? t->n : most;
	int err;

	memset(k, 0, sizeof *k);
	k->tree = t;
	err = allocate(k, n + 1);

	if (err || !score || !slot || !count)
		return -ENOMEM;
	least = limit_for(score, t->n, most, count);
	for (size_t i = 0; i < t->n; i++)
		if (!i || bucket(score[i]) >= least) {
			slot[i] = (uint32_t)k->n;
			k->node[k->n] = (uint32_t)i;
			k->parent[k->n] = slot[t->nodes[i].parent];
			k->score[k->n++] = score[i];
		}
	link_children(k);
	gather(k);
	return 0;
}

void flame_keep_most(struct flame_kept *k, size_t most)
{
	uint32_t least;
	size_t n = 0;

	if (k->n <= most)
		return;
	least = limit_for(k->score, k->n, most, k->count);
	for (size_t i = 0; i < k->n; i++)
		if (!i || bucket(k->score[i]) >= least) {
			k->slot[i] = (uint32_t)n;
			k->node[n] = k->node[i];
			k->parent[n] = k->slot[k->parent[i]];
			k->score[n++] = k->score[i];
		}
	k->n = n;
	link_children(k);
	gather(k);
}

void flame_keep_done(struct flame_kept *k)
{
	free(k->node);
	free(k->parent);
	free(k->score);
	free(k->first);
	free(k->kids);
	free(k->self);
	free(k->rest);
	free(k->slot);
	free(k->count);
	memset(k, 0, sizeof *k);
}
