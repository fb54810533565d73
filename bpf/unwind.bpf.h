/* The user stack, unwound in the kernel with the frame step of src/unwind. */
#ifndef AP_BPF_UNWIND_BPF_H
#define AP_BPF_UNWIND_BPF_H

#include "bpf/rules.bpf.h"

#define AP_STEP_READ read_word
#define AP_STEP_READY ready
#define AP_STEP_LOAD load
#include "unwind/pointer.h"
#include "unwind/short.h"

__noinline int long_step(uint32_t cpu, uint32_t number);
__noinline int long_step(uint32_t cpu, uint32_t number)
{
	struct ap_rule *rule = bpf_map_lookup_elem(&long_rules, &number);
	struct scratch *s = scratch_of(cpu);
	uint32_t at;

	if (!rule || !s)
		return AP_STEP_BAD_RULE;
	at = s->record.s.n_kernel + s->n - 1;
	if (rule->signal && at < AP_BPF_WORDS) /* a trampoline: returned to, but never called from the instruction before it */
		s->record.words[at] = s->regs.r[AP_REG_PC];
	s->exact = rule->signal;
	return ap_step(&s->regs, &s->next, rule, s);
}

static __noinline bool is_start(struct scratch *s)
{
	return ap_pointer_is_start(s->regs.r[AP_REG_SP], s);
}

/* 1: the stack has ended. */
__noinline int frame_pointer_step(uint32_t cpu, uint32_t exact);
__noinline int frame_pointer_step(uint32_t cpu, uint32_t exact)
{
	struct scratch *s = scratch_of(cpu);
	int end = AP_STACK_END_COMPLETE;
	bool chained;

	if (!s)
		return 1;
	chained = s->chained;
	s->chained = true;
	if (exact || chained || !is_start(s))
		end = ap_pointer_step(&s->regs, chained, s);
	if (end == AP_POINTER_CALLER)
		return 0;
	s->end = cfg_frame_pointers ? AP_STACK_END_FRAME_POINTERS : end;
	return 1;
}

static __always_inline int end_of(int step)
{
	return step == AP_STEP_OUTERMOST ? AP_STACK_END_COMPLETE
		: step == AP_STEP_UNREADABLE ? AP_STACK_END_DUMP_ENDED
		: step == AP_STEP_NO_PROGRESS ? AP_STACK_END_NO_PROGRESS : AP_STACK_END_BAD_RULE;
}

static __always_inline void begin_walk(struct scratch *s)
{
	s->n = 0;
	s->unwind_ns = 0;
	s->exact = true;
	s->chained = false;
	s->cold = false;
	s->end = AP_STACK_END_DEPTH;
	s->window_base = s->window_bytes = 0;
	s->epoch = epoch;
}

/* What is to be done at pc, enum ap_short_kind or a site; the slot of the cache has the rule then. */
static __always_inline uint32_t kind_at(struct scratch *s, struct ap_bpf_cache *cache, uint64_t pc, struct ap_bpf_cached **ret_slot)
{
	uint32_t at = ((pc ^ (uint64_t)s->proc.generation << 48) * 0x9e3779b97f4a7c15ull >> 54) & (AP_BPF_CACHE - 1);
	struct ap_bpf_cached *slot = &cache->slots[at];

	*ret_slot = slot;
	if (cfg_frame_pointers)
		return SITE_FRAME_POINTER;
	if (slot->pc == pc && slot->generation == s->proc.generation && slot->epoch == s->epoch)
		return slot->rule.kind;
	return look_up(s->record.s.h.cpu, pc, at);
}

/* By a table's rule. 1: the stack has ended. */
static __always_inline int rule_step(struct scratch *s, uint32_t kind, const struct ap_short_rule *rule)
{
	int step;

	s->chained = false;
	step = kind == AP_SHORT_LONG ? long_step(s->record.s.h.cpu, (uint32_t)rule->cfa_offset) : (int)ap_short_step(&s->regs, rule, s);
	if (step == AP_STEP_CALLER)
		return 0;
	if (ap_step_lacks_sp(&s->regs, step)) {
		s->exact = false;
		s->chained = true;
		return frame_pointer_step(s->record.s.h.cpu, false);
	}
	s->end = end_of(step);
	return 1;
}

/* One frame: its address into the record, then up. 1: the stack has ended. */
static __always_inline int one_frame(struct scratch *s, struct ap_bpf_cache *cache)
{
	uint64_t pc = s->regs.r[AP_REG_PC];
	struct ap_bpf_cached *slot;
	bool exact = s->exact;
	uint32_t at, kind;

	if (!pc || s->n >= AP_BPF_USER_DEPTH) {
		s->end = pc ? AP_STACK_END_DEPTH : AP_STACK_END_COMPLETE;
		return 1;
	}
	pc -= !exact;
	at = s->record.s.n_kernel + s->n;
	if (at >= AP_BPF_WORDS)
		return 1;
	s->record.words[at] = pc;
	s->n++;
	kind = kind_at(s, cache, pc, &slot);
	s->exact = false;
	switch (kind) {
	case SITE_COLD:
		s->cold = true;
		return 1;
	case SITE_END:
		s->end = slot->rule.depth;
		return 1;
	case SITE_FRAME_POINTER:
		return frame_pointer_step(s->record.s.h.cpu, exact);
	}
	return rule_step(s, kind, &slot->rule);
}

#endif
