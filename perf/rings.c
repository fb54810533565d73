/* How much of the stack a sample brings, and how large the rings are: the same on every CPU, within a bound for all of them and the locked
 * memory that the user may have. */
#include "perf/private.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	SMALL_SAMPLE = 512, /* a sample without a copy of the stack */
	DUMP_MIN = 16 << 10,
	DUMP_MAX = 62 << 10,
	DUMP_BYTES_A_SECOND = 32 << 20,
	RING_MAX = 16 << 20,      /* of one CPU */
	SIDE_BAND_ROOM = 1 << 20, /* for a storm of processes */
	RINGS_DEFAULT = 24 << 20, /* of all CPUs, */
	RING_FLOOR = 512 << 10,   /* but on a machine of many CPUs each gets this */
	RING_FLOOR_MS = 60,       /* and what comes in three drains */
	RATE_MAX = 20000,         /* no ring is laid out for more samples a second */
};

/* Samples a second of all events on one CPU. */
static uint64_t samples_a_second(const struct ap_source *s)
{
	uint64_t rate = s->cfg.period || s->cfg.frequency_hz > RATE_MAX ? RATE_MAX : s->cfg.frequency_hz;

	return (rate ? rate : 1) * (s->cfg.n_events ? s->cfg.n_events : 1);
}

/* As much of the stack as these bytes a second carry: at 99 Hz nearly all that a record can hold, at 997 Hz 32 KiB. The dump costs what the
 * stack really has, so a large one is cheap where stacks are small. */
uint32_t ap_perf_dump_for(const struct ap_source *s, uint64_t bytes_a_second)
{
	uint64_t each = (bytes_a_second < DUMP_BYTES_A_SECOND ? bytes_a_second : DUMP_BYTES_A_SECOND) / samples_a_second(s);

	each = each > SMALL_SAMPLE + DUMP_MIN ? each - SMALL_SAMPLE : DUMP_MIN;
	return (uint32_t)(each < DUMP_MAX ? each : DUMP_MAX) & ~7u;
}

/* A power of two that holds a second of samples of all events, within the bound: reading a large binary can keep the recorder that long. */
void ap_perf_size_rings(struct ap_source *s)
{
	uint64_t each = s->attach ? 0 : s->format.sample_type & PERF_SAMPLE_STACK_USER ? s->cfg.stack_dump_bytes + SMALL_SAMPLE : SMALL_SAMPLE;
	uint64_t second = samples_a_second(s) * each, limit = s->cfg.max_memory / s->n_cpus;

	if (!s->cfg.max_memory) {
		limit = RINGS_DEFAULT / s->n_cpus;
		limit = limit < RING_FLOOR ? RING_FLOOR : limit;
		limit = limit < second * RING_FLOOR_MS / 1000 ? second * RING_FLOOR_MS / 1000 : limit;
	}
	s->ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	while (s->ring_bytes < second + SIDE_BAND_ROOM && s->ring_bytes * 2 <= limit && s->ring_bytes < RING_MAX)
		s->ring_bytes *= 2;
}

static void unmap_new(struct ap_source *s, const bool *new)
{
	for (size_t i = 0; i < s->n_cpus; i++)
		if (new[i])
			ap_ring_unmap(&s->cpus[i].ring);
}

/* Maps what has a leader and no ring yet; all of one size, which halves until perf_event_mlock_kb allows it: a ring a CPU shares the
 * budget. */
int ap_perf_map_rings(struct ap_source *s, struct ap_why *why)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	AP_AUTO_FREE bool *new = calloc(s->n_cpus, sizeof *new);
	int err;

	if (!new)
		return ap_why(why, ENOMEM, "out of memory");
	for (;;) {
		err = 0;
		for (size_t i = 0; i < s->n_cpus && !err; i++) {
			if (s->cpus[i].leader < 0 || s->cpus[i].ring.page)
				continue;
			err = ap_ring_map(&s->cpus[i].ring, s->cpus[i].leader, s->ring_bytes);
			new[i] = !err;
		}
		if (!err)
			return 0;
		unmap_new(s, new);
		memset(new, 0, s->n_cpus * sizeof *new);
		if (err != -EPERM || s->ring_bytes <= page)
			break;
		s->ring_bytes /= 2;
	}
	return ap_why(why, -err,
		"cannot map a perf ring (mmap): %s; the locked memory of this user is used up: raise it with: "
		"sysctl kernel.perf_event_mlock_kb=2048",
		strerror(-err));
}
