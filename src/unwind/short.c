/* From the long form of a rule to the short one. */
#include "unwind/rule.h"

enum { SHORT_DEPTH_MAX = 255 };

/* Where a register that is saved below the CFA lies; `depth` grows to reach it. */
static bool place(const struct ap_reg_rule *g, int16_t *ret_offset, uint8_t *depth)
{
	int32_t words = (7 - g->offset) / 8;

	if (g->kind != AP_RULE_AT_CFA || g->offset > -8 || words > SHORT_DEPTH_MAX)
		return false;
	*ret_offset = (int16_t)g->offset;
	*depth = words > *depth ? (uint8_t)words : *depth;
	return true;
}

static bool sp_is_cfa(const struct ap_reg_rule *g)
{
	return g->kind == AP_RULE_UNDEFINED || (g->kind == AP_RULE_VAL_CFA && !g->offset);
}

/* Where the return address is: below the CFA, or, before a function of aarch64 has saved it, in the link register, which the caller then
 * has too. Elsewhere no other register follows the return address. */
static bool place_ra(const struct ap_rule *rule, struct ap_short_rule *s)
{
	const struct ap_reg_rule *ra = &rule->reg[AP_REG_PC];
#if defined(__aarch64__)
	const struct ap_reg_rule *lr = &rule->reg[AP_REG_LR];

	if (ra->kind == AP_RULE_REG && ra->base == AP_REG_LR && !ra->offset)
		return lr->kind == AP_RULE_SAME;
	if (lr->kind != ra->kind || lr->offset != ra->offset)
		return false;
#endif
	return place(ra, &s->ra_offset, &s->depth);
}

/* A register that a short step sets without a word about it. */
static bool is_implied(unsigned reg)
{
#if defined(__aarch64__)
	if (reg == AP_REG_LR)
		return true;
#endif
	return reg == AP_REG_PC || reg == AP_REG_SP;
}

/* In AP_SHORT_REGS; AP_SHORT_SAVED: not there. */
static unsigned index_of(unsigned reg)
{
	static const uint8_t regs[AP_SHORT_SAVED] = AP_SHORT_REGS;
	unsigned k = 0;

	while (k < AP_SHORT_SAVED && regs[k] != reg)
		k++;
	return k;
}

bool ap_short_from_rule(const struct ap_rule *rule, struct ap_short_rule *ret_short)
{
	struct ap_short_rule s = {
		.kind = AP_SHORT_STEP, .cfa_kind = rule->cfa_kind, .cfa_reg = rule->cfa_reg, .cfa_offset = rule->cfa_offset};

	if (rule->cfa_kind == AP_CFA_NONE || (rule->reg[AP_REG_PC].kind == AP_RULE_UNDEFINED && !rule->signal)) {
		*ret_short = (struct ap_short_rule){.kind = rule->cfa_kind == AP_CFA_NONE ? AP_SHORT_NONE : AP_SHORT_OUTERMOST};
		return true;
	}
	if (rule->signal /* its frame has its own address, which the short form cannot say */ || rule->cfa_add ||
		rule->cfa_kind > AP_CFA_PLT || !sp_is_cfa(&rule->reg[AP_REG_SP]) || !place_ra(rule, &s))
		return false;
	for (unsigned i = 0; i < AP_REG_COUNT; i++) {
		const struct ap_reg_rule *g = &rule->reg[i];
		unsigned k = index_of(i);

		if (k < AP_SHORT_SAVED) {
			if (place(g, &s.offset[k], &s.depth))
				s.saved |= (uint16_t)(1u << k);
			else if (g->kind != AP_RULE_SAME)
				return false;
		} else if (!is_implied(i) && g->kind != AP_RULE_UNDEFINED) {
			return false;
		}
	}
	*ret_short = s;
	return true;
}
