/* A source asks by sending a sample with its registers and stack. What the sample's own unwinding needed is what the source lacked. Refusals
 * (no room) are the source's to count: it goes on asking, and its samples are unwound here. */
#include "record/teach.h"

#include <string.h>

void ap_teach_met(struct ap_teach *t, const struct ap_binary *b)
{
	for (size_t i = 0; i < t->n_binaries; i++)
		if (t->binaries[i] == b->id)
			return;
	if (t->ops && t->n_binaries < AP_TEACH_BINARIES)
		t->binaries[t->n_binaries++] = b->id;
}

static void teach_binary(struct ap_teach *t, uint32_t id)
{
	struct ap_learned what = {.kind = AP_LEARNED_BINARY, .binary = id};
	struct ap_binary *const *all;
	struct ap_unwind_site site;

	if (id > ap_tracker_binaries(t->tracker, &all))
		return;
	memset(&site, 0, sizeof site);
	if (!ap_tables_site(t->tables, all[id - 1], false, &site))
		return; /* a later sample asks again */
	what.table = site.table;
	what.end = site.end;
	what.unwind = site.kind == AP_SITE_TABLE ? AP_LEARNED_TABLE : site.kind == AP_SITE_NO_TABLE ? AP_LEARNED_FRAME_POINTERS : AP_LEARNED_NOTHING;
	t->ops->learn(t->source, &what);
}

static void teach_process(struct ap_teach *t, uint32_t pid, uint64_t time_ns)
{
	struct ap_learned what = {.kind = AP_LEARNED_PROCESS, .pid = pid};
	const struct ap_process *p = ap_tracker_process(t->tracker, pid, time_ns);

	if (!p || p->compat)
		return;
	what.n_mappings = ap_tracker_layout(t->tracker, p, &what.mappings, &what.version);
	if (what.n_mappings)
		t->ops->learn(t->source, &what);
}

void ap_teach_sample(struct ap_teach *t, uint32_t pid, uint64_t time_ns)
{
	if (!t->ops)
		return;
	for (size_t i = 0; i < t->n_binaries; i++)
		teach_binary(t, t->binaries[i]);
	t->n_binaries = 0;
	teach_process(t, pid, time_ns);
}

static void mark_dirty(struct ap_teach *t, uint32_t pid)
{
	for (size_t i = 0; i < t->n_dirty; i++)
		if (t->dirty[i] == pid)
			return;
	if (t->n_dirty == AP_TEACH_DIRTY)
		ap_teach_flush(t);
	t->dirty[t->n_dirty++] = pid;
}

void ap_teach_event(struct ap_teach *t, const struct ap_event *e)
{
	struct ap_learned gone = {.kind = AP_LEARNED_GONE, .pid = e->pid};

	if (!t->ops)
		return;
	if (e->kind == AP_EVENT_EXEC || (e->kind == AP_EVENT_EXIT && e->pid == e->tid))
		t->ops->learn(t->source, &gone);
	else if (e->kind == AP_EVENT_MMAP)
		mark_dirty(t, e->pid);
}

/* Only those that the source knew already: the others ask when they have a sample. */
void ap_teach_flush(struct ap_teach *t)
{
	struct ap_learned what = {.kind = AP_LEARNED_CHANGED};

	for (size_t i = 0; i < t->n_dirty; i++) {
		what.pid = t->dirty[i];
		if (t->ops->learn(t->source, &what) > 0)
			teach_process(t, t->dirty[i], 0);
	}
	t->n_dirty = 0;
}
