/* Opening: the attr of each event (falling back from cycles:P to cycles to cpu-clock), one descriptor a (event, target, CPU), and one ring a
 * CPU into which all the CPU's descriptors write. A side-band event of its own carries mappings, names, forks and exits. */
#include "perf/private.h"

#include "base/file.h"
#include "perf/events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DUMP_MIN = 16 << 10, DUMP_MAX = 62 << 10, DUMP_BYTES_A_SECOND = 32 << 20, RING_MIN = 64 << 10, RING_MAX = 16 << 20, SMALL_SAMPLE = 512 };
static const char *const DEFAULT_EVENTS[] = {"cycles:P", "cycles", "cpu-clock"};

static int sys_open(struct perf_event_attr *a, pid_t pid, int cpu, unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, a, pid, cpu, -1, flags | PERF_FLAG_FD_CLOEXEC);
}

static int64_t sysctl_value(const char *path, int64_t otherwise)
{
	int64_t v;

	return ap_file_read_i64(path, &v) ? otherwise : v;
}

static int refused(struct ap_why *why, const struct ap_source_config *cfg, const char *event, int err)
{
	int64_t paranoid = sysctl_value("/proc/sys/kernel/perf_event_paranoid", 2);

	if (err == EACCES || err == EPERM)
		return ap_why(why, err,
			"perf_event_open(%s) was refused (%s): perf_event_paranoid is %lld and this process lacks CAP_PERFMON%s; "
			"run: setcap cap_perfmon+ep $(command -v aperture)",
			event, strerror(err), (long long)paranoid, cfg->all ? ", which watching the whole machine needs" : "");
	if (err == ESRCH)
		return ap_why(why, err, "there is no such process or thread any more");
	if (err == EMFILE || err == ENFILE)
		return ap_why(why, err, "perf_event_open(%s): too many open files; raise the limit with: ulimit -n 65536", event);
	return ap_why(why, err, "perf_event_open(%s): %s; this machine cannot sample that event: try -e cpu-clock", event, strerror(err));
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
	a->wakeup_watermark = (uint32_t)(s->ring_bytes / 2);
	a->read_format = PERF_FORMAT_ID;
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
	if (s->format.sample_type & PERF_SAMPLE_REGS_USER) {
		a->sample_regs_user = ap_perf_regs_mask();
		a->sample_stack_user = s->cfg.stack_dump_bytes;
		a->exclude_callchain_user = 1;
	}
}

static void fill_side_band(const struct ap_source *s, struct perf_event_attr *a)
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
	fd = sys_open(&probe, s->cfg.all ? -1 : 0, s->cfg.all ? s->cpus[0].cpu : -1, 0);
	if (fd < 0 && (errno == EACCES || errno == EPERM) && !a->exclude_kernel && !s->cfg.all) {
		a->exclude_kernel = probe.exclude_kernel = 1;
		a->exclude_hv = probe.exclude_hv = 1;
		*ret_user_only = true;
		fd = sys_open(&probe, 0, -1, 0);
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
		return refused(why, &s->cfg, name, -err);
	if (asprintf(&s->names[i], "%s%s", name, user_only && !strchr(name, ':') ? ":u" : "") < 0 ||
		asprintf(&s->whys[i], "%s%s%s", asked_why,
			a.freq && s->cfg.frequency_hz != UINT64_MAX && s->cfg.frequency_hz > max_rate
				? "the frequency was lowered to kernel.perf_event_max_sample_rate; " : "",
			user_only && !strchr(name, ':') ? "user space only: the kernel part was refused" : "") < 0)
		return ap_why(why, ENOMEM, "out of memory");
	s->attrs[i] = a;
	s->events[i] = (struct ap_source_event){.name = s->names[i], .why = s->whys[i], .frequency_hz = a.freq ? a.sample_freq : 0,
		.period = a.freq ? 0 : a.sample_period, .user_only = user_only};
	s->n_events++;
	return 0;
}

static int choose_events(struct ap_source *s, struct ap_why *why)
{
	uint64_t max_rate = (uint64_t)sysctl_value("/proc/sys/kernel/perf_event_max_sample_rate", 100000);
	size_t n = s->cfg.n_events ? s->cfg.n_events : 1;
	char before[512] = "";
	int err = -ENOENT;

	s->attrs = calloc(n, sizeof *s->attrs);
	s->events = calloc(n, sizeof *s->events);
	s->names = calloc(n, sizeof *s->names);
	s->whys = calloc(n, sizeof *s->whys);
	if (!s->attrs || !s->events || !s->names || !s->whys)
		return ap_why(why, ENOMEM, "out of memory");
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

static int list_cpus(struct ap_source *s, struct ap_why *why)
{
	struct ap_buf b = {0};
	char *at, *end;
	long first, last;

	if (ap_file_read(AT_FDCWD, "/sys/devices/system/cpu/online", 4096, &b) || !b.len)
		return ap_why(why, ENODEV, "cannot read /sys/devices/system/cpu/online: is /sys mounted?");
	for (at = b.data; *at >= '0' && *at <= '9'; at = *end == ',' ? end + 1 : end) {
		first = last = strtol(at, &end, 10);
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (; first <= last; first++) {
			bool wanted = !s->cfg.n_cpus;
			struct perf_cpu *v;

			for (size_t i = 0; i < s->cfg.n_cpus; i++)
				wanted |= s->cfg.cpus[i] == first;
			v = wanted ? realloc(s->cpus, (s->n_cpus + 1) * sizeof *v) : NULL;
			if (!v)
				continue;
			s->cpus = v;
			s->cpus[s->n_cpus++] = (struct perf_cpu){.cpu = (int)first, .leader = -1};
		}
	}
	ap_buf_done(&b);
	return s->n_cpus ? 0 : ap_why(why, EINVAL, "-C: none of these CPUs is online");
}

/* Samples a second of all events on one CPU. */
static uint64_t samples_a_second(const struct ap_source *s)
{
	uint64_t rate = s->cfg.period || s->cfg.frequency_hz > 20000 ? 20000 : s->cfg.frequency_hz;

	return (rate ? rate : 1) * (s->cfg.n_events ? s->cfg.n_events : 1);
}

/* As much of the stack as these bytes a second carry: at 99 Hz nearly all that a record can hold, at 997 Hz 32 KiB. The dump costs what the
 * stack really has, so a large one is cheap where stacks are small. */
static uint32_t dump_for(const struct ap_source *s, uint64_t bytes_a_second)
{
	uint64_t each = bytes_a_second / samples_a_second(s);

	each = each > SMALL_SAMPLE + DUMP_MIN ? each - SMALL_SAMPLE : DUMP_MIN;
	return (uint32_t)(each < DUMP_MAX ? each : DUMP_MAX) & ~7u;
}

/* Room for about a quarter of a second of samples of all events on one CPU: the nearest power of two. */
static void choose_ring_size(struct ap_source *s)
{
	uint64_t each = s->format.sample_type & PERF_SAMPLE_STACK_USER ? s->cfg.stack_dump_bytes + SMALL_SAMPLE : SMALL_SAMPLE;
	uint64_t limit = s->cfg.max_memory ? s->cfg.max_memory / s->n_cpus : RING_MAX, bytes = samples_a_second(s) * each / 4;

	s->ring_bytes = RING_MIN;
	while (s->ring_bytes < bytes * 3 / 4 && s->ring_bytes * 2 <= limit && s->ring_bytes < RING_MAX)
		s->ring_bytes *= 2;
}

static int attach_ring(struct ap_source *s, struct perf_cpu *c, int fd, struct ap_why *why)
{
	int err;

	if (c->leader >= 0)
		return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, c->leader)
			? ap_why(why, errno, "cannot share one ring between events (PERF_EVENT_IOC_SET_OUTPUT): %s", strerror(errno)) : 0;
	while ((err = ap_ring_map(&c->ring, fd, s->ring_bytes)) == -EPERM && s->ring_bytes > 4096)
		s->ring_bytes /= 2; /* perf_event_mlock_kb */
	if (err)
		return ap_why(why, -err, "cannot map a perf ring (mmap): %s; raise it with: sysctl kernel.perf_event_mlock_kb=2048", strerror(-err));
	c->leader = fd;
	return 0;
}

static int keep_fd(struct ap_source *s, int fd, uint32_t event, size_t cpu, struct ap_why *why)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = s->n_fds};
	struct perf_fd *v = ap_grow(&s->fds, &s->fds_cap, s->n_fds, sizeof *v);
	uint64_t id = 0;

	if (!v) {
		close(fd);
		return ap_why(why, ENOMEM, "out of memory");
	}
	v[s->n_fds++] = (struct perf_fd){.fd = fd, .event = event, .ring = cpu};
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id))
		return ap_why(why, errno, "perf_event has no identifiers here: %s", strerror(errno));
	s->ids = reallocarray(s->ids, s->n_ids + 1, sizeof *s->ids);
	s->id_events = reallocarray(s->id_events, s->n_ids + 1, sizeof *s->id_events);
	if (!s->ids || !s->id_events)
		return ap_why(why, ENOMEM, "out of memory");
	s->ids[s->n_ids] = id;
	s->id_events[s->n_ids++] = event;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return ap_why(why, errno, "epoll_ctl: %s", strerror(errno));
	return attach_ring(s, &s->cpus[cpu], fd, why);
}

static int open_on(struct ap_source *s, struct perf_event_attr *a, uint32_t event, pid_t pid, unsigned long flags, struct ap_why *why)
{
	int fd, err;

	for (size_t i = 0; i < s->n_cpus; i++) {
		a->read_format = PERF_FORMAT_ID | PERF_FORMAT_LOST;
		fd = sys_open(a, pid, s->cpus[i].cpu, flags);
		if (fd < 0 && errno == EINVAL) { /* before 6.0 */
			a->read_format = PERF_FORMAT_ID;
			fd = sys_open(a, pid, s->cpus[i].cpu, flags);
		}
		if (fd < 0 && errno == ENODEV && i + 1 < s->n_cpus)
			continue; /* this CPU has just gone */
		if (fd < 0)
			return refused(why, &s->cfg, event == UINT32_MAX ? "side-band" : s->names[event], errno);
		err = keep_fd(s, fd, event, i, why);
		if (err)
			return err;
	}
	return 0;
}

/* Side-band first: its descriptor owns the ring, so that a mapping is never told after a sample in it. */
static int open_target(struct ap_source *s, pid_t pid, unsigned long flags, struct ap_why *why)
{
	struct perf_event_attr a;
	int err;

	fill_side_band(s, &a);
	err = open_on(s, &a, UINT32_MAX, pid, flags, why);
	for (size_t e = 0; !err && e < s->n_events; e++) {
		a = s->attrs[e];
		if (!s->dump_chosen && a.sample_stack_user) /* the ring may have become smaller than was asked for */
			a.sample_stack_user = dump_for(s, s->ring_bytes * 4 < DUMP_BYTES_A_SECOND ? s->ring_bytes * 4 : DUMP_BYTES_A_SECOND);
		err = open_on(s, &a, (uint32_t)e, pid, flags, why);
	}
	return err;
}

/* Every thread that the process has now; inherit follows what they create. */
static int open_process(struct ap_source *s, pid_t pid, struct ap_why *why)
{
	char path[64];
	struct dirent *d;
	size_t opened = 0;
	DIR *dir;
	int err = 0;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return ap_why(why, ESRCH, "-p %d: there is no such process", (int)pid);
	while (!err && (d = readdir(dir)))
		if (d->d_name[0] != '.') {
			err = open_target(s, (pid_t)strtol(d->d_name, NULL, 10), 0, why);
			if (err == -ESRCH)
				err = 0; /* this thread ended meanwhile */
			else
				opened++;
		}
	closedir(dir);
	return err || opened ? err : ap_why(why, ESRCH, "-p %d: it has ended", (int)pid);
}

static int open_cgroup(struct ap_source *s, struct ap_why *why)
{
	char path[4096];
	int fd, err;

	snprintf(path, sizeof path, "%s%s", s->cfg.cgroup[0] == '/' && !strncmp(s->cfg.cgroup, "/sys/", 5) ? "" : "/sys/fs/cgroup/", s->cfg.cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ap_why(why, errno, "-G %s: no such cgroup (%s): %s", s->cfg.cgroup, path, strerror(errno));
	err = open_target(s, fd, PERF_FLAG_PID_CGROUP, why);
	close(fd);
	return err;
}

static int open_targets(struct ap_source *s, struct ap_why *why)
{
	int err = 0;

	if (s->cfg.cgroup)
		return open_cgroup(s, why);
	if (s->cfg.all)
		return open_target(s, -1, 0, why);
	for (size_t i = 0; !err && i < s->cfg.n_pids; i++)
		err = open_process(s, s->cfg.pids[i], why);
	for (size_t i = 0; !err && i < s->cfg.n_tids; i++)
		err = open_target(s, s->cfg.tids[i], 0, why);
	return err;
}

static void raise_file_limit(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l); /* a failure shows as EMFILE later, with its remedy */
	}
}

int ap_perf_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why)
{
	struct ap_source *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return ap_why(why, ENOMEM, "out of memory");
	s->cfg = *cfg;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->dump_chosen = s->cfg.stack_dump_bytes != 0;
	if (!s->dump_chosen)
		s->cfg.stack_dump_bytes = dump_for(s, DUMP_BYTES_A_SECOND);
	s->format.sample_type = AP_PERF_SAMPLE_BASE;
	s->format.user_chain = cfg->call_graph == AP_CALL_GRAPH_FP;
	if (cfg->call_graph != AP_CALL_GRAPH_NONE)
		s->format.sample_type |= PERF_SAMPLE_CALLCHAIN;
	if (cfg->call_graph == AP_CALL_GRAPH_AUTO || cfg->call_graph == AP_CALL_GRAPH_DWARF)
		s->format.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
	raise_file_limit();
	err = list_cpus(s, why);
	if (!err) {
		choose_ring_size(s);
		err = choose_events(s, why);
	}
	if (!err)
		err = open_targets(s, why);
	if (err) {
		ap_perf_free(s);
		return err;
	}
	s->format.ids = s->ids;
	s->format.indexes = s->id_events;
	s->format.n_ids = s->n_ids;
	*ret_source = s;
	return 0;
}

void ap_perf_probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe)
{
	struct ap_source_config own = *cfg;
	struct ap_source *s = NULL;
	pid_t self = getpid();

	memset(ret_probe, 0, sizeof *ret_probe);
	if (!own.all && !own.n_pids && !own.n_tids && !own.cgroup) {
		own.pids = &self;
		own.n_pids = 1;
	}
	own.frequency_hz = own.frequency_hz ? own.frequency_hz : own.period ? 0 : 99;
	if (!ap_perf_open(&own, &s, &ret_probe->why)) {
		ret_probe->usable = true;
		ap_why(&ret_probe->why, 0, "%s", s->events[0].user_only ? "user space only: the kernel part needs CAP_PERFMON; "
			"run: setcap cap_perfmon+ep $(command -v aperture)" : "");
	}
	ap_perf_free(s);
}
