/* What perf_event_open is asked for: the attr of each event, falling back from cycles:P to cycles to cpu-clock, and the side-band event
 * that carries mappings, names, forks and exits. What it refuses becomes a sentence. */
#include "perf/private.h"

#include "base/caps.h"
#include "base/file.h"
#include "perf/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *const DEFAULT_EVENTS[] = {"cycles:P", "cycles", "cpu-clock"};

int ap_perf_sys_open(struct perf_event_attr *a, pid_t pid, int cpu, unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, a, pid, cpu, -1, flags | PERF_FLAG_FD_CLOEXEC);
}

static int64_t sysctl_value(const char *path, int64_t otherwise)
{
	int64_t v;

	return ap_file_read_i64(path, &v) ? otherwise : v;
}

int ap_perf_refused(struct ap_why *why, const struct ap_source *s, const char *event, pid_t pid, int err)
{
	int64_t paranoid = sysctl_value("/proc/sys/kernel/perf_event_paranoid", 2);
	bool whole = s->cfg.all || s->cfg.cgroup;

	switch (err) {
	case EACCES:
	case EPERM:
		if (pid > 0 && !whole && paranoid <= 2)
			return ap_why(why, err,
				"perf_event_open(%s) for %d was refused (%s): it is another user's, or may not be traced, and this process "
				"lacks "
				"CAP_PERFMON; run: " AP_SETCAP,
				event, (int)pid, strerror(err));
		if (paranoid > 2 && ap_cap_effective(AP_CAP_PERFMON)) /* Debian's own level */
			return ap_why(why, err,
				"perf_event_open(%s) was refused (%s): perf_event_paranoid is %lld, at which this kernel asks for CAP_SYS_ADMIN "
				"and not CAP_PERFMON, which is held; run: sudo sysctl kernel.perf_event_paranoid=2",
				event, strerror(err), (long long)paranoid);
		return ap_why(why, err,
			"perf_event_open(%s) was refused (%s): perf_event_paranoid is %lld and this process lacks CAP_PERFMON%s; "
			"run: " AP_SETCAP,
			event, strerror(err), (long long)paranoid, whole ? ", which watching more than own processes needs" : "");
	case ESRCH:
		return ap_why(why, err, "%d: there is no such process or thread", (int)pid);
	case EMFILE:
	case ENFILE:
		return ap_why(why, err,
			"perf_event_open(%s): %zu descriptors are open, one a thread, CPU and event, and the limit is reached; "
			"raise it with: ulimit -n 65536, or narrow the recording with -C",
			event, s->n_fds);
	case ENOSYS:
		return ap_why(why, err,
			"perf_event_open is not there: the kernel is built without it or a seccomp filter hides it; "
			"a container wants --cap-add PERFMON and a profile that allows it");
	default:
		return ap_why(
			why, err, "perf_event_open(%s): %s; this machine cannot sample that event: try -e cpu-clock", event, strerror(err));
	}
}

static void fill_common(const struct ap_source *s, struct perf_event_attr *a)
{
	a->size = sizeof *a;
	a->sample_type = s->format.sample_type;
	a->sample_id_all = 1;
	a->use_clockid = 1;
	a->clockid = CLOCK_MONOTONIC;
	a->disabled = 1;
	a->inherit = !s->cfg.all && !s->cfg.cgroup;
	a->enable_on_exec = s->cfg.enable_on_exec;
	a->watermark = 1;
	a->wakeup_watermark = 0; /* half of the ring, whatever size it came to have */
	a->read_format = PERF_FORMAT_ID;
}

/* Kernels hardened in 2026 (Debian's 6.12.117) refuse the chain's kernel part by itself, although exclude_kernel is set. */
static void leave_kernel_out(struct perf_event_attr *a)
{
	a->exclude_kernel = a->exclude_callchain_kernel = 1;
}

static void fill_sampling(const struct ap_source *s, struct perf_event_attr *a, uint64_t max_rate)
{
	fill_common(s, a);
	if (s->cfg.period) {
		a->sample_period = s->cfg.period;
	} else {
		a->freq = 1;
		a->sample_freq = s->cfg.frequency_hz > max_rate ? max_rate : s->cfg.frequency_hz;
	}
	if (a->type == PERF_TYPE_SOFTWARE && (a->config == PERF_COUNT_SW_CPU_CLOCK || a->config == PERF_COUNT_SW_TASK_CLOCK))
		a->exclude_idle = 1; /* a clock ticks on an idle CPU too, which is no time on it; a counter of cycles stands still there */
	if (s->format.sample_type & PERF_SAMPLE_REGS_USER) {
		a->sample_regs_user = ap_perf_regs_mask();
		a->sample_stack_user = s->cfg.stack_dump_bytes;
		a->exclude_callchain_user = 1;
	}
	if (a->exclude_kernel)
		leave_kernel_out(a);
}

void ap_perf_side_band(const struct ap_source *s, struct perf_event_attr *a)
{
	memset(a, 0, sizeof *a);
	a->type = PERF_TYPE_SOFTWARE;
	a->config = PERF_COUNT_SW_DUMMY;
	fill_common(s, a);
	a->sample_type &= AP_PERF_SAMPLE_BASE;
	a->exclude_kernel = 1;
	a->mmap = a->mmap2 = a->comm = a->comm_exec = a->task = 1;
}

/* Whether this machine opens it at all; what the kernel or the permissions do not allow is left out of the attr. */
static int try_event(const struct ap_source *s, struct perf_event_attr *a, bool *ret_user_only)
{
	struct perf_event_attr probe = *a;
	int fd;

	*ret_user_only = a->exclude_kernel && !a->exclude_user;
	probe.enable_on_exec = 0;
	fd = ap_perf_sys_open(&probe, s->cfg.all ? -1 : 0, s->cfg.all ? s->cpus[0].cpu : -1, 0);
	if (fd < 0 && (errno == EACCES || errno == EPERM) && !a->exclude_kernel && !a->exclude_user && !s->cfg.all) {
		leave_kernel_out(a);
		a->exclude_hv = 1;
		probe = *a;
		probe.enable_on_exec = 0;
		*ret_user_only = true;
		fd = ap_perf_sys_open(&probe, 0, -1, 0);
	}
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int add_event(struct ap_source *s, const char *name, const char *asked_why, uint64_t max_rate, struct ap_why *why)
{
	struct perf_event_attr a;
	bool user_only;
	size_t i = s->n_events;
	int err = ap_perf_event_parse(name, &a, why);

	if (err)
		return err;
	fill_sampling(s, &a, max_rate);
	err = try_event(s, &a, &user_only);
	if (err)
		return ap_perf_refused(why, s, name, 0, -err);
	if (asprintf(&s->names[i], "%s%s", name, user_only && !strchr(name, ':') ? ":u" : "") < 0 ||
		asprintf(&s->whys[i], "%s%s%s", asked_why,
			a.freq && s->cfg.frequency_hz != UINT64_MAX && s->cfg.frequency_hz > max_rate
				? "the frequency was lowered to kernel.perf_event_max_sample_rate; "
				: "",
			user_only && !strchr(name, ':') ? "user space only: the kernel part was refused" : "") < 0)
		return ap_why(why, ENOMEM, "out of memory");
	s->attrs[i] = a;
	s->events[i] = (struct ap_source_event){.name = s->names[i],
		.why = s->whys[i],
		.frequency_hz = a.freq ? a.sample_freq : 0,
		.period = a.freq ? 0 : a.sample_period,
		.user_only = user_only};
	s->n_events++;
	return 0;
}

int ap_perf_choose_events(struct ap_source *s, struct ap_why *why)
{
	uint64_t max_rate = (uint64_t)sysctl_value("/proc/sys/kernel/perf_event_max_sample_rate", 100000);
	size_t n = s->cfg.n_events ? s->cfg.n_events : 1;
	char before[512] = "";
	int err = -ENOENT;

	s->attrs = calloc(n, sizeof *s->attrs);
	s->events = calloc(n, sizeof *s->events);
	s->names = calloc(n, sizeof *s->names);
	s->whys = calloc(n, sizeof *s->whys);
	s->lost_said = calloc(2 * (n + 1), sizeof *s->lost_said);
	if (!s->attrs || !s->events || !s->names || !s->whys || !s->lost_said)
		return ap_why(why, ENOMEM, "out of memory");
	s->lost_now = s->lost_said + n + 1;
	for (size_t i = 0; i < s->cfg.n_events; i++)
		if ((err = add_event(s, s->cfg.events[i], "", max_rate, why)))
			return err;
	for (size_t i = 0; !s->n_events && i < sizeof DEFAULT_EVENTS / sizeof DEFAULT_EVENTS[0]; i++) {
		err = add_event(s, DEFAULT_EVENTS[i], before, max_rate, why);
		if (err == -EACCES || err == -EPERM)
			break;
		snprintf(before + strlen(before), sizeof before - strlen(before), "%s: %s; ", DEFAULT_EVENTS[i], strerror(-err));
	}
	return err;
}
