/* The on-CPU sampler: one hit of a perf event, the kernel's stack, the user's stack unwound on the spot, one record in the ring. */
#include "bpf/vmlinux_min.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "bpf/arch.bpf.h"
#include "bpf/dump.bpf.h"
#include "bpf/unwind.bpf.h"
#include "bpf/tasks.bpf.h"

/* FRAMES_A_CALL: a return costs as much as a frame's loads where the processor must not guess where it goes (SRSO, retbleed). */
enum { PF_KTHREAD = 0x00200000, FRAMES_A_CALL = 4, FRAMES_A_TURN = 32 };

struct frame_ctx {
	struct scratch *s;
	struct ap_bpf_cache *cache;
};

static long on_frames(uint32_t i, struct frame_ctx *c)
{
#pragma clang loop unroll(disable)
	for (int k = 0; k < FRAMES_A_CALL; k++)
		if (one_frame(c->s, c->cache))
			return 1;
	return 0;
}

/* Before 5.17 there is no bpf_loop. A function that is not static is verified once, not at each call, so that plain loops over it cost the
 * verifier some instructions a turn; until 5.12 it takes plain numbers alone. Two loops, for the verifier's time grows with the square of one. */
__noinline int step_frame(uint32_t cpu)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &cpu);
	struct ap_bpf_cache *cache = bpf_map_lookup_elem(&caches, &cpu);

	return s && cache ? one_frame(s, cache) : 1;
}

__noinline int step_frames(uint32_t cpu)
{
#pragma clang loop unroll(disable)
	for (uint32_t i = 0; i < FRAMES_A_TURN; i++)
		if (step_frame(cpu))
			return 1;
	return 0;
}

static __always_inline void all_frames(struct scratch *s, struct ap_bpf_cache *cache, bool has_loop)
{
	struct frame_ctx fc = {s, cache};

	if (has_loop) {
		bpf_loop(AP_BPF_USER_DEPTH / FRAMES_A_CALL + 1, on_frames, &fc, 0);
		return;
	}
#pragma clang loop unroll(disable)
	for (uint32_t i = 0; i <= AP_BPF_USER_DEPTH / FRAMES_A_TURN; i++)
		if (step_frames(s->record.s.h.cpu))
			break;
}

static __always_inline void count_time(uint64_t *steps, uint64_t ns)
{
	uint64_t at = ns / AP_BPF_TIMING_NS;

	asm volatile("" : "+r"(at)); /* the check and the use in one register */
	__sync_fetch_and_add(&steps[at < AP_BPF_TIMING_N ? at : AP_BPF_TIMING_N - 1], 1);
}

static __always_inline int output(struct scratch *s, struct ap_bpf_counts *n, uint64_t size)
{
	uint64_t flags = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >= cfg_wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	s->record.s.h.size = (uint32_t)size;
	size += offsetof(struct ap_bpf_record, s);
	asm volatile("" : "+r"(size)); /* the check and the use in one register */
	if (size > sizeof s->record || bpf_ringbuf_output(&ring, &s->record, size, flags)) {
		n->n[AP_BPF_COUNT_RING_FULL]++;
		return 0;
	}
	n->n[AP_BPF_COUNT_STORED]++;
	return 0;
}

/* The verifier hides most of the context, but memory behind a pointer may always be read. The number is in the map before the program runs. */
static __always_inline uint32_t event_index(struct bpf_perf_event_data *ctx)
{
	const struct bpf_perf_event_data_kern *kern = (const void *)ctx;
	uint32_t *index;
	uint64_t id;

	if (cfg_cookie)
		return (uint32_t)bpf_get_attach_cookie(ctx);
	id = BPF_CORE_READ(kern, event, id);
	index = bpf_map_lookup_elem(&events, &id);
	return index ? *index : 0;
}

static __always_inline void begin_record(void *ctx_event, struct scratch *s, uint64_t id, uint32_t cpu)
{
	struct ap_sample *r = &s->record.s;

	__builtin_memset(r, 0, sizeof *r);
	s->record.generation = s->record.named = 0;
	r->h.time_ns = bpf_ktime_get_ns();
	r->h.pid = (uint32_t)(id >> 32);
	r->h.tid = (uint32_t)id;
	r->h.cpu = cpu;
	r->h.kind = AP_EVENT_SAMPLE;
	r->end = AP_STACK_END_KERNEL_ONLY;
}

/* A process of which nothing is known may be gone before anybody reads its name from /proc. */
static __noinline void put_names(struct scratch *s)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	BPF_CORE_READ_INTO(&s->record.process, task, group_leader, comm);
	BPF_CORE_READ_INTO(&s->record.thread, task, comm);
	s->record.named = 1;
}

/* True: the stack is whole as far as it can be; false: something was not known here. */
static __always_inline bool walk(struct scratch *s, struct ap_bpf_cache *cache, uint32_t pid, bool has_loop)
{
	struct ap_bpf_mapping *head = NULL;
	struct ap_bpf_proc *proc;
	uint32_t head_at;

	begin_walk(s);
	if (!cfg_frame_pointers) {
		proc = bpf_map_lookup_elem(&procs, &pid);
		if (!proc || proc->exec_id != s->record.exec_id) {
			put_names(s);
			return false;
		}
		s->proc = *proc;
		head_at = s->proc.first - 1;
		head = bpf_map_lookup_elem(&mappings, &head_at);
		if (!head || head->start != (AP_BPF_HEAD | s->proc.generation))
			return false;
	}
	if (cfg_timing)
		s->unwind_ns = bpf_ktime_get_ns();
	all_frames(s, cache, has_loop);
	if (cfg_timing)
		s->unwind_ns = bpf_ktime_get_ns() - s->unwind_ns;
	if (s->cold || (head && head->start != (AP_BPF_HEAD | s->proc.generation))) /* or it was taken away meanwhile */
		return false;
	s->record.generation = s->proc.generation;
	return true;
}

/* The walk ended at its first read because nothing could be read: inside exec and exit the program's memory is gone. */
static __always_inline bool is_without_memory(const struct scratch *s)
{
	return !cfg_frame_pointers && s->n <= ARCH_LEAF_FRAMES && s->window_base && !s->window_bytes;
}

/* Fills the user part; returns its bytes. */
static __always_inline uint32_t user_part(
	struct bpf_perf_event_data *ctx, struct scratch *s, struct ap_bpf_cache *cache, struct ap_bpf_counts *counts, bool has_loop)
{
	struct ap_sample *r = &s->record.s;
	uint32_t stack, frames = 0;
	bool compat = false;

	if (!arch_user_regs(ctx, &s->regs, cfg_task_pt_regs, &compat)) {
		r->end = AP_STACK_END_NO_REGS;
		return 0;
	}
	if (compat || !cfg_unwind) {
		if (r->n_kernel < AP_BPF_WORDS)
			s->record.words[r->n_kernel] = s->regs.r[AP_REG_PC];
		r->n_user = 1;
		r->end = compat ? AP_STACK_END_COMPAT : AP_STACK_END_NONE;
		return 8;
	}
	if (walk(s, cache, r->h.pid, has_loop)) {
		if (r->n_kernel && is_without_memory(s)) {
			r->end = AP_STACK_END_KERNEL_ONLY;
			return 0;
		}
		r->n_user = (uint16_t)s->n;
		r->end = s->end;
		if (!cfg_keep_dump || s->n > AP_BPF_DUMP_BESIDE)
			return 8 * s->n;
		frames = s->n;
	} else {
		counts->n[AP_BPF_COUNT_COLD]++;
		r->n_user = 0;
		r->end = 0;
	}
	if (!arch_user_regs(ctx, &s->regs, cfg_task_pt_regs, &compat))
		return 8 * frames;
	stack = put_dump(s, &s->regs, r->n_kernel + frames);
	r->h.flags |= AP_SAMPLE_REGS;
	r->stack_size = stack;
	return 8 * frames + sizeof(struct ap_regs) + ((stack + 7) & ~7u);
}

static __always_inline int sample(struct bpf_perf_event_data *ctx, bool has_loop)
{
	uint64_t id = bpf_get_current_pid_tgid();
	uint32_t cpu = bpf_get_smp_processor_id();
	uint64_t size = sizeof(struct ap_sample);
	struct ap_bpf_counts *n = bpf_map_lookup_elem(&counts, &cpu);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &cpu);
	struct ap_bpf_cache *cache = bpf_map_lookup_elem(&caches, &cpu);
	struct task_struct *task = (void *)bpf_get_current_task();
	uint32_t zero = 0;
	long got;

	if (!n || !s || !cache)
		return 0;
	n->n[AP_BPF_COUNT_SEEN]++;
	if (!is_wanted(task, id)) {
		n->n[AP_BPF_COUNT_FILTERED]++;
		return 0;
	}
	begin_record(ctx, s, id, cpu);
	s->record.exec_id = BPF_CORE_READ(task, self_exec_id);
	s->record.s.weight = ctx->sample_period;
	s->record.s.event = event_index(ctx);
	if (!arch_in_user(ctx)) {
		s->record.s.h.flags |= AP_SAMPLE_KERNEL_MODE;
		if (cfg_kernel) {
			got = bpf_get_stack(ctx, s->record.words, cfg_unwind || cfg_frame_pointers ? AP_BPF_KERNEL_DEPTH * 8 : 8, 0);
			s->record.s.n_kernel = got > 0 ? (uint16_t)((uint64_t)got / 8) : 0;
		}
	}
	if (s->record.s.n_kernel > AP_BPF_KERNEL_DEPTH)
		return 0;
	size += 8 * s->record.s.n_kernel;
	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD) && (uint32_t)id)
		size += user_part(ctx, s, cache, n, has_loop);
	output(s, n, size);
	if (cfg_timing) {
		struct ap_bpf_timing *t = bpf_map_lookup_elem(&timings, &zero);

		if (t) {
			count_time(t->whole, bpf_ktime_get_ns() - s->record.s.h.time_ns);
			if (s->unwind_ns)
				count_time(t->unwind, s->unwind_ns);
		}
	}
	return 0;
}

/* One of the two is loaded (load.c). */
SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	return sample(ctx, true);
}

SEC("perf_event")
int on_sample_bounded(struct bpf_perf_event_data *ctx)
{
	return sample(ctx, false);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
