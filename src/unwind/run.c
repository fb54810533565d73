/* The interpreter of call frame instructions (DWARF 5, 6.4.2). Its state is one rule; a row is said whenever the location moves. Registers
 * that Aperture does not track (vectors, flags) are read and dropped. What no instruction mentions is: the same in the caller for registers
 * that the ABI saves, unknown for the others, the CFA for the stack pointer. */
#include "unwind/cfi.h"

#include "base/regs.h"

#include <dwarf.h>

enum {
	REMEMBER_MAX = 16,
	OP_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

struct run {
	const struct ap_cfi_section *s;
	const struct ap_cie *cie;
	struct ap_reader r;
	struct ap_rule rule, initial, kept[REMEMBER_MAX];
	unsigned n_kept;
	uint64_t at, end;
	bool in_fde;
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule);
	void *ctx;
	int said; /* what row returned */
};

#if defined(__x86_64__)
static const uint8_t SAVED[] = {3, 6, 12, 13, 14, 15};
#else
static const uint8_t SAVED[] = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
#endif

static void set_defaults(struct run *u)
{
	memset(&u->rule, 0, sizeof u->rule);
	u->rule.cfa_kind = AP_CFA_BAD;
	u->rule.signal = u->cie->signal;
	for (size_t i = 0; i < sizeof SAVED; i++)
		u->rule.reg[SAVED[i]].kind = AP_RULE_SAME;
	u->rule.reg[AP_REG_PC].kind = AP_RULE_BAD; /* an undefined one would say that the stack is whole */
}

/* The row from the present location to `to`. */
static void say(struct run *u, uint64_t to)
{
	struct ap_rule rule;

	if (!u->in_fde || to <= u->at)
		return;
	rule = u->rule;
	if (u->cie->ra < AP_REG_COUNT && u->cie->ra != AP_REG_PC) {
		rule.reg[AP_REG_PC] = rule.reg[u->cie->ra];
		if (rule.reg[AP_REG_PC].kind == AP_RULE_SAME)
			rule.reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_REG, .base = (uint8_t)u->cie->ra};
	}
	u->said = u->row(u->ctx, u->at, to, &rule);
}

static void advance(struct run *u, uint64_t delta)
{
	uint64_t to;

	if (__builtin_mul_overflow(delta, u->cie->code_align, &delta) || __builtin_add_overflow(u->at, delta, &to) || to > u->end)
		to = u->end;
	say(u, to);
	u->at = to;
}

static void set_reg(struct run *u, uint64_t reg, uint8_t kind, int64_t offset, uint64_t base)
{
	struct ap_reg_rule g = {.kind = kind, .offset = (int32_t)offset, .base = (uint8_t)base};

	if (reg >= AP_REG_COUNT)
		return;
	if (g.offset != offset || base >= AP_REG_COUNT)
		g = (struct ap_reg_rule){.kind = AP_RULE_BAD};
	u->rule.reg[reg] = g;
}

static int64_t scaled(struct run *u, int64_t n)
{
	int64_t v;

	return __builtin_mul_overflow(n, u->cie->data_align, &v) ? INT64_MAX : v;
}

static void set_cfa(struct run *u, uint64_t reg, int64_t offset)
{
	u->rule.cfa_kind = reg < AP_REG_COUNT && offset == (int32_t)offset ? AP_CFA_REG : AP_CFA_BAD;
	u->rule.cfa_reg = u->rule.cfa_kind == AP_CFA_REG ? (uint8_t)reg : 0;
	u->rule.cfa_offset = u->rule.cfa_kind == AP_CFA_REG ? (int32_t)offset : 0;
	u->rule.cfa_add = 0;
	u->rule.cfa_index = 0;
}

static struct ap_reader take_block(struct run *u)
{
	uint64_t n = ap_read_uleb(&u->r);
	const uint8_t *p = ap_read_skip(&u->r, n);

	return p ? (struct ap_reader){p, p + n, false} : (struct ap_reader){NULL, NULL, true};
}

static void take_reg_expression(struct run *u, bool is_value)
{
	uint64_t reg = ap_read_uleb(&u->r);
	struct ap_reader block = take_block(u);

	if (reg < AP_REG_COUNT && !block.bad)
		ap_cfi_reg_expression(block, is_value, &u->rule.reg[reg]);
}

static void restore(struct run *u, uint64_t reg)
{
	if (reg < AP_REG_COUNT)
		u->rule.reg[reg] = u->initial.reg[reg];
}

/* False: the run ends here. */
static bool cfa_op(struct run *u, uint8_t op)
{
	struct ap_reader *r = &u->r, block;
	uint64_t reg;

	switch (op) {
	case DW_CFA_def_cfa:
		reg = ap_read_uleb(r);
		set_cfa(u, reg, (int64_t)ap_read_uleb(r));
		return true;
	case DW_CFA_def_cfa_sf:
		reg = ap_read_uleb(r);
		set_cfa(u, reg, scaled(u, ap_read_sleb(r)));
		return true;
	case DW_CFA_def_cfa_register:
		reg = ap_read_uleb(r);
		if (u->rule.cfa_kind == AP_CFA_REG)
			set_cfa(u, reg, u->rule.cfa_offset);
		return true;
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf: {
		int64_t offset = op == DW_CFA_def_cfa_offset ? (int64_t)ap_read_uleb(r) : scaled(u, ap_read_sleb(r));

		if (u->rule.cfa_kind == AP_CFA_REG)
			set_cfa(u, u->rule.cfa_reg, offset);
		return true;
	}
	case DW_CFA_def_cfa_expression:
		block = take_block(u);
		if (!block.bad)
			ap_cfi_cfa_expression(block, &u->rule);
		return true;
	default:
		return false;
	}
}

static bool reg_op(struct run *u, uint8_t op)
{
	struct ap_reader *r = &u->r;
	uint64_t reg = ap_read_uleb(r);

	switch (op) {
	case DW_CFA_offset_extended:
		set_reg(u, reg, AP_RULE_AT_CFA, scaled(u, (int64_t)ap_read_uleb(r)), 0);
		return true;
	case DW_CFA_offset_extended_sf:
		set_reg(u, reg, AP_RULE_AT_CFA, scaled(u, ap_read_sleb(r)), 0);
		return true;
	case OP_GNU_NEGATIVE_OFFSET_EXTENDED:
		set_reg(u, reg, AP_RULE_AT_CFA, scaled(u, (int64_t)(0 - ap_read_uleb(r))), 0);
		return true;
	case DW_CFA_val_offset:
		set_reg(u, reg, AP_RULE_VAL_CFA, scaled(u, (int64_t)ap_read_uleb(r)), 0);
		return true;
	case DW_CFA_val_offset_sf:
		set_reg(u, reg, AP_RULE_VAL_CFA, scaled(u, ap_read_sleb(r)), 0);
		return true;
	case DW_CFA_restore_extended:
		restore(u, reg);
		return true;
	case DW_CFA_undefined:
		set_reg(u, reg, AP_RULE_UNDEFINED, 0, 0);
		return true;
	case DW_CFA_same_value:
		set_reg(u, reg, AP_RULE_SAME, 0, 0);
		return true;
	case DW_CFA_register:
		set_reg(u, reg, AP_RULE_REG, 0, ap_read_uleb(r));
		return true;
	default:
		return false;
	}
}

static bool other_op(struct run *u, uint8_t op)
{
	struct ap_reader *r = &u->r;
	uint64_t to;

	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_GNU_window_save: /* aarch64: the return address is signed from here; step.h takes the signature off */
		return true;
	case DW_CFA_set_loc:
		if (!ap_cfi_pointer(r, u->s, u->cie->encoding, u->cie->address_size, &to) || to < u->at)
			return false;
		to = to > u->end ? u->end : to;
		say(u, to);
		u->at = to;
		return true;
	case DW_CFA_advance_loc1:
		advance(u, ap_read_u(r, 1));
		return true;
	case DW_CFA_advance_loc2:
		advance(u, ap_read_u(r, 2));
		return true;
	case DW_CFA_advance_loc4:
		advance(u, ap_read_u(r, 4));
		return true;
	case DW_CFA_MIPS_advance_loc8:
		advance(u, ap_read_u(r, 8));
		return true;
	case DW_CFA_remember_state:
		if (u->n_kept == REMEMBER_MAX)
			return false;
		u->kept[u->n_kept++] = u->rule;
		return true;
	case DW_CFA_restore_state:
		if (!u->n_kept)
			return false;
		u->rule = u->kept[--u->n_kept];
		return true;
	case DW_CFA_GNU_args_size:
		ap_read_uleb(r);
		return true;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		take_reg_expression(u, op == DW_CFA_val_expression);
		return true;
	default:
		return false;
	}
}

static bool is_reg_op(uint8_t op)
{
	return (op >= DW_CFA_offset_extended && op <= DW_CFA_register) || op == DW_CFA_offset_extended_sf || op == DW_CFA_val_offset ||
	       op == DW_CFA_val_offset_sf || op == OP_GNU_NEGATIVE_OFFSET_EXTENDED;
}

static bool step(struct run *u)
{
	uint8_t op = ap_read_u8(&u->r), low = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		advance(u, low);
		return true;
	case DW_CFA_offset:
		set_reg(u, low, AP_RULE_AT_CFA, scaled(u, (int64_t)ap_read_uleb(&u->r)), 0);
		return true;
	case DW_CFA_restore:
		restore(u, low);
		return true;
	default:
		return is_reg_op(op) ? reg_op(u, op) : cfa_op(u, op) || other_op(u, op);
	}
}

/* False: damage, or an instruction that is not known. */
static bool run_all(struct run *u, struct ap_reader code)
{
	u->r = code;
	while (u->r.at < u->r.end && !u->said && (!u->in_fde || u->at < u->end))
		if (!step(u) || u->r.bad)
			return false;
	return true;
}

int ap_cfi_run(const struct ap_cfi_section *s, const struct ap_cie *cie, const struct ap_fde *fde,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx)
{
	struct run u;

	u.s = s;
	u.cie = cie;
	u.n_kept = 0;
	u.at = fde->start;
	u.end = fde->end;
	u.in_fde = false;
	u.row = row;
	u.ctx = ctx;
	u.said = 0;
	set_defaults(&u);
	if (!run_all(&u, cie->code))
		return 0;
	u.initial = u.rule;
	u.at = fde->start; /* a CIE has no location to move */
	u.n_kept = 0;
	u.in_fde = true;
	if (run_all(&u, fde->code) && !u.said)
		say(&u, u.end);
	return u.said;
}
