/* Expressions are matched, not interpreted: a rule must be small enough for the BPF program. What compilers, linkers and hand-written
 * assembler use is a register and an offset, a word in memory there or in an array there, the PLT's condition. */
#include "unwind/cfi.h"

#include "base/regs.h"

#include <dwarf.h>

/* DW_OP_bregN or DW_OP_bregx with its offset. */
static bool take_register(struct ap_reader *r, uint8_t *ret_reg, int64_t *ret_offset)
{
	uint8_t op = ap_read_u8(r);
	uint64_t reg;

	if (op == DW_OP_bregx)
		reg = ap_read_uleb(r);
	else if (op >= DW_OP_breg0 && op <= DW_OP_breg31)
		reg = (uint64_t)op - DW_OP_breg0;
	else
		return false;
	*ret_offset = ap_read_sleb(r);
	*ret_reg = (uint8_t)reg;
	return !r->bad && reg < AP_REG_COUNT;
}

/* DW_OP_plus_uconst N, or a small constant and DW_OP_plus or DW_OP_minus; none of them is + 0. */
static bool take_sum(struct ap_reader *r, int64_t *ret_sum)
{
	struct ap_reader was = *r;
	uint8_t op = r->at < r->end ? ap_read_u8(r) : 0;
	uint64_t v = 0;

	*ret_sum = 0;
	if (op == DW_OP_plus_uconst) {
		v = ap_read_uleb(r);
		*ret_sum = (int64_t)v;
		return v <= INT32_MAX;
	}
	if (op >= DW_OP_lit0 && op <= DW_OP_lit31)
		v = (uint64_t)op - DW_OP_lit0;
	else if (op == DW_OP_const1u)
		v = ap_read_u8(r);
	else {
		*r = was;
		return true;
	}
	op = ap_read_u8(r);
	*ret_sum = op == DW_OP_minus ? -(int64_t)v : (int64_t)v;
	return op == DW_OP_plus || op == DW_OP_minus;
}

static bool fits(int64_t v)
{
	return v == (int32_t)v;
}

static bool ends(const struct ap_reader *r)
{
	return !r->bad && r->at == r->end;
}

static bool take_op(struct ap_reader *r, uint8_t op)
{
	if (r->bad || r->at >= r->end || *r->at != op)
		return false;
	r->at++;
	return true;
}

/* What linkers write for the PLT: sp + 8 + ((pc & 15) >= K) << 3. */
static bool is_plt(struct ap_reader r, int32_t *ret_k)
{
	static const uint8_t tail[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};
	int64_t offset;
	uint8_t reg, k;

	if (!take_register(&r, &reg, &offset) || reg != AP_REG_SP || offset != 8 || !take_register(&r, &reg, &offset) || reg != AP_REG_PC ||
		offset || !take_op(&r, DW_OP_lit15) || !take_op(&r, DW_OP_and))
		return false;
	k = ap_read_u8(&r);
	if (k < DW_OP_lit0 || k > DW_OP_lit31 || ap_read_left(&r) != sizeof tail || memcmp(r.at, tail, sizeof tail) != 0)
		return false;
	*ret_k = k - DW_OP_lit0;
	return true;
}

/* What OpenSSL writes for a stack pointer that is kept behind an array of words: a register and an offset, another one times 8. */
static bool is_indexed(struct ap_reader r, struct ap_rule *rule)
{
	int64_t offset, none, add = 0;
	uint8_t reg, index;

	if (!take_register(&r, &reg, &offset) || !fits(offset) || !take_register(&r, &index, &none) || none || !take_op(&r, DW_OP_lit8) ||
		!take_op(&r, DW_OP_mul) || !take_op(&r, DW_OP_plus) || !take_op(&r, DW_OP_deref) || !take_sum(&r, &add) || !ends(&r) ||
		add != (int8_t)add)
		return false;
	rule->cfa_reg = reg;
	rule->cfa_index = index;
	rule->cfa_offset = (int32_t)offset;
	rule->cfa_add = (int8_t)add;
	return true;
}

void ap_cfi_cfa_expression(struct ap_reader r, struct ap_rule *rule)
{
	int64_t offset, inner, add = 0;
	uint8_t reg;
	bool deref;

	rule->cfa_reg = 0;
	rule->cfa_add = 0;
	rule->cfa_index = 0;
	rule->cfa_kind = AP_CFA_PLT;
	if (is_plt(r, &rule->cfa_offset))
		return;
	rule->cfa_kind = AP_CFA_INDEXED;
	if (is_indexed(r, rule))
		return;
	rule->cfa_kind = AP_CFA_BAD;
	rule->cfa_offset = 0;
	if (!take_register(&r, &reg, &offset) || !take_sum(&r, &inner) || !fits(offset) || !fits(offset + inner))
		return;
	deref = take_op(&r, DW_OP_deref);
	if ((deref && !take_sum(&r, &add)) || !ends(&r) || add != (int8_t)add)
		return;
	rule->cfa_reg = reg;
	rule->cfa_offset = (int32_t)(offset + inner);
	rule->cfa_add = (int8_t)add;
	rule->cfa_kind = deref ? AP_CFA_DEREF_REG : AP_CFA_REG;
}

/* The CFA lies on the expression's stack at its beginning: an expression that starts with a sum is relative to it. */
void ap_cfi_reg_expression(struct ap_reader r, bool is_value, struct ap_reg_rule *ret)
{
	int64_t offset, inner;
	uint8_t reg = 0;
	bool from_cfa = r.at < r.end && !((*r.at >= DW_OP_breg0 && *r.at <= DW_OP_breg31) || *r.at == DW_OP_bregx);

	*ret = (struct ap_reg_rule){.kind = AP_RULE_BAD};
	offset = 0;
	if ((!from_cfa && !take_register(&r, &reg, &offset)) || !fits(offset) || !take_sum(&r, &inner) || !fits(offset + inner) ||
		!ends(&r))
		return;
	ret->base = reg;
	ret->offset = (int32_t)(offset + inner);
	if (from_cfa)
		ret->kind = is_value ? AP_RULE_VAL_CFA : AP_RULE_AT_CFA;
	else
		ret->kind = is_value ? AP_RULE_VAL_REG : AP_RULE_AT_REG;
}
