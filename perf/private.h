/* The inside of the perf source. */
#ifndef AP_PERF_PRIVATE_H
#define AP_PERF_PRIVATE_H

#include "event/source.h"
#include "perf/decode.h"
#include "perf/ring.h"

#include <linux/perf_event.h>

struct perf_fd {
	int fd;
	uint32_t event; /* index; UINT32_MAX: side-band */
	size_t ring;
	bool hung_up;
};
struct perf_cpu {
	int cpu;
	int leader; /* the fd that owns the ring; -1: not yet */
	struct ap_ring ring;
	bool more; /* something was left for the next drain */
};

struct ap_source {
	struct ap_source_config cfg;
	struct ap_perf_format format;
	struct perf_event_attr *attrs; /* one an event */
	struct ap_source_event *events;
	char **names, **whys;
	size_t n_events;
	struct perf_cpu *cpus;
	size_t n_cpus;
	struct perf_fd *fds;
	size_t n_fds, fds_cap;
	uint64_t *ids;
	uint32_t *id_events;
	size_t n_ids;
	int epoll_fd;
	size_t ring_bytes;
	bool dump_chosen; /* by the user: it stays as it is */
	bool stopped, use_build_id;
	uint64_t released_until_ns; /* every ring has been read since */
	uint64_t lost_in_records, clock_next_ns;
	bool final_lost_said, final_clock_said;
	struct ap_source_stats stats;
	_Alignas(8) unsigned char room[AP_EVENT_SIZE_MAX];
};

int ap_perf_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why);
void ap_perf_probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe);
struct ap_source *ap_perf_free(struct ap_source *s);

#endif
