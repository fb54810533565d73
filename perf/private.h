/* The inside of the perf source. */
#ifndef AP_PERF_PRIVATE_H
#define AP_PERF_PRIVATE_H

#include "event/source.h"
#include "perf/attached.h"
#include "perf/decode.h"
#include "perf/ring.h"

#include <linux/perf_event.h>

enum { AP_PERF_SIDE_BAND = UINT32_MAX /* as an event's index */ };

struct perf_fd {
	int fd;
	uint32_t event; /* index; AP_PERF_SIDE_BAND */
	bool hung_up;
};
struct perf_cpu {
	int cpu;
	int leader; /* the fd that owns the ring; -1: not yet */
	bool sampled; /* -C asks for it, or for none; side-band is watched on every CPU all the same, as processes move about */
	struct ap_ring ring;
	bool online, told; /* as of the last look; that it is not watched (any more) */
};

/* A ring whose oldest record waits to be merged. */
struct perf_head {
	uint64_t time_ns;
	const struct perf_event_header *record;
	uint32_t cpu; /* index into cpus */
};

struct ap_source {
	struct ap_source_config cfg;
	struct ap_perf_format format;
	const struct ap_perf_attach *attach; /* NULL: samples come through the rings */
	struct perf_event_attr *attrs; /* one an event */
	struct ap_source_event *events;
	char **names, **whys;
	size_t n_events;
	struct perf_cpu *cpus;
	size_t n_cpus;
	struct perf_head *heads; /* a heap by time, room for n_cpus */
	size_t n_heads;
	struct perf_fd *fds;
	size_t n_fds, fds_cap, n_hung_up;
	struct ap_perf_id *ids;
	size_t n_ids, ids_cap;
	int epoll_fd;
	size_t ring_bytes;
	bool dump_chosen; /* by the user: it stays as it is */
	bool stopped, count_at_stop_said;
	bool lost_counted; /* every descriptor has PERF_FORMAT_LOST (Linux 6.0): its counts are exact, by event, and the LOST records are not needed */
	bool lost_seen;	   /* a LOST record came since the counts were last read */
	uint64_t *lost_said, *lost_now; /* by event, the side-band's last: told so far, and room to count in; one block */
	uint64_t released_until_ns; /* every ring has been read since */
	uint64_t lost_next_ns, clock_next_ns, cpus_next_ns;
	struct ap_source_stats stats;
	_Alignas(8) unsigned char room[AP_EVENT_SIZE_MAX];
};

int ap_perf_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why);
void ap_perf_probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe);
struct ap_source *ap_perf_free(struct ap_source *s);

/* attr.c */
int ap_perf_choose_events(struct ap_source *s, struct ap_why *why);
void ap_perf_side_band(const struct ap_source *s, struct perf_event_attr *ret_attr);
int ap_perf_sys_open(struct perf_event_attr *a, pid_t pid, int cpu, unsigned long flags); /* fd, or -1 and errno */
/* The sentence for a refused perf_event_open; `pid` > 0: it was for that process or thread. Returns -err. */
int ap_perf_refused(struct ap_why *why, const struct ap_source *s, const char *event, pid_t pid, int err);

/* cpus.c: the list of CPUs, as the kernel writes it: 0-3,5 */
int ap_perf_list_cpus(struct ap_source *s, struct ap_why *why);
/* Says once of each CPU that has gone or come since that it is not watched. */
void ap_perf_check_cpus(struct ap_source *s, const struct ap_sink *sink, uint64_t now_ns);

/* rings.c: decides on ring_bytes; then maps a ring for each CPU that has a leader and none yet. */
uint32_t ap_perf_dump_for(const struct ap_source *s, uint64_t bytes_a_second); /* of the stack, for a sample, within that and a bound of its own */
void ap_perf_size_rings(struct ap_source *s);
int ap_perf_map_rings(struct ap_source *s, struct ap_why *why);

/* lost.c: what the kernel dropped since the last call, as LOST events by event. */
void ap_perf_put_lost(struct ap_source *s, const struct ap_sink *sink);
void ap_perf_put_loss(struct ap_source *s, const struct ap_sink *sink, enum ap_loss_cause cause, uint64_t n, uint32_t event, uint32_t cpu);

#endif
