/* Which CPUs there are: /sys names them in ranges. A CPU that goes offline takes its events with it, and they do not come back with it; one
 * that comes was never opened. Both are told once, as a loss of that CPU. */
#include "perf/private.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

static const char ONLINE[] = "/sys/devices/system/cpu/online";
static const uint64_t CHECK_EVERY_NS = 1000000000;

/* Calls `found` for each CPU of the list. 0, -EIO (no list), or what `found` gave. */
static int each_online(int (*found)(struct ap_source *s, int cpu), struct ap_source *s)
{
	struct ap_buf b = {0};
	char *at, *end;
	long first, last;
	int err = ap_file_read(AT_FDCWD, ONLINE, 64 << 10, &b);

	if (!err && !b.len)
		err = -EIO;
	for (at = b.data; !err && *at >= '0' && *at <= '9'; at = *end == ',' ? end + 1 : end) {
		first = last = strtol(at, &end, 10);
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (; !err && first <= last && last < INT32_MAX; first++)
			err = found(s, (int)first);
	}
	ap_buf_done(&b);
	return err;
}

static bool asked_for(const struct ap_source *s, int cpu)
{
	for (size_t i = 0; i < s->cfg.n_cpus; i++)
		if (s->cfg.cpus[i] == cpu)
			return true;
	return !s->cfg.n_cpus;
}

static int add(struct ap_source *s, int cpu)
{
	struct perf_cpu *v;

	v = reallocarray(s->cpus, s->n_cpus + 1, sizeof *v);
	if (!v)
		return -ENOMEM;
	s->cpus = v;
	v[s->n_cpus++] = (struct perf_cpu){.cpu = cpu, .leader = -1, .sampled = asked_for(s, cpu)};
	return 0;
}

static int all_asked_are_there(const struct ap_source *s, struct ap_why *why)
{
	bool there;

	for (size_t i = 0; i < s->cfg.n_cpus; i++) {
		there = false;
		for (size_t k = 0; k < s->n_cpus && !there; k++)
			there = s->cpus[k].cpu == s->cfg.cpus[i];
		if (!there)
			return ap_why(why, EINVAL, "-C: CPU %d is not online; %s lists those that are", s->cfg.cpus[i], ONLINE);
	}
	return 0;
}

int ap_perf_list_cpus(struct ap_source *s, struct ap_why *why)
{
	int err = each_online(add, s);

	if (err == -ENOMEM)
		return ap_why(why, ENOMEM, "out of memory");
	if (err || !s->n_cpus)
		return ap_why(why, err ? -err : ENODEV, "cannot read %s: is /sys mounted?", ONLINE);
	err = all_asked_are_there(s, why);
	if (err)
		return err;
	s->heads = calloc(s->n_cpus, sizeof *s->heads);
	return s->heads ? 0 : ap_why(why, ENOMEM, "out of memory");
}

/* One that nobody watches joins the list without a ring, so that it is told once. */
static int seen_again(struct ap_source *s, int cpu)
{
	int err;

	for (size_t i = 0; i < s->n_cpus; i++)
		if (s->cpus[i].cpu == cpu) {
			s->cpus[i].online = true;
			return 0;
		}
	err = add(s, cpu);
	if (!err)
		s->cpus[s->n_cpus - 1].online = true;
	return err;
}

void ap_perf_check_cpus(struct ap_source *s, const struct ap_sink *sink, uint64_t now_ns)
{
	if (now_ns < s->cpus_next_ns)
		return;
	s->cpus_next_ns = now_ns + CHECK_EVERY_NS;
	for (size_t i = 0; i < s->n_cpus; i++)
		s->cpus[i].online = false;
	if (each_online(seen_again, s))
		return; /* nothing is known this time */
	for (size_t i = 0; i < s->n_cpus; i++) {
		struct perf_cpu *c = &s->cpus[i];

		if (c->told || !c->sampled || (c->online && c->ring.page))
			continue;
		c->told = true;
		ap_perf_put_loss(s, sink, AP_LOSS_CPU_OFFLINE, 1, UINT32_MAX, (uint32_t)c->cpu);
	}
}
