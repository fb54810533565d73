/* What the source counted, and what its program measured of itself. */
#include "bpf/private.h"

#include "perf/perf.h"

#include <bpf/bpf.h>
#include <stdlib.h>

uint64_t ap_bpf_counted(const struct ap_source *s, enum ap_bpf_count what)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_cpus; i++)
		n += __atomic_load_n(&s->counts[i].n[what], __ATOMIC_RELAXED);
	return n;
}

static struct ap_source_cost cost_of(const uint64_t *steps)
{
	struct ap_source_cost c = {0};
	uint64_t seen = 0;

	for (size_t i = 0; i < AP_BPF_TIMING_N; i++)
		c.n += steps[i];
	for (size_t i = 0; i < AP_BPF_TIMING_N && seen * 100 < c.n * 99; i++) {
		seen += steps[i];
		c.p99_ns = (i + 1) * AP_BPF_TIMING_NS;
		if (!c.median_ns && seen * 2 >= c.n)
			c.median_ns = c.p99_ns;
	}
	return c;
}

static void measured(const struct ap_source *s, struct ap_source_stats *st)
{
	struct ap_bpf_timing *t = malloc(sizeof *t);
	uint32_t zero = 0;

	if (t && !bpf_map_lookup_elem(s->timings_fd, &zero, t)) {
		st->hit = cost_of(t->whole);
		st->unwind = cost_of(t->unwind);
	}
	free(t);
}

void ap_bpf_stats(const struct ap_source *s, struct ap_source_stats *ret_stats)
{
	struct ap_source_stats side = {0};

	ap_source_perf.stats(s->perf, &side);
	*ret_stats = (struct ap_source_stats){.seen = ap_bpf_counted(s, AP_BPF_COUNT_SEEN), .stored = ap_bpf_counted(s, AP_BPF_COUNT_STORED) - s->malformed - s->no_memory,
		.filtered = ap_bpf_counted(s, AP_BPF_COUNT_FILTERED), .wakeups = side.wakeups, .drains = s->drains};
	ret_stats->cold = ap_bpf_counted(s, AP_BPF_COUNT_COLD);
	if (s->cfg.measure)
		measured(s, ret_stats);
	ret_stats->lost[AP_LOSS_RING_FULL] = ap_bpf_counted(s, AP_BPF_COUNT_RING_FULL);
	ret_stats->lost[AP_LOSS_MALFORMED] = s->malformed;
	ret_stats->lost[AP_LOSS_MEMORY_LIMIT] = s->no_memory;
	ret_stats->lost[AP_LOSS_SIDEBAND] = side.lost[AP_LOSS_SIDEBAND] + ap_bpf_counted(s, AP_BPF_COUNT_MAP_FULL) + s->no_memory_side;
}
