/* Which nodes of a tree are kept. */
#ifndef AP_REPORT_FLAME_KEEP_H
#define AP_REPORT_FLAME_KEEP_H

#include "report/flame_tree.h"

struct flame_kept {
	size_t n;
	uint32_t *node;   /* in the tree; parents first, the root is the first */
	uint32_t *parent; /* among the kept, as all numbers below */
	float *score;     /* the largest share of any column, 0 .. 1 */
	uint32_t *first;  /* children of i: kids[first[i]] .. kids[first[i + 1] - 1] */
	uint32_t *kids;
	int64_t *self; /* by node and column, as in the tree */
	int64_t *rest; /* what a node has and neither itself nor its kept children show */
	const struct flame_tree *tree;
	uint32_t *slot, *count; /* room to work in */
};

/* Keeps the root and as many others as have a score that at most `most` nodes reach. On failure too, flame_keep_done frees. */
int flame_keep_init(struct flame_kept *k, const struct flame_tree *t, size_t most);
void flame_keep_most(struct flame_kept *k, size_t most); /* keeps fewer of what is kept */
void flame_keep_done(struct flame_kept *k);

#endif
