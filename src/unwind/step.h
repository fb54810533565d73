/* One frame step, the same text in user space and in the BPF program. It needs AP_STEP_READ(ctx, address, &u64), which is 0 when it read the
 * word, and calls nothing else; no loop depends on data. */
#ifndef AP_UNWIND_STEP_H
#define AP_UNWIND_STEP_H

#include "base/regs.h"
#include "unwind/rule.h"

enum ap_step { AP_STEP_CALLER, AP_STEP_OUTERMOST, AP_STEP_UNREADABLE, AP_STEP_BAD_RULE, AP_STEP_NO_PROGRESS };

static inline int ap_step_known(const struct ap_regs *r, unsigned reg)
{
	return reg < AP_REG_COUNT && (r->known >> reg & 1);
}

static inline enum ap_step ap_step_cfa(const struct ap_regs *r, const struct ap_rule *rule, void *ctx, uint64_t *ret_cfa)
{
	uint64_t base;

	if (rule->cfa_kind == AP_CFA_PLT) {
		*ret_cfa = r->r[AP_REG_SP] + 8 + (((r->r[AP_REG_PC] & 15) >= (uint64_t)rule->cfa_offset) << 3);
		return AP_STEP_CALLER;
	}
	if ((rule->cfa_kind != AP_CFA_REG && rule->cfa_kind != AP_CFA_DEREF_REG) || !ap_step_known(r, rule->cfa_reg))
		return AP_STEP_BAD_RULE;
	base = r->r[rule->cfa_reg] + (uint64_t)(int64_t)rule->cfa_offset;
	if (rule->cfa_kind == AP_CFA_DEREF_REG) {
		if (AP_STEP_READ(ctx, base, &base))
			return AP_STEP_UNREADABLE;
		base += (uint64_t)(int64_t)rule->cfa_add;
	}
	*ret_cfa = base;
	return AP_STEP_CALLER;
}

/* From the registers of a frame to those of its caller. `r` is untouched unless AP_STEP_CALLER comes back. */
static inline enum ap_step ap_step(struct ap_regs *r, const struct ap_rule *rule, void *ctx)
{
	struct ap_regs next = {.known = 0};
	enum ap_step end;
	uint64_t cfa, v, at;

	if (rule->reg[AP_REG_PC].kind == AP_RULE_UNDEFINED)
		return AP_STEP_OUTERMOST;
	end = ap_step_cfa(r, rule, ctx, &cfa);
	if (end != AP_STEP_CALLER)
		return end;
	for (unsigned i = 0; i < AP_REG_COUNT; i++) {
		const struct ap_reg_rule *g = &rule->reg[i];

		switch (g->kind) {
		case AP_RULE_SAME:
			if (!ap_step_known(r, i))
				continue;
			v = r->r[i];
			break;
		case AP_RULE_AT_CFA:
			at = cfa + (uint64_t)(int64_t)g->offset;
			if (!AP_STEP_READ(ctx, at, &v))
				break;
			if (i == AP_REG_PC || i == AP_REG_SP)
				return AP_STEP_UNREADABLE;
			/* below the stack pointer: an epilogue has popped it, and compilers do not say so; the register has it back */
			if (at >= r->r[AP_REG_SP] || !ap_step_known(r, i))
				continue;
			v = r->r[i];
			break;
		case AP_RULE_VAL_CFA:
			v = cfa + (uint64_t)(int64_t)g->offset;
			break;
		case AP_RULE_REG:
			if (!ap_step_known(r, g->base))
				return AP_STEP_BAD_RULE;
			v = r->r[g->base];
			break;
		case AP_RULE_VAL_REG:
			if (!ap_step_known(r, g->base))
				return AP_STEP_BAD_RULE;
			v = r->r[g->base] + (uint64_t)(int64_t)g->offset;
			break;
		case AP_RULE_AT_REG:
			if (!ap_step_known(r, g->base))
				return AP_STEP_BAD_RULE;
			if (AP_STEP_READ(ctx, r->r[g->base] + (uint64_t)(int64_t)g->offset, &v))
				return AP_STEP_UNREADABLE;
			break;
		case AP_RULE_BAD:
			if (i == AP_REG_PC)
				return AP_STEP_BAD_RULE;
			continue;
		default:
			continue;
		}
		next.r[i] = v;
		next.known |= 1ull << i;
	}
	if (!ap_step_known(&next, AP_REG_SP)) {
		next.r[AP_REG_SP] = cfa;
		next.known |= 1ull << AP_REG_SP;
	}
#if defined(__aarch64__)
	next.r[AP_REG_PC] &= (1ull << 48) - 1; /* without the signature of pointer authentication */
#endif
	if (next.r[AP_REG_SP] <= r->r[AP_REG_SP] && !rule->signal && !(next.r[AP_REG_SP] == r->r[AP_REG_SP] && next.r[AP_REG_PC] != r->r[AP_REG_PC]))
		return AP_STEP_NO_PROGRESS;
	*r = next;
	return AP_STEP_CALLER;
}

#endif
