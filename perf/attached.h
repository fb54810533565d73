/* The perf source with its sampled events given to somebody else: each is opened on every CPU for all tasks, without a ring, and its descriptor
 * handed to `attach`, which puts a program on it. The side-band of the targets is read as ever. */
#ifndef AP_PERF_ATTACHED_H
#define AP_PERF_ATTACHED_H

#include "perf/perf.h"

struct ap_perf_attach {
	int (*attach)(void *ctx, int fd, uint32_t event, struct ap_why *why); /* 0 or negative errno; the descriptor stays the source's */
	void *ctx;
};
/* As ap_source_perf.open; the other operations of ap_source_perf serve what comes back. */
int ap_perf_open_attached(const struct ap_source_config *cfg, const struct ap_perf_attach *attach, struct ap_source **ret_source, struct ap_why *why);

#endif
