/* The inside of the sums. */
#ifndef AP_STORE_TOTALS_PRIVATE_H
#define AP_STORE_TOTALS_PRIVATE_H

#include "store/tree.h"

struct ap_sum { /* together: one cache line a sample */
	int64_t weight, n;
};
struct thread_sum {
	int64_t thread, n, weight;
};
struct ap_group {
	int64_t run, event, weight, n; /* weight and n: of all samples, so that no total overflows */
	struct ap_sum *self;           /* by stack id */
	struct thread_sum *threads;
	size_t n_threads, threads_cap;
	struct ap_index by_thread;
	uint32_t last; /* the thread of the last sample */
};
struct ap_totals {
	struct ap_totals_config cfg;
	struct ap_group *groups;
	size_t n_groups, groups_cap, last; /* last: the group of the last sample */
	uint64_t samples, writes;
	struct ap_sum *total; /* by stack id, while a group is written */
};

int ap_totals_write_group(struct ap_totals *t, const struct ap_group *g); /* total and total_n have room */

#endif
