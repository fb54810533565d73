/* The step of a short rule (rule.h). Beside AP_STEP_READ it needs AP_STEP_READY(ctx, address, bytes), which is 0 when the bytes can be had,
 * and AP_STEP_LOAD(ctx, address), which then is the word there, and for any other address some word. So the step has no branch for each
 * register, which the processor would mispredict and the BPF verifier would have to walk both ways; it has one for all that few frames save. */
#ifndef AP_UNWIND_SHORT_H
#define AP_UNWIND_SHORT_H

#include "unwind/step.h"

/* The return address of a short rule. `r` and the bytes below the CFA are at hand. */
static inline uint64_t ap_short_ra(const struct ap_regs *r, const struct ap_short_rule *rule, uint64_t cfa, void *ctx)
{
	uint64_t ra = AP_STEP_LOAD(ctx, cfa + (uint64_t)(int64_t)rule->ra_offset);
#if defined(__aarch64__)
	uint64_t in_lr = 0 - (uint64_t)!rule->ra_offset;

	ra = (r->r[AP_REG_LR] & in_lr) | (ra & ~in_lr);
#endif
	return ap_step_code(ra);
}

/* Registers [from, to) of AP_SHORT_REGS, without a branch for each. */
static inline __attribute__((always_inline)) void ap_short_restore(
	struct ap_regs *r, const struct ap_short_rule *rule, uint64_t cfa, unsigned from, unsigned to, void *ctx)
{
	const uint8_t regs[AP_SHORT_SAVED] = AP_SHORT_REGS;
	uint64_t saved, v;

	for (unsigned i = from; i < to; i++) {
		saved = rule->saved >> i & 1;
		v = AP_STEP_LOAD(ctx, cfa + (uint64_t)(int64_t)rule->offset[i]);
		r->r[regs[i]] = (v & -saved) | (r->r[regs[i]] & (saved - 1));
		r->known |= saved << regs[i];
	}
}

/* Of a rule of kind AP_SHORT_STEP or AP_SHORT_OUTERMOST. `r` is untouched unless AP_STEP_CALLER comes back. */
static inline enum ap_step ap_short_step(struct ap_regs *r, const struct ap_short_rule *rule, void *ctx)
{
	uint64_t cfa, ra, low = 8ull * rule->depth;
	enum ap_step end;

	if (rule->kind != AP_SHORT_STEP)
		return AP_STEP_OUTERMOST;
	end = ap_step_cfa(r, rule->cfa_kind, rule->cfa_reg, rule->cfa_offset, 0, ctx, &cfa);
	if (end != AP_STEP_CALLER)
		return end;
#if defined(__aarch64__)
	if (!rule->ra_offset && !ap_step_known(r, AP_REG_LR))
		return AP_STEP_BAD_RULE;
#endif
	if (low && AP_STEP_READY(ctx, cfa - low, low))
		return AP_STEP_UNREADABLE;
	ra = ap_short_ra(r, rule, cfa, ctx);
	if (ap_step_is_stuck(r, cfa, ra, !rule->ra_offset))
		return AP_STEP_NO_PROGRESS;
	r->known &= AP_SHORT_KEPT;
	ap_short_restore(r, rule, cfa, 0, AP_SHORT_OFTEN, ctx);
	if (rule->saved >> AP_SHORT_OFTEN)
		ap_short_restore(r, rule, cfa, AP_SHORT_OFTEN, AP_SHORT_SAVED, ctx);
#if defined(__aarch64__)
	r->r[AP_REG_LR] = ra;
	r->known |= 1ull << AP_REG_LR;
#endif
	r->r[AP_REG_PC] = ra;
	r->r[AP_REG_SP] = cfa;
	r->known |= 1ull << AP_REG_PC | 1ull << AP_REG_SP;
	return AP_STEP_CALLER;
}

#endif
