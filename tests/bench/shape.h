/* A synthetic recording with the shape of a real one: stacks that grow in chains from a hot trunk, interned at their first sample;
 * functions and frames shared by many stacks; processes of a few threads. The same seed gives the same rows; hosts share SHARED of their
 * stacks. */
#ifndef TESTS_BENCH_SHAPE_H
#define TESTS_BENCH_SHAPE_H

#include "store/rows.h"

#include <stdbool.h>

struct shape {
	uint32_t samples, nodes, functions, processes;
	uint32_t host; /* what is not shared between hosts is salted with it */
};
enum { SHAPE_SHARED_PERCENT = 70, SHAPE_THREADS = 4, SHAPE_FRAMES_PER_FUNCTION = 2 };

struct shape_state;
int shape_new(const struct shape *s, struct shape_state **ret);
struct shape_state *shape_free(struct shape_state *s);
/* Fills a batch with what comes next: at most `samples` samples and the nodes and frames that they are the first to need; the first also
 * has what stands alone. false: no more, or no memory. */
bool shape_next(struct shape_state *s, struct ap_batch *b, uint32_t samples);

#endif
