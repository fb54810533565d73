/* User addresses come from the unwinder, or from the source that has walked by itself; each becomes an interned frame (binary, ELF-relative
 * address), and the frames, root first, one stack id. */
#include "record/walk.h"

#include "base/mem.h"
#include "unwind/unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

void ap_walk_done(struct ap_walk *w)
{
	free(w->bias);
	free(w->seen_ns);
	free(w->samples);
}

static void find_site(void *ctx, uint64_t address, struct ap_unwind_site *ret_site)
{
	struct ap_walk *w = ctx;
	const struct ap_mapping *m = ap_tracker_find(w->tracker, w->process, address);

	memset(ret_site, 0, sizeof *ret_site);
	if (!m) {
		ret_site->kind = AP_SITE_NOTHING;
		ret_site->end = AP_STACK_END_UNMAPPED;
		return;
	}
	if (!ap_tables_site(w->tables, m->binary, w->now, ret_site)) {
		w->waits |= !w->cut;
		ret_site->end = AP_STACK_END_TABLE_LATE;
	}
	ap_teach_met(w->teach, m->binary);
	ret_site->bias = m->bias;
	ret_site->start = m->start;
	ret_site->end_address = m->end;
}

static size_t read_live(void *ctx, uint64_t address, void *ret_bytes, size_t n)
{
	const struct ap_walk *w = ctx;
	struct iovec here = {ret_bytes, n}, there = {(void *)(uintptr_t)address, n};
	ssize_t got = process_vm_readv((pid_t)w->process->pid, &here, 1, &there, 1, 0);

	return got < 0 ? 0 : (size_t)got; /* gone, or not ours to read: the stack ends with the dump */
}

static void remember_bias(struct ap_walk *w, const struct ap_mapping *m)
{
	uint64_t *v;

	while (w->n_bias < m->binary->id) {
		v = ap_grow(&w->bias, &w->bias_cap, w->n_bias, sizeof *v);
		if (!v)
			return;
		v[w->n_bias++] = 0;
	}
	w->bias[m->binary->id - 1] = m->bias;
}

uint64_t ap_walk_bias(const struct ap_walk *w, uint32_t binary_id)
{
	return binary_id && binary_id <= w->n_bias ? w->bias[binary_id - 1] : 0;
}

static void remember_seen(struct ap_walk *w, uint32_t frame_id)
{
	uint64_t *v;

	while (w->n_seen < frame_id) {
		v = ap_grow(&w->seen_ns, &w->seen_cap, w->n_seen, sizeof *v);
		if (!v)
			return;
		v[w->n_seen++] = 0;
	}
	w->seen_ns[frame_id - 1] = w->time_ns;
}

uint64_t ap_walk_seen_ns(const struct ap_walk *w, uint32_t frame_id)
{
	return frame_id && frame_id <= w->n_seen ? w->seen_ns[frame_id - 1] : 0;
}

void ap_walk_count(struct ap_walk *w)
{
	uint64_t *v;

	while (w->n_samples < ap_stacks_frame_count(w->stacks)) {
		v = ap_grow(&w->samples, &w->samples_cap, w->n_samples, sizeof *v);
		if (!v)
			return;
		v[w->n_samples++] = 0;
	}
	for (size_t i = 0; i < w->n_path; i++)
		w->samples[w->path[i] - 1]++;
}

uint64_t ap_walk_samples(const struct ap_walk *w, uint32_t frame_id)
{
	return frame_id && frame_id <= w->n_samples ? w->samples[frame_id - 1] : 0;
}

static int intern(struct ap_walk *w, uint64_t address, bool kernel, uint32_t *ret_frame)
{
	const struct ap_mapping *m =
		kernel ? ap_tracker_find_kernel(w->tracker, address) : ap_tracker_find(w->tracker, w->process, address);
	struct ap_frame f = {.kind = AP_FRAME_UNKNOWN, .address = address};
	int err;

	if (m) {
		f.executable = m->binary->id;
		f.address = address - m->bias;
		f.kind = kernel ? AP_FRAME_KERNEL : m->binary->kind == AP_BINARY_JIT ? AP_FRAME_JIT : AP_FRAME_USER;
		if (kernel)
			remember_bias(w, m);
	} else if (kernel) {
		f.kind = AP_FRAME_KERNEL;
	}
	err = ap_stacks_frame(w->stacks, &f, ret_frame);
	if (!err && f.kind == AP_FRAME_JIT)
		remember_seen(w, *ret_frame);
	return err;
}

/* Every user address of the sample, leaf first, and why the stack ends. */
static const uint64_t *user_part(struct ap_walk *w, const struct ap_sample *s, size_t *ret_n, enum ap_stack_end *ret_end)
{
	struct ap_sample_view v;
	struct ap_unwind_request rq;

	ap_sample_view(s, &v);
	if (!v.regs) {
		*ret_n = s->n_user < AP_WALK_FRAMES_MAX ? s->n_user : AP_WALK_FRAMES_MAX;
		*ret_end = s->end;
		return v.user;
	}
	if (s->h.flags & AP_SAMPLE_COMPAT) {
		w->addresses[0] = v.regs->r[AP_REG_PC];
		*ret_n = 1;
		*ret_end = AP_STACK_END_COMPAT;
		return w->addresses;
	}
	rq = (struct ap_unwind_request){
		.regs = v.regs, .stack = v.stack, .stack_size = s->stack_size, .find = find_site, .read = read_live, .ctx = w};
	*ret_n = ap_unwind(&rq, w->addresses, AP_UNWIND_DEPTH_MAX, ret_end);
	if ((*ret_end == AP_STACK_END_UNMAPPED || *ret_end == AP_STACK_END_DUMP_ENDED) && s->n_kernel && !s->stack_size) {
		/* inside exec or exit: the program's memory is gone, and its stack with it; what there is came from registers alone */
		*ret_n = 0;
		*ret_end = AP_STACK_END_KERNEL_ONLY;
	}
	return w->addresses;
}

static bool is_whole(enum ap_stack_end end)
{
	return end == AP_STACK_END_COMPLETE || end == AP_STACK_END_KERNEL_ONLY || end == AP_STACK_END_NONE;
}

int ap_walk_stack(struct ap_walk *w, const struct ap_process *process, const struct ap_sample *s, bool *ret_whole, uint32_t *ret_stack)
{
	const struct ap_frame cut_kind = {.kind = AP_FRAME_CUT};
	struct ap_frame cut = cut_kind;
	struct ap_sample_view v;
	enum ap_stack_end end;
	const uint64_t *user;
	size_t n_user, n = 0, i;
	int err = 0;

	w->process = process;
	w->time_ns = s->h.time_ns;
	ap_sample_view(s, &v);
	w->waits = false;
	user = user_part(w, s, &n_user, &end);
	if (w->waits)
		return -EAGAIN;
	*ret_whole = is_whole(end);
	if (!*ret_whole) {
		cut.address = end;
		err = ap_stacks_frame(w->stacks, &cut, &w->path[n++]);
	}
	for (i = n_user; !err && i-- > 0 && n < AP_WALK_FRAMES_MAX;)
		err = intern(w, user[i], false, &w->path[n++]);
	for (i = s->n_kernel; !err && i-- > 0 && n < AP_WALK_FRAMES_MAX;)
		err = intern(w, v.kernel[i], true, &w->path[n++]);
	if (err)
		return err;
	w->n_path = n;
	return ap_stacks_path(w->stacks, w->path, n, ret_stack);
}
