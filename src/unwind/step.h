/* One frame step, the same text in user space and in the BPF program. It needs AP_STEP_READ(ctx, address, &u64), which is 0 when it read
 * the word, and calls nothing else; no loop depends on data. */
#ifndef AP_UNWIND_STEP_H
#define AP_UNWIND_STEP_H

#include "base/regs.h"
#include "unwind/rule.h"

enum ap_step { AP_STEP_CALLER, AP_STEP_OUTERMOST, AP_STEP_UNREADABLE, AP_STEP_BAD_RULE, AP_STEP_NO_PROGRESS };

static inline int ap_step_known(const struct ap_regs *r, unsigned reg)
{
	return reg < AP_REG_COUNT && (r->known >> reg & 1);
}

/* A return address as code has it: on aarch64 without the signature of pointer authentication, which lies above the 48 bits of an address.
 * A process that asks for wider addresses maps data there, never code. */
static inline uint64_t ap_step_code(uint64_t ra)
{
#if defined(__aarch64__)
	return ra & ((1ull << 48) - 1);
#else
	return ra;
#endif
}

/* What is known of the caller after a step by frame pointer. aarch64 keeps the pair at the bottom of the frame, with the locals above: its
 * end is no stack pointer there, but a bound of it. */
static inline uint64_t ap_step_known_by_pointer(void)
{
#if defined(__aarch64__)
	return 1ull << AP_REG_PC | 1ull << AP_REG_FP;
#else
	return 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP;
#endif
}

/* Whether a rule failed for want of the stack pointer, which is unknown above a step by frame pointer. The chain of frame pointers goes on
 * then: on aarch64 compilers keep it, though their rules count from the stack pointer. */
static inline int ap_step_lacks_sp(const struct ap_regs *r, enum ap_step end)
{
#if defined(__aarch64__)
	return end == AP_STEP_BAD_RULE && !ap_step_known(r, AP_REG_SP);
#else
	(void)r, (void)end;
	return 0;
#endif
}

/* Whether `next` is where the walk is already. A caller's link register holds its own pc, as it made a call: a rule that takes the return
 * address from there would find the same frame for ever. */
static inline int ap_step_is_stuck(const struct ap_regs *r, uint64_t cfa, uint64_t ra, int from_register)
{
	return cfa < r->r[AP_REG_SP] || ((cfa == r->r[AP_REG_SP] || from_register) && ra == r->r[AP_REG_PC]);
}

/* The parts of a rule that say where the CFA is, so that every form of a rule has one code for it. */
static inline enum ap_step ap_step_cfa(
	const struct ap_regs *r, unsigned kind, unsigned reg, int32_t offset, int add, void *ctx, uint64_t *ret_cfa)
{
	uint64_t base;

	if (kind == AP_CFA_PLT) {
		*ret_cfa = r->r[AP_REG_SP] + 8 + (((r->r[AP_REG_PC] & 15) >= (uint64_t)offset) << 3);
		return AP_STEP_CALLER;
	}
	if ((kind != AP_CFA_REG && kind != AP_CFA_DEREF_REG) || !ap_step_known(r, reg))
		return AP_STEP_BAD_RULE;
	base = r->r[reg] + (uint64_t)(int64_t)offset;
	if (kind == AP_CFA_DEREF_REG) {
		if (AP_STEP_READ(ctx, base, &base))
			return AP_STEP_UNREADABLE;
		base += (uint64_t)(int64_t)add;
	}
	*ret_cfa = base;
	return AP_STEP_CALLER;
}

/* In the long form alone. */
static inline enum ap_step ap_step_indexed_cfa(const struct ap_regs *r, const struct ap_rule *rule, void *ctx, uint64_t *ret_cfa)
{
	uint64_t v;

	if (!ap_step_known(r, rule->cfa_reg) || !ap_step_known(r, rule->cfa_index))
		return AP_STEP_BAD_RULE;
	if (AP_STEP_READ(ctx, r->r[rule->cfa_reg] + (uint64_t)(int64_t)rule->cfa_offset + 8 * r->r[rule->cfa_index], &v))
		return AP_STEP_UNREADABLE;
	*ret_cfa = v + (uint64_t)(int64_t)rule->cfa_add;
	return AP_STEP_CALLER;
}

/* One register of the caller. What cannot be had stays unknown, but for the pc and the stack pointer. */
static inline enum ap_step ap_step_register(
	const struct ap_regs *r, struct ap_regs *next, const struct ap_rule *rule, uint64_t cfa, unsigned i, void *ctx)
{
	const struct ap_reg_rule *g = &rule->reg[i];
	unsigned base = g->kind == AP_RULE_SAME ? i : g->base;
	uint64_t v = cfa, at;

	if (g->kind == AP_RULE_UNDEFINED || g->kind == AP_RULE_BAD)
		return AP_STEP_CALLER;
	if (g->kind != AP_RULE_AT_CFA && g->kind != AP_RULE_VAL_CFA) {
		if (!ap_step_known(r, base))
			return g->kind == AP_RULE_SAME ? AP_STEP_CALLER : AP_STEP_BAD_RULE;
		v = r->r[base];
	}
	v += (uint64_t)(int64_t)g->offset;
	if (g->kind == AP_RULE_AT_CFA || g->kind == AP_RULE_AT_REG) {
		at = v;
		if (AP_STEP_READ(ctx, at, &v)) {
			if (i == AP_REG_PC || i == AP_REG_SP)
				return AP_STEP_UNREADABLE;
			/* below the stack pointer: an epilogue has popped it, and compilers do not say so; the register has it back */
			if (at >= r->r[AP_REG_SP] || !ap_step_known(r, i))
				return AP_STEP_CALLER;
			v = r->r[i];
		}
	}
	next->r[i] = v;
	next->known |= 1ull << i;
	return AP_STEP_CALLER;
}

/* From the registers of a frame to those of its caller. `r` is untouched unless AP_STEP_CALLER comes back. `next` is room: not on the stack
 * in BPF, where the verifier would follow each way to fill it. */
static inline enum ap_step ap_step(struct ap_regs *r, struct ap_regs *next, const struct ap_rule *rule, void *ctx)
{
	enum ap_step end;
	uint64_t cfa;

	if (rule->reg[AP_REG_PC].kind == AP_RULE_UNDEFINED)
		return AP_STEP_OUTERMOST;
	if (rule->reg[AP_REG_PC].kind == AP_RULE_BAD)
		return AP_STEP_BAD_RULE;
	end = rule->cfa_kind == AP_CFA_INDEXED ? ap_step_indexed_cfa(r, rule, ctx, &cfa)
					       : ap_step_cfa(r, rule->cfa_kind, rule->cfa_reg, rule->cfa_offset, rule->cfa_add, ctx, &cfa);
	if (end != AP_STEP_CALLER)
		return end;
	next->known = 1ull << AP_REG_SP;
	next->r[AP_REG_SP] = cfa;
	for (unsigned i = 0; i < AP_REG_COUNT; i++) {
		end = ap_step_register(r, next, rule, cfa, i, ctx);
		if (end != AP_STEP_CALLER)
			return end;
	}
	if (!ap_step_known(next, AP_REG_PC))
		return AP_STEP_BAD_RULE;
	next->r[AP_REG_PC] = ap_step_code(next->r[AP_REG_PC]);
#if defined(__aarch64__)
	next->r[AP_REG_LR] = ap_step_code(next->r[AP_REG_LR]);
#endif
	if (!rule->signal && ap_step_is_stuck(r, next->r[AP_REG_SP], next->r[AP_REG_PC], rule->reg[AP_REG_PC].kind == AP_RULE_REG))
		return AP_STEP_NO_PROGRESS;
	*r = *next;
	return AP_STEP_CALLER;
}

#endif
