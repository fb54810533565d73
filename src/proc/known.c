/* Questions, and what /proc is asked to answer them: a pid that no event has introduced is scanned when it is first named. A scan is newer
 * than the events still under way, so its time is kept and events older than it do not overrule it. */
#include "proc/private.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct scan {
	struct ap_tracker *t;
	struct ap_proc *p;
};

static void found_mapping(void *ctx, const struct ap_maps_line *l)
{
	const struct scan *s = ctx;
	struct ap_layout_change c = {.m = {.start = l->start, .end = l->end, .file_offset = l->file_offset, .device_major = l->device_major,
		.device_minor = l->device_minor, .inode = l->inode, .path = l->path}};

	ap_layout_put(s->t, s->p, &c);
}

/* The first known mapping that reaches into [at, end), or NULL. */
static const struct ap_mapping *first_known(const struct ap_proc *p, uint64_t at, uint64_t end)
{
	for (size_t i = 0; p->maps && i < p->maps->n; i++)
		if (p->maps->v[i].m.end > at && p->maps->v[i].m.start < end)
			return &p->maps->v[i].m;
	return NULL;
}

/* The parts that no event told of; what events did tell of may be older than what lies there now, and goes for the events still to come. */
static void found_in_hole(void *ctx, const struct ap_maps_line *l)
{
	const struct scan *s = ctx;
	struct ap_maps_line part = *l;
	const struct ap_mapping *m;
	uint64_t next;

	for (; part.start < l->end; part.start = next) {
		m = first_known(s->p, part.start, l->end);
		part.end = m ? m->start : l->end;
		next = m && m->end < l->end ? m->end : l->end;
		part.file_offset = l->file_offset + (part.start - l->start);
		if (part.start < part.end)
			found_mapping(ctx, &part);
	}
}

static void found_task(void *ctx, uint32_t tid)
{
	const struct scan *s = ctx;
	struct ap_task *have = ap_processes_task(&s->t->ps, tid);
	struct ap_stat st;

	if (ap_scan_stat(s->t->proc, s->p->p.pid, tid, &st))
		return;
	if (!have || have->proc != s->p) {
		ap_processes_add_task(&s->t->ps, s->p, tid, st.start_ns, st.comm);
	} else if (strcmp(have->t.comm, st.comm)) {
		memcpy(have->t.comm, st.comm, sizeof have->t.comm);
		if (have->t.id)
			ap_say_task(s->t, have);
	}
}

void ap_known_maps(struct ap_tracker *t, struct ap_proc *p)
{
	struct scan s = {.t = t, .p = p};
	uint64_t now_ns = ap_now_ns();

	if (p->maps_known)
		return;
	p->maps_known = true;
	if (p->p.kernel || !p->p.pid || !ap_scan_maps(t->proc, p->p.pid, found_mapping, &s))
		p->scan_ns = now_ns;
}

void ap_known_holes(struct ap_tracker *t, struct ap_proc *p)
{
	struct scan s = {.t = t, .p = p};

	ap_scan_maps(t->proc, p->p.pid, found_in_hole, &s); /* gone: nothing is found */
}

int ap_tracker_scan(struct ap_tracker *t, uint32_t pid)
{
	struct ap_proc *p = ap_processes_find(&t->ps, pid);
	struct ap_stat st;
	char tasks[256];
	int r = ap_scan_stat(t->proc, pid, 0, &st);

	if (r < 0)
		return r;
	if (p && p->p.start_ns != st.start_ns) {
		ap_settle_start(t, p);
		if (p->p.start_ns != st.start_ns)
			p = NULL;
	}
	if (!p)
		p = ap_processes_add(&t->ps, pid, st.start_ns, st.comm);
	if (!p)
		return -ENOMEM;
	p->doubts = t->doubts;
	p->p.kernel = st.kernel;
	p->parent_pid = st.parent;
	p->start_settled = true;
	ap_known_maps(t, p);
	snprintf(tasks, sizeof tasks, "%s/%u/task", t->proc, pid);
	return ap_scan_numbers(tasks, found_task, &(struct scan){.t = t, .p = p});
}

static void found_process(void *ctx, uint32_t pid)
{
	ap_tracker_scan(ctx, pid);
}

int ap_tracker_scan_all(struct ap_tracker *t)
{
	return ap_scan_numbers(t->proc, found_process, t);
}

struct ap_proc *ap_known_process(struct ap_tracker *t, uint32_t pid)
{
	static const char idle[16] = "swapper", exited[16] = "[exited]", nameless[16];
	bool has_number = pid && pid != AP_NO_PID;
	struct ap_proc *p = ap_processes_find(&t->ps, pid);

	if (p)
		return ap_fresh_process(t, p);
	if (has_number)
		ap_tracker_scan(t, pid);
	p = ap_processes_find(&t->ps, pid);
	if (!p) {
		p = ap_processes_add(&t->ps, pid, 0, has_number ? nameless : pid ? exited : idle);
		if (p) {
			p->start_settled = p->maps_known = true;
			p->comm_unknown = has_number;
			p->p.kernel = !pid;
		}
	}
	return p;
}

const struct ap_process *ap_tracker_process(struct ap_tracker *t, uint32_t pid, uint64_t time_ns)
{
	struct ap_proc *p = ap_known_process(t, pid);

	(void)time_ns; /* events come in order of time, so the one known now is the one meant */
	if (!p)
		return NULL;
	ap_processes_touch(&t->ps, p);
	if (!p->p.id)
		ap_say_process(t, p);
	return p->p.id ? &p->p : NULL;
}

const struct ap_thread *ap_tracker_thread(struct ap_tracker *t, uint32_t pid, uint32_t tid, uint64_t time_ns)
{
	struct ap_task *task = ap_processes_task(&t->ps, tid);
	struct ap_stat st = {0};
	struct ap_proc *p;

	if (task && task->proc->p.pid == pid && task->t.id && task->proc->doubts == t->doubts) {
		ap_processes_touch(&t->ps, task->proc);
		return &task->t;
	}
	if (!ap_tracker_process(t, pid, time_ns))
		return NULL;
	p = ap_processes_find(&t->ps, pid);
	task = ap_processes_task(&t->ps, tid); /* the scan may have found it */
	if (!task || task->proc != p) {
		if (!pid || ap_scan_stat(t->proc, pid, tid, &st)) {
			st.start_ns = tid == pid ? p->p.start_ns : 0;
			memcpy(st.comm, p->p.comm, sizeof st.comm);
		}
		task = ap_processes_add_task(&t->ps, p, tid, st.start_ns, st.comm);
	}
	if (!task)
		return NULL;
	if (!task->t.id)
		ap_say_task(t, task);
	return task->t.id ? &task->t : NULL;
}

const struct ap_mapping *ap_tracker_find(struct ap_tracker *t, const struct ap_process *process, uint64_t address)
{
	struct ap_proc *p = (struct ap_proc *)process; /* its first member */
	struct ap_map_entry *e;

	if (!p->maps_known)
		ap_known_maps(t, p);
	if (!p->maps)
		return NULL;
	e = ap_maps_find(p->maps, address);
	if (!e && ap_fresh_after_miss(t, p) && p->maps)
		e = ap_maps_find(p->maps, address);
	if (!e || (e->m.id && p->maps->owner == p))
		return e ? &e->m : NULL;
	if (p->maps->owner != p) {
		if (!ap_layout_own(p))
			return NULL;
		e = ap_maps_find(p->maps, address);
	}
	ap_say_mapping(t, p, e, p->end_ns);
	return &e->m;
}

size_t ap_tracker_layout(struct ap_tracker *t, const struct ap_process *process, const struct ap_learned_mapping **ret_mappings, uint64_t *ret_version)
{
	struct ap_proc *p = (struct ap_proc *)process; /* its first member */
	size_t n = 0;

	if (!p->maps_known)
		ap_known_maps(t, p);
	for (; p->maps && n < p->maps->n; n++) {
		const struct ap_mapping *m = &p->maps->v[n].m;

		if (!ap_grow(&t->layout, &t->layout_cap, n, sizeof *t->layout))
			return 0;
		t->layout[n] = (struct ap_learned_mapping){.start = m->start, .end = m->end, .bias = m->bias, .binary = m->binary->id};
	}
	*ret_mappings = t->layout;
	*ret_version = p->maps_version;
	return n;
}

const struct ap_mapping *ap_tracker_find_kernel(struct ap_tracker *t, uint64_t address)
{
	struct ap_map_entry *e = ap_kernel_find(t->kernel, address, t->now_ns);

	if (!e)
		return NULL;
	ap_say_binary(t, e->m.binary);
	return &e->m;
}
