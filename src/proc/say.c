/* Rows. Nothing is said of a process before something refers to it: a storm of short processes that were never sampled leaves no row.
 * Saying a process says its parents first, as far as they are known, and asks /proc, once, who it is. */
#include "proc/private.h"

#include "base/mem.h"

#include <string.h>

static const uint64_t same_start_ns = 1000000000;

static bool key_same(const void *ctx, uint32_t slot, const void *key)
{
	return !memcmp(&((const struct ap_row_ids *)ctx)->v[slot], key, sizeof(struct ap_row_key));
}

static uint64_t key_hash_of(const void *ctx, uint32_t slot)
{
	const struct ap_row_key *k = &((const struct ap_row_ids *)ctx)->v[slot];

	return ap_hash_pair(k->a, k->b);
}

uint32_t ap_row_ids_get(struct ap_row_ids *ids, struct ap_row_key key)
{
	uint64_t hash = ap_hash_pair(key.a, key.b);
	uint32_t slot = ap_index_find(&ids->ix, hash, key_same, ids, &key);

	if (slot != (uint32_t)AP_INDEX_NONE)
		return slot + 1;
	if (!ap_grow(&ids->v, &ids->cap, ids->n, sizeof *ids->v))
		return 0;
	ids->v[ids->n] = key;
	if (ap_index_add(&ids->ix, hash, (uint32_t)ids->n, key_hash_of, ids))
		return 0;
	return (uint32_t)++ids->n;
}

void ap_row_ids_done(struct ap_row_ids *ids)
{
	ap_index_done(&ids->ix);
	free(ids->v);
}

void ap_say_binary(struct ap_tracker *t, const struct ap_binary *b)
{
	size_t old = t->cap_said;

	while (t->cap_said <= b->id)
		if (!ap_grow(&t->binary_said, &t->cap_said, t->cap_said, 1))
			return;
	memset(t->binary_said + old, 0, t->cap_said - old);
	if (t->binary_said[b->id])
		return;
	t->binary_said[b->id] = 1;
	if (t->rows.binary)
		t->rows.binary(t->rows.ctx, b);
}

static void set_comm(struct ap_proc *p, const char comm[16])
{
	memcpy(p->p.comm, comm, sizeof p->p.comm);
	for (struct ap_task *task = p->tasks; task; task = task->next)
		if (!task->t.comm[0])
			memcpy(task->t.comm, comm, sizeof task->t.comm);
	p->comm_unknown = false;
}

/* The start time as /proc has it, which a FORK event tells to within a tick. A start far from ours is another process of the same pid. */
void ap_settle_start(struct ap_tracker *t, struct ap_proc *p)
{
	struct ap_stat st;

	if (p->start_settled)
		return;
	p->start_settled = true;
	if (!p->p.pid || ap_scan_stat(t->proc, p->p.pid, 0, &st))
		return;
	if (p->p.start_ns && st.start_ns - p->p.start_ns + same_start_ns > 2 * same_start_ns)
		return;
	p->p.start_ns = st.start_ns;
	p->p.kernel = st.kernel;
	if (p->comm_unknown)
		set_comm(p, st.comm);
	if (!p->parent_pid)
		p->parent_pid = st.parent;
	for (struct ap_task *task = p->tasks; task; task = task->next)
		if (task->t.tid == p->p.pid && !task->t.id)
			task->t.start_ns = st.start_ns;
}

/* A process that is gone already was in its parent's cgroup and of its parent's user, more likely than not. */
static void inherit_about(struct ap_proc *p, const struct ap_proc *parent)
{
	char *cgroup = parent && parent->about.cgroup ? strdup(parent->about.cgroup) : NULL;
	char *container = parent && parent->about.container ? strdup(parent->about.container) : NULL;

	if (cgroup && container) {
		free(p->about.cgroup);
		free(p->about.container);
		p->about.cgroup = cgroup;
		p->about.container = container;
		p->about.uid = parent->about.uid;
		return;
	}
	free(cgroup);
	free(container);
}

/* Until when its parent was its parent: what has the pid and is younger is another. Of what was never seen to start, its end is known. */
static uint64_t known_until(const struct ap_tracker *t, const struct ap_proc *p)
{
	return p->p.start_ns ? p->p.start_ns : ap_boot_time_ns(t, p->end_ns ? p->end_ns : t->now_ns);
}

/* A process that is gone, and whose parent no event introduced, ran under its parent's name for all that is known. The parent is only read,
 * not added: adding it may cost the place of the process at hand. Init may have adopted what was not seen to start, and its name says
 * nothing then. */
static void look_for_comm(struct ap_tracker *t, struct ap_proc *p, const struct ap_proc *parent)
{
	enum { INIT = 1 };
	struct ap_stat st;

	if (p->parent_pid == INIT && !p->p.start_ns)
		return;
	if (parent && !parent->comm_unknown)
		set_comm(p, parent->p.comm);
	else if (p->parent_pid && !ap_scan_stat(t->proc, p->parent_pid, 0, &st) && st.start_ns <= known_until(t, p))
		set_comm(p, st.comm);
}

static void ask_about(struct ap_tracker *t, struct ap_proc *p, const struct ap_proc *parent)
{
	struct ap_stat st;
	bool ours = p->p.pid && !ap_scan_stat(t->proc, p->p.pid, 0, &st) && st.start_ns == p->p.start_ns;

	ap_about_done(&p->about);
	if (ours)
		ap_scan_about(t->proc, p->p.pid, &p->about);
	if (p->about.uid < 0)
		inherit_about(p, parent);
}

static struct ap_proc *parent_of(const struct ap_tracker *t, const struct ap_proc *p)
{
	struct ap_proc *parent = p->parent_pid && p->parent_pid != p->p.pid ? ap_processes_find(&t->ps, p->parent_pid) : NULL;

	/* the pid may have been given to a younger process since */
	return parent && parent->p.start_ns <= known_until(t, p) ? parent : NULL;
}

/* It ran before the recording and was gone before its first sample was read, so that its end is all that is known of it: the name is its
 * parent's, as after a fork. Older kernels say that it is its own parent. */
void ap_learn_parent(struct ap_tracker *t, struct ap_proc *p, uint32_t parent_pid)
{
	if (p->parent_pid || p->p.start_ns || !parent_pid || parent_pid == AP_NO_PID || parent_pid == p->p.pid)
		return;
	p->parent_pid = parent_pid;
	if (p->comm_unknown)
		look_for_comm(t, p, parent_of(t, p));
}

static void emit_process(struct ap_tracker *t, const struct ap_proc *p, const struct ap_proc *parent)
{
	if (t->rows.process)
		t->rows.process(t->rows.ctx, &p->p, parent ? parent->p.id : 0, p->about.uid, p->about.cmdline ? p->about.cmdline : "",
			p->about.cgroup ? p->about.cgroup : "", p->about.container ? p->about.container : "", p->end_ns);
}

static void say_one(struct ap_tracker *t, struct ap_proc *p)
{
	struct ap_proc *parent = parent_of(t, p);
	bool first = !p->p.id;

	if (first) {
		p->p.id = ap_row_ids_get(&t->process_ids, (struct ap_row_key){.a = p->p.pid, .b = p->p.start_ns});
		if (!p->p.id)
			return;
	}
	if (p->comm_unknown)
		look_for_comm(t, p, parent);
	if (!p->about.cmdline)
		ask_about(t, p, parent);
	emit_process(t, p, parent);
	if (first && p->exec_ns)
		ap_say_exec(t, p);
}

void ap_say_process(struct ap_tracker *t, struct ap_proc *p)
{
	enum { ANCESTORS_MAX = 64 };
	struct ap_proc *line[ANCESTORS_MAX], *parent;
	size_t n = 0;

	ap_settle_start(t, p);
	for (line[n++] = p; n < ANCESTORS_MAX && (parent = parent_of(t, line[n - 1])) && !parent->p.id; line[n++] = parent)
		ap_settle_start(t, parent);
	while (n--)
		say_one(t, line[n]);
}

void ap_say_exec(struct ap_tracker *t, const struct ap_proc *p)
{
	if (p->exe)
		ap_say_binary(t, p->exe);
	if (t->rows.exec)
		t->rows.exec(t->rows.ctx, &p->p, p->exec_ns, p->exe ? p->exe->id : 0, p->p.comm, p->about.cmdline ? p->about.cmdline : "");
}

void ap_say_task(struct ap_tracker *t, struct ap_task *task)
{
	if (!task->proc->p.id)
		ap_say_process(t, task->proc);
	if (!task->proc->p.id)
		return;
	if (!task->t.id) {
		task->t.process_id = task->proc->p.id;
		task->t.id = ap_row_ids_get(&t->thread_ids,
			(struct ap_row_key){.a = (uint64_t)task->t.process_id << 32 | task->t.tid, .b = task->t.start_ns});
		if (!task->t.id)
			return;
	}
	if (t->rows.thread)
		t->rows.thread(t->rows.ctx, &task->t, task->end_ns);
}

void ap_say_mapping(struct ap_tracker *t, struct ap_proc *p, struct ap_map_entry *e, uint64_t to_ns)
{
	if (!p->p.id)
		ap_say_process(t, p);
	ap_say_binary(t, e->m.binary);
	if (!e->m.id)
		e->m.id = ++t->n_mapping_ids;
	if (t->rows.mapping)
		t->rows.mapping(t->rows.ctx, &p->p, &e->m, e->from_ns, to_ns);
}
