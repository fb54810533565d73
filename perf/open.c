/* Opening: one descriptor a (event, target, CPU), and one ring a CPU into which all the CPU's descriptors write. */
#include "perf/private.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	PROBE_RINGS = 1 << 20,
	DESCRIPTORS_LEFT = 24,
};

static int keep_fd(struct ap_source *s, int fd, uint32_t event, struct perf_cpu *c, struct ap_why *why)
{
	struct epoll_event ev = {.events = c->leader < 0 ? EPOLLIN : 0, .data.u64 = s->n_fds};
	struct perf_fd *v = ap_grow(&s->fds, &s->fds_cap, s->n_fds, sizeof *v);
	struct ap_perf_id *id;

	if (!v) {
		close(fd);
		return ap_why(why, ENOMEM, "out of memory");
	}
	v[s->n_fds++] = (struct perf_fd){.fd = fd, .event = event};
	id = ap_grow(&s->ids, &s->ids_cap, s->n_ids, sizeof *id);
	if (!id)
		return ap_why(why, ENOMEM, "out of memory");
	id[s->n_ids].event = event;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id[s->n_ids].id))
		return ap_why(why, errno, "perf_event has no identifiers here: %s", strerror(errno));
	s->n_ids++;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return ap_why(why, errno, "epoll_ctl: %s", strerror(errno));
	if (c->leader < 0)
		c->leader = fd;
	else if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, c->leader))
		return ap_why(why, errno, "cannot share one ring between events (PERF_EVENT_IOC_SET_OUTPUT): %s", strerror(errno));
	return 0;
}

static int open_one(struct ap_source *s, struct perf_event_attr *a, pid_t pid, int cpu, unsigned long flags)
{
	int fd = -1;

	if (s->lost_counted) {
		a->read_format = PERF_FORMAT_ID | PERF_FORMAT_LOST;
		fd = ap_perf_sys_open(a, pid, cpu, flags);
		if (fd >= 0 || errno != EINVAL)
			return fd;
	}
	a->read_format = PERF_FORMAT_ID; /* before 6.0 */
	fd = ap_perf_sys_open(a, pid, cpu, flags);
	if (fd >= 0)
		s->lost_counted = false;
	return fd;
}

static int open_on(struct ap_source *s, struct perf_event_attr *a, uint32_t event, pid_t pid, unsigned long flags, struct ap_why *why)
{
	int fd, err;

	for (size_t i = 0; i < s->n_cpus; i++) {
		if (event != AP_PERF_SIDE_BAND && !s->cpus[i].sampled)
			continue;
		fd = open_one(s, a, pid, s->cpus[i].cpu, flags);
		if (fd < 0 && errno == ENODEV && i + 1 < s->n_cpus)
			continue; /* this CPU has just gone */
		if (fd < 0)
			return ap_perf_refused(why, s, event == AP_PERF_SIDE_BAND ? "side-band" : s->names[event], flags ? 0 : pid, errno);
		err = keep_fd(s, fd, event, &s->cpus[i], why);
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

	ap_perf_side_band(s, &a);
	err = open_on(s, &a, AP_PERF_SIDE_BAND, pid, flags, why);
	if (!err)
		err = ap_perf_map_rings(s, why);
	for (size_t e = 0; !err && !s->attach && e < s->n_events; e++) {
		a = s->attrs[e];
		if (!s->dump_chosen && a.sample_stack_user) /* the ring may have become smaller than was asked for */
			a.sample_stack_user = ap_perf_dump_for(s, s->ring_bytes * 4);
		err = open_on(s, &a, (uint32_t)e, pid, flags, why);
	}
	return err;
}

static int attach_one(struct ap_source *s, uint32_t event, pid_t pid, int cpu, unsigned long flags, struct ap_why *why)
{
	struct perf_event_attr a = s->attrs[event];
	struct perf_fd *f = ap_grow(&s->fds, &s->fds_cap, s->n_fds, sizeof *f);

	if (!f)
		return ap_why(why, ENOMEM, "out of memory");
	a.inherit = a.enable_on_exec = a.exclude_callchain_user = a.exclude_callchain_kernel = 0;
	a.sample_type = a.precise_ip ? PERF_SAMPLE_CALLCHAIN : 0; /* for precise hits a program may walk the stack only where a record would */
	a.sample_stack_user = 0;
	a.sample_regs_user = 0;
	a.read_format = 0;
	f += s->n_fds;
	*f = (struct perf_fd){.fd = ap_perf_sys_open(&a, pid, cpu, flags), .event = event, .hung_up = true /* it belongs to no task */};
	if (f->fd < 0)
		return errno == ENODEV ? 0 /* this CPU has just gone */ : ap_perf_refused(why, s, s->names[event], 0, errno);
	s->n_fds++;
	s->n_hung_up++;
	return s->attach->attach(s->attach->ctx, f->fd, event, why);
}

/* On every CPU for all tasks, or those of a cgroup: a program is there at each hit, and no record is written. */
static int open_attached(struct ap_source *s, pid_t pid, unsigned long flags, struct ap_why *why)
{
	int err = 0;

	for (uint32_t e = 0; !err && e < s->n_events; e++)
		for (size_t i = 0; !err && i < s->n_cpus; i++)
			err = s->cpus[i].sampled ? attach_one(s, e, pid, s->cpus[i].cpu, flags, why) : 0;
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

/* Where cgroups are that perf_event knows: version 2, or version 1's hierarchy of its own. False: neither is mounted. */
static bool cgroup_mount(char *ret, size_t room)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f))) {
		found = !strcmp(m->mnt_type, "cgroup2") || (!strcmp(m->mnt_type, "cgroup") && hasmntopt(m, "perf_event"));
		if (found)
			snprintf(ret, room, "%s", m->mnt_dir);
	}
	if (f)
		endmntent(f);
	return found;
}

static int open_cgroup(struct ap_source *s, struct ap_why *why)
{
	char mount[1024] = "", path[4096];
	AP_AUTO_CLOSE int fd = -1;
	int err;

	if (!cgroup_mount(mount, sizeof mount))
		return ap_why(
			why, ENOENT, "-G %s: no cgroup hierarchy is mounted; run: mount -t cgroup2 none /sys/fs/cgroup", s->cfg.cgroup);
	if (!strncmp(s->cfg.cgroup, mount, strlen(mount)))
		snprintf(path, sizeof path, "%s", s->cfg.cgroup);
	else
		snprintf(path, sizeof path, "%s/%s", mount, s->cfg.cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ap_why(why, errno, "-G %s: there is no such cgroup (%s): %s", s->cfg.cgroup, path, strerror(errno));
	err = open_target(s, fd, PERF_FLAG_PID_CGROUP, why);
	return err || !s->attach ? err : open_attached(s, fd, PERF_FLAG_PID_CGROUP, why);
}

/* A thread of a process that is watched whole would count twice. */
static bool is_of_target(const struct ap_source *s, pid_t tid)
{
	char path[64];

	for (size_t i = 0; i < s->cfg.n_pids; i++) {
		snprintf(path, sizeof path, "/proc/%d/task/%d", (int)s->cfg.pids[i], (int)tid);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

static int open_targets(struct ap_source *s, struct ap_why *why)
{
	int err = 0;

	if (s->cfg.cgroup)
		return open_cgroup(s, why);
	if (s->cfg.all)
		err = open_target(s, -1, 0, why);
	for (size_t i = 0; !err && i < s->cfg.n_pids; i++)
		err = open_process(s, s->cfg.pids[i], why);
	for (size_t i = 0; !err && i < s->cfg.n_tids; i++)
		if (!is_of_target(s, s->cfg.tids[i]))
			err = open_target(s, s->cfg.tids[i], 0, why);
	return err || !s->attach ? err : open_attached(s, -1, 0, why);
}

/* The recorder opens a file, its log and the binaries next. */
static int leave_descriptors(const struct ap_source *s, struct ap_why *why)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || s->n_fds + DESCRIPTORS_LEFT <= l.rlim_cur)
		return 0;
	return ap_perf_refused(why, s, s->names[0], 0, EMFILE);
}

static void raise_file_limit(void)
{
	struct rlimit l;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l); /* a failure shows as EMFILE later, with its remedy */
	}
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct ap_perf_id *)a)->id, y = ((const struct ap_perf_id *)b)->id;

	return x < y ? -1 : x > y;
}

int ap_perf_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why)
{
	return ap_perf_open_attached(cfg, NULL, ret_source, why);
}

int ap_perf_open_attached(const struct ap_source_config *cfg, const struct ap_perf_attach *attach, struct ap_source **ret_source, struct ap_why *why)
{
	struct ap_source *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return ap_why(why, ENOMEM, "out of memory");
	s->cfg = *cfg;
	s->attach = attach;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->lost_counted = true;
	s->dump_chosen = s->cfg.stack_dump_bytes != 0;
	if (!s->dump_chosen)
		s->cfg.stack_dump_bytes = ap_perf_dump_for(s, UINT64_MAX);
	s->format.sample_type = AP_PERF_SAMPLE_BASE;
	s->format.user_chain = cfg->call_graph == AP_CALL_GRAPH_FP;
	if (cfg->call_graph != AP_CALL_GRAPH_NONE)
		s->format.sample_type |= PERF_SAMPLE_CALLCHAIN;
	if (cfg->call_graph == AP_CALL_GRAPH_AUTO || cfg->call_graph == AP_CALL_GRAPH_DWARF)
		s->format.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
	raise_file_limit();
	err = s->epoll_fd < 0 ? ap_why(why, errno, "epoll_create1: %s", strerror(errno)) : 0;
	if (!err)
		err = ap_perf_list_cpus(s, why);
	if (!err) {
		ap_perf_size_rings(s);
		err = ap_perf_choose_events(s, why);
	}
	if (!err)
		err = open_targets(s, why);
	if (!err)
		err = leave_descriptors(s, why);
	if (err) {
		ap_perf_free(s);
		return err;
	}
	qsort(s->ids, s->n_ids, sizeof *s->ids, by_id);
	s->format.ids = s->ids;
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
	own.max_memory = PROBE_RINGS;
	if (!own.all && !own.n_pids && !own.n_tids && !own.cgroup) {
		own.pids = &self;
		own.n_pids = 1;
	}
	own.frequency_hz = own.frequency_hz ? own.frequency_hz : own.period ? 0 : 99;
	if (!ap_perf_open(&own, &s, &ret_probe->why)) {
		ret_probe->usable = true;
		ap_why(&ret_probe->why, 0, "%s",
			s->events[0].user_only ? "user space only: the kernel part needs CAP_PERFMON; "
						 "run: " AP_SETCAP
					       : "");
	}
	ap_perf_free(s);
}
