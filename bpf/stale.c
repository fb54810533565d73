/* A ring of changes in order of time. A frame's caller is found by the rule of the frame's address alone: so up to the first address in a
 * mapping that is newer than the block, and that address itself, a stack is right. Events come in order of time, so that a change can only
 * concern samples that come within STALE_NS: by then the block that has it was published. */
#include "bpf/stale.h"

static const uint64_t STALE_NS = 2000000000;

static struct ap_bpf_change *at(struct ap_bpf_stale *t, size_t i)
{
	return &t->v[(t->first + i) % AP_BPF_STALE_MAX];
}

static uint16_t *of_pid(struct ap_bpf_stale *t, uint32_t pid)
{
	return &t->of_pids[pid % AP_BPF_STALE_PIDS];
}

static void drop_first(struct ap_bpf_stale *t)
{
	--*of_pid(t, at(t, 0)->pid);
	t->first = (t->first + 1) % AP_BPF_STALE_MAX;
	t->n--;
}

static void drop_old(struct ap_bpf_stale *t, uint64_t now_ns)
{
	while (t->n && at(t, 0)->time_ns + STALE_NS < now_ns)
		drop_first(t);
}

void ap_bpf_stale_note(struct ap_bpf_stale *t, const struct ap_mmap *m, uint32_t generation)
{
	drop_old(t, m->h.time_ns);
	if (t->n == AP_BPF_STALE_MAX) {
		t->forgotten++;
		drop_first(t);
	}
	*at(t, t->n++) = (struct ap_bpf_change){
		.time_ns = m->h.time_ns, .start = m->start, .end = m->start + m->length, .pid = m->h.pid, .generation = generation};
	++*of_pid(t, m->h.pid);
}

static void cut_at(struct ap_sample *s, const struct ap_bpf_change *c)
{
	struct ap_sample_view v;

	ap_sample_view(s, &v);
	for (uint16_t i = 0; i < s->n_user; i++) {
		if (v.user[i] < c->start || v.user[i] >= c->end)
			continue;
		s->n_user = (uint16_t)(i + 1);
		s->h.size = (uint32_t)ap_sample_size(s->n_kernel, s->n_user, false, 0);
		s->end = AP_STACK_END_REPLACED;
		return;
	}
}

void ap_bpf_stale_cut(struct ap_bpf_stale *t, struct ap_sample *s, uint32_t generation)
{
	uint16_t whole = s->n_user;

	drop_old(t, s->h.time_ns);
	if (!*of_pid(t, s->h.pid))
		return;
	for (size_t i = 0; i < t->n; i++)
		if (at(t, i)->pid == s->h.pid && at(t, i)->generation >= generation && at(t, i)->time_ns <= s->h.time_ns)
			cut_at(s, at(t, i));
	t->cut += s->n_user != whole;
}
