/* A process and a thread are heap objects, so that pointers to them stay while others come and go; two tables lead from pid and tid to
 * them. The ended wait in a list in order of their end until no event can mean them any more (the tracker's grace), and all processes lie
 * in a list by use: at the bound the longest-ended goes first, then the least used. So a storm of short processes holds as many as end
 * within the grace. Add, find, end and forget are O(1). */
#include "proc/process.h"

#include "base/mem.h"

#include <string.h>

static bool number_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct ap_number_table *t = ctx;

	return t->v[slot].number == *(const uint32_t *)key;
}

static uint64_t number_hash_of(const void *ctx, uint32_t slot)
{
	return ap_hash_u64(((const struct ap_number_table *)ctx)->v[slot].number);
}

static void *table_find(const struct ap_number_table *t, uint32_t number)
{
	uint32_t slot = ap_index_find(&t->ix, ap_hash_u64(number), number_same, t, &number);

	return slot == (uint32_t)AP_INDEX_NONE ? NULL : t->v[slot].item;
}

/* False: out of memory. */
static bool table_add(struct ap_number_table *t, uint32_t number, void *item, uint32_t *ret_slot)
{
	bool again = t->n_free;
	uint32_t slot = again ? t->free_slots[t->n_free - 1] : (uint32_t)t->n;

	/* a place in the free list for every slot, so that removal cannot fail */
	if (!again && (!ap_grow(&t->v, &t->cap, t->n, sizeof *t->v) || !ap_grow(&t->free_slots, &t->cap_free, t->n, sizeof *t->free_slots)))
		return false;
	t->v[slot] = (struct ap_number_slot){.number = number, .item = item};
	if (ap_index_add(&t->ix, ap_hash_u64(number), slot, number_hash_of, t))
		return false;
	if (again)
		t->n_free--;
	else
		t->n++;
	*ret_slot = slot;
	return true;
}

static void table_remove(struct ap_number_table *t, uint32_t slot)
{
	ap_index_remove(&t->ix, ap_hash_u64(t->v[slot].number), slot);
	t->v[slot].item = NULL;
	t->free_slots[t->n_free++] = slot;
}

static void table_done(struct ap_number_table *t)
{
	ap_index_done(&t->ix);
	free(t->v);
	free(t->free_slots);
}

static void unlist_ended(struct ap_processes *ps, struct ap_task *t)
{
	if (!t->end_ns)
		return;
	*(t->older ? &t->older->newer : &ps->oldest) = t->newer;
	*(t->newer ? &t->newer->older : &ps->newest) = t->older;
}

static void unlist_used(struct ap_processes *ps, struct ap_proc *p)
{
	*(p->less ? &p->less->more : &ps->least) = p->more;
	*(p->more ? &p->more->less : &ps->most) = p->less;
}

static void list_used(struct ap_processes *ps, struct ap_proc *p)
{
	p->more = NULL;
	p->less = ps->most;
	*(p->less ? &p->less->more : &ps->least) = p;
	ps->most = p;
}

static void forget_task(struct ap_processes *ps, struct ap_task *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	if (!t->end_ns)
		t->proc->n_live--;
	unlist_ended(ps, t);
	table_remove(&ps->tids, t->slot);
	free(t);
}

static void forget(struct ap_processes *ps, struct ap_proc *p)
{
	while (p->tasks)
		forget_task(ps, p->tasks);
	unlist_used(ps, p);
	table_remove(&ps->pids, p->slot);
	if (p->maps && p->maps->owner == p)
		p->maps->owner = NULL;
	ap_maps_unref(p->maps);
	ap_about_done(&p->about);
	free(p);
	ps->n--;
}

void ap_processes_done(struct ap_processes *ps)
{
	while (ps->least)
		forget(ps, ps->least);
	table_done(&ps->pids);
	table_done(&ps->tids);
}

struct ap_proc *ap_processes_find(const struct ap_processes *ps, uint32_t pid)
{
	return table_find(&ps->pids, pid);
}

struct ap_task *ap_processes_task(const struct ap_processes *ps, uint32_t tid)
{
	return table_find(&ps->tids, tid);
}

static void make_room(struct ap_processes *ps)
{
	struct ap_proc *p = ps->least;

	if (ps->n < ps->max)
		return;
	if (ps->oldest && ps->oldest->proc->end_ns)
		p = ps->oldest->proc;
	ps->evicted++;
	forget(ps, p);
}

struct ap_proc *ap_processes_add(struct ap_processes *ps, uint32_t pid, uint64_t start_ns, const char comm[16])
{
	struct ap_proc *p = ap_processes_find(ps, pid);

	if (p)
		forget(ps, p);
	make_room(ps);
	p = calloc(1, sizeof *p);
	if (!p || !table_add(&ps->pids, pid, p, &p->slot)) {
		free(p);
		return NULL;
	}
	p->p.pid = pid;
	p->p.start_ns = start_ns;
	memcpy(p->p.comm, comm, sizeof p->p.comm);
	p->about.uid = p->user = -1;
	list_used(ps, p);
	ps->n++;
	ps->seen++;
	return p;
}

struct ap_task *ap_processes_add_task(struct ap_processes *ps, struct ap_proc *p, uint32_t tid, uint64_t start_ns, const char comm[16])
{
	struct ap_task *t = ap_processes_task(ps, tid);

	if (t)
		forget_task(ps, t);
	t = calloc(1, sizeof *t);
	if (!t || !table_add(&ps->tids, tid, t, &t->slot)) {
		free(t);
		return NULL;
	}
	t->t.tid = tid;
	t->t.start_ns = start_ns;
	memcpy(t->t.comm, comm, sizeof t->t.comm);
	t->proc = p;
	t->next = p->tasks;
	if (t->next)
		t->next->at = &t->next;
	t->at = &p->tasks;
	p->tasks = t;
	p->n_live++;
	p->end_ns = 0;
	ps->seen_tasks++;
	return t;
}

void ap_processes_touch(struct ap_processes *ps, struct ap_proc *p)
{
	if (ps->most == p)
		return;
	unlist_used(ps, p);
	list_used(ps, p);
}

void ap_processes_end_task(struct ap_processes *ps, struct ap_task *t, uint64_t time_ns)
{
	if (t->end_ns)
		return;
	t->end_ns = time_ns ? time_ns : 1;
	t->newer = NULL;
	t->older = ps->newest;
	*(t->older ? &t->older->newer : &ps->oldest) = t;
	ps->newest = t;
	if (!--t->proc->n_live)
		t->proc->end_ns = t->end_ns;
}

void ap_processes_reap(struct ap_processes *ps, uint64_t time_ns)
{
	while (ps->oldest && ps->oldest->end_ns < time_ns) {
		struct ap_proc *p = ps->oldest->proc;

		forget_task(ps, ps->oldest);
		if (p->end_ns && !p->tasks)
			forget(ps, p);
	}
}
