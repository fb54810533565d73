/* Events in. Each changes one process; a fork costs two small allocations and shares the parent's mappings, and reads nothing but of a
 * parent that nothing has named yet. What has ended is kept for a grace, since events of other CPUs that are a little late may still mean
 * it. */
#include "proc/private.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { PROCESSES_MAX = 1 << 16, FILES_RESERVED = 64 };
static const char NO_PROC[] = "/proc/none"; /* never there */
static const uint64_t grace_ns = 1000000000, tick_ns = 10000000, scan_race_ns = 30000000;

/* Every binary holds a descriptor, so the soft limit goes up to the hard one; some are left to the rest of the program. */
static size_t files_limit(size_t wanted)
{
	struct rlimit l = {.rlim_cur = 1024};

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < l.rlim_max) {
		rlim_t old = l.rlim_cur;

		l.rlim_cur = l.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &l))
			l.rlim_cur = old;
	}
	if (wanted)
		return wanted;
	return l.rlim_cur > 2 * FILES_RESERVED ? (size_t)l.rlim_cur - FILES_RESERVED : (size_t)l.rlim_cur / 2;
}

int ap_tracker_new(const struct ap_tracker_config *cfg, struct ap_tracker **ret_tracker, struct ap_why *why)
{
	struct ap_tracker *t = calloc(1, sizeof *t);
	const char *proc = cfg->proc ? cfg->proc : "/proc";
	struct ap_buf boot = {0};
	int r = -ENOMEM;

	if (!t)
		return ap_why(why, ENOMEM, "out of memory");
	t->rows = cfg->rows;
	t->ps.max = cfg->max_processes ? cfg->max_processes : PROCESSES_MAX;
	t->boot_offset = (int64_t)(ap_now_boottime_ns() - ap_now_ns());
	t->proc = strdup(cfg->replayed ? NO_PROC : proc);
	t->replayed = cfg->replayed;
	if (!ap_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &boot) && boot.len >= 8)
		memcpy(t->boot, boot.data, 8);
	ap_buf_done(&boot);
	if (t->proc)
		r = ap_binaries_new(t->proc, files_limit(cfg->max_open_files), &t->binaries);
	if (!r)
		r = ap_kernel_new(t->binaries, proc, "/sys", &t->kernel);
	if (r < 0) {
		ap_tracker_free(t);
		return ap_why(why, -r, "out of memory");
	}
	*ret_tracker = t;
	return 0;
}

struct ap_tracker *ap_tracker_free(struct ap_tracker *t)
{
	if (!t)
		return NULL;
	ap_processes_done(&t->ps);
	ap_kernel_free(t->kernel);
	ap_binaries_free(t->binaries);
	ap_row_ids_done(&t->process_ids);
	ap_row_ids_done(&t->thread_ids);
	free(t->binary_said);
	free(t->layout);
	free(t->proc);
	free(t);
	return NULL;
}

uint64_t ap_boot_time_ns(const struct ap_tracker *t, uint64_t time_ns)
{
	return (time_ns + (uint64_t)t->boot_offset) / tick_ns * tick_ns;
}

static void end_task(struct ap_tracker *t, struct ap_task *task, uint64_t time_ns)
{
	struct ap_proc *p = task->proc;

	ap_processes_end_task(&t->ps, task, time_ns);
	if (task->t.id)
		ap_say_task(t, task);
	if (!p->end_ns)
		return;
	ap_layout_end(t, p);
	if (p->p.id)
		ap_say_process(t, p);
}

/* A scan may have found the child before its FORK event came; it is then known already, and better. */
static bool known_by_scan(const struct ap_proc *p, uint64_t start_ns)
{
	return p && p->scan_ns && !p->end_ns && start_ns - p->p.start_ns + scan_race_ns <= 2 * scan_race_ns;
}

/* The kernel copies the thread that forks, its name with it; that need not be the leader's. */
static void inherit_comm(const struct ap_tracker *t, struct ap_proc *p, const struct ap_proc *parent, uint32_t parent_tid)
{
	const struct ap_task *task = ap_processes_task(&t->ps, parent_tid);
	const char *comm = task && task->proc == parent && task->t.comm[0] ? task->t.comm : parent->p.comm;

	memcpy(p->p.comm, comm, sizeof p->p.comm);
	memcpy(p->tasks->t.comm, comm, sizeof p->tasks->t.comm);
	p->comm_unknown = parent->comm_unknown && !comm[0];
}

static void fork_process(struct ap_tracker *t, const struct ap_fork *f, uint64_t start_ns)
{
	static const char none[16];
	struct ap_proc *p = ap_processes_find(&t->ps, f->h.pid), *parent;

	if (known_by_scan(p, start_ns))
		return;
	if (!ap_processes_find(&t->ps, f->parent_pid))
		ap_tracker_scan(t, f->parent_pid); /* gone: the child is known by its fork alone */
	p = ap_processes_add(&t->ps, f->h.pid, start_ns, none);
	if (!p || !ap_processes_add_task(&t->ps, p, f->h.tid, start_ns, none))
		return;
	p->fork_ns = f->h.time_ns;
	p->parent_pid = f->parent_pid;
	p->comm_unknown = true;
	parent = ap_processes_find(&t->ps, f->parent_pid); /* after the child was added: room may have been made at its cost */
	if (!parent)
		return;
	inherit_comm(t, p, parent, f->parent_tid);
	p->p.kernel = parent->p.kernel;
	p->p.compat = parent->p.compat;
	p->user = parent->user;
	p->doubts = parent->doubts;
	p->maps_known = parent->maps_known;
	if (parent->maps)
		p->maps = ap_maps_ref(parent->maps);
}

static void fork_thread(struct ap_tracker *t, const struct ap_fork *f, uint64_t start_ns)
{
	const struct ap_task *have = ap_processes_task(&t->ps, f->h.tid), *parent;
	struct ap_proc *p = ap_processes_find(&t->ps, f->h.pid);
	char comm[16];

	if (!p || (have && have->proc == p && !have->end_ns && known_by_scan(p, p->p.start_ns)))
		return; /* an unknown process is scanned when something refers to it */
	parent = ap_processes_task(&t->ps, f->parent_tid);
	memcpy(comm, parent ? parent->t.comm : p->p.comm, sizeof comm);
	ap_processes_add_task(&t->ps, p, f->h.tid, start_ns, comm);
}

static void put_fork(struct ap_tracker *t, const struct ap_fork *f)
{
	uint64_t start_ns = ap_boot_time_ns(t, f->h.time_ns);

	if (f->h.pid == f->parent_pid)
		fork_thread(t, f, start_ns);
	else
		fork_process(t, f, start_ns);
}

static void put_comm(struct ap_tracker *t, const struct ap_comm *c)
{
	struct ap_task *task = ap_processes_task(&t->ps, c->h.tid);
	struct ap_proc *p = ap_processes_find(&t->ps, c->h.pid);

	if (task && task->proc == p && memcmp(task->t.comm, c->comm, sizeof task->t.comm)) {
		memcpy(task->t.comm, c->comm, sizeof task->t.comm);
		if (task->t.id)
			ap_say_task(t, task);
	}
	if (p && c->h.tid == c->h.pid && (p->comm_unknown || memcmp(p->p.comm, c->comm, sizeof p->p.comm))) {
		memcpy(p->p.comm, c->comm, sizeof p->p.comm);
		p->comm_unknown = false;
		if (p->p.id)
			ap_say_process(t, p);
	}
}

static void put_exec(struct ap_tracker *t, const struct ap_comm *c)
{
	struct ap_proc *p = ap_processes_find(&t->ps, c->h.pid);
	const struct ap_task *leader;

	if (!p)
		p = ap_processes_add(&t->ps, c->h.pid, 0, c->comm);
	if (!p)
		return;
	leader = ap_processes_task(&t->ps, c->h.pid);
	if (!leader || leader->end_ns) /* ended: another thread called exec, and has taken the leader's place and number */
		ap_processes_add_task(&t->ps, p, c->h.pid, p->p.start_ns, c->comm);
	for (struct ap_task *task = p->tasks; task; task = task->next)
		if (task->t.tid != c->h.pid && !task->end_ns)
			end_task(t, task, c->h.time_ns);
	if (p->scan_ns <= c->h.time_ns) /* else the mappings found are the new program's already */
		ap_layout_drop(t, p, c->h.time_ns);
	p->exec_ns = c->h.time_ns;
	p->maps_known = true;
	p->user_next_ns = 0;
	p->p.kernel = false;
	if (p->p.id)
		ap_about_done(&p->about); /* to be asked again: it has other arguments now */
	put_comm(t, c);
}

static void put_mmap(struct ap_tracker *t, const struct ap_mmap *m)
{
	struct ap_proc *p = ap_known_process(t, m->h.pid);
	uint64_t end = m->start + m->length;
	struct ap_layout_change c = {.time_ns = m->h.time_ns,
		.m = {.start = m->start,
			.end = end,
			.file_offset = m->file_offset,
			.device_major = m->device_major,
			.device_minor = m->device_minor,
			.inode = m->inode,
			.generation = m->inode_generation,
			.build_id = m->build_id,
			.build_id_size = m->build_id_size,
			.path = m->path}};

	if (!p || end < m->start)
		return;
	if (p->scan_ns > m->h.time_ns && p->maps && ap_maps_overlap(p->maps, m->start, end))
		return; /* what lies there is newer */
	if (m->protection && !(m->protection & PROT_EXEC))
		ap_layout_clear(t, p, m->start, end, m->h.time_ns);
	else
		ap_layout_put(t, p, &c);
}

static void put_exit(struct ap_tracker *t, const struct ap_event *e)
{
	struct ap_task *task = ap_processes_task(&t->ps, e->tid);

	/* one of an earlier life of this tid, from before a scan found the present one */
	if (!task || task->proc->p.pid != e->pid || ap_boot_time_ns(t, e->time_ns) < task->t.start_ns)
		return;
	if (e->size >= sizeof(struct ap_fork))
		ap_learn_parent(t, task->proc, ((const struct ap_fork *)e)->parent_pid);
	end_task(t, task, e->time_ns);
}

void ap_tracker_put(struct ap_tracker *t, const struct ap_event *e)
{
	if (e->time_ns > t->now_ns)
		t->now_ns = e->time_ns;
	if (t->now_ns > grace_ns)
		ap_processes_reap(&t->ps, t->now_ns - grace_ns);
	switch (e->kind) {
	case AP_EVENT_MMAP:
		put_mmap(t, (const struct ap_mmap *)e);
		break;
	case AP_EVENT_COMM:
		put_comm(t, (const struct ap_comm *)e);
		break;
	case AP_EVENT_FORK:
		put_fork(t, (const struct ap_fork *)e);
		break;
	case AP_EVENT_EXEC:
		put_exec(t, (const struct ap_comm *)e);
		break;
	case AP_EVENT_EXIT:
		put_exit(t, e);
		break;
	case AP_EVENT_CLOCK:
		t->boot_offset = (int64_t)(((const struct ap_clock *)e)->boottime_ns - e->time_ns);
		break;
	default:
		break;
	}
}

size_t ap_tracker_binaries(const struct ap_tracker *t, struct ap_binary *const **ret_binaries)
{
	return ap_binaries_all(t->binaries, ret_binaries);
}

void ap_tracker_stats(const struct ap_tracker *t, struct ap_tracker_stats *ret_stats)
{
	struct ap_binary *const *all;

	*ret_stats = (struct ap_tracker_stats){.processes = t->ps.seen,
		.threads = t->ps.seen_tasks,
		.mappings = t->n_mappings,
		.binaries = ap_binaries_all(t->binaries, &all),
		.evicted = t->ps.evicted,
		.unopened = ap_binaries_unopened(t->binaries)};
}
