/* Stacks made from the rules of real tables, each frame with a caller that a rule leads on from. One file of a program includes this. */
#ifndef AP_TESTS_BPF_MADE_STACK_H
#define AP_TESTS_BPF_MADE_STACK_H

#include "tests/bpf_user_world.h"

enum { TRIES = 5000, REACH = 4096 };

static uint64_t random_pc(const struct ap_rule **ret_rule)
{
	const struct ap_unwind_table *t;
	uint64_t pc;
	size_t i;

	do {
		i = draw(w.n);
		t = w.tables[i];
	} while (!t);
	pc = t->base + t->pcs[draw(t->n)] + draw(4);

	*ret_rule = ap_unwind_table_find(t, pc);
	return w.maps[i].bias + pc;
}

/* A made frame: its rule, the value of its pc register, and what the registers hold. */
struct made {
	const struct ap_rule *rule;
	uint64_t pc, sp, fp;
};

static bool is_signal(const struct ap_rule *rule)
{
	return rule->signal && rule->reg[AP_REG_PC].kind == AP_RULE_AT_REG && rule->reg[AP_REG_PC].base == AP_REG_SP;
}

/* Where the frame's CFA will be; 0: its rule leads nowhere from here. */
static uint64_t cfa_of(const struct made *f)
{
	const struct ap_rule *rule = f->rule;
	uint64_t cfa = 0;

	if (!rule)
		return 0;
	if (is_signal(rule))
		return f->sp + 1024;
	if (rule->signal || rule->reg[AP_REG_PC].kind != AP_RULE_AT_CFA || rule->reg[AP_REG_SP].kind > AP_RULE_SAME)
		return 0;
	if (rule->cfa_kind == AP_CFA_REG && rule->cfa_reg == AP_REG_SP)
		cfa = f->sp + (uint64_t)(int64_t)rule->cfa_offset;
	else if (rule->cfa_kind == AP_CFA_REG && rule->cfa_reg == AP_REG_FP)
		cfa = f->fp + (uint64_t)(int64_t)rule->cfa_offset;
	else if (rule->cfa_kind == AP_CFA_PLT)
		cfa = f->sp + 8 + ((f->pc & 15) >= (uint64_t)rule->cfa_offset ? 8 : 0);
	for (unsigned i = 0; i < AP_REG_COUNT; i++) /* what was popped lies in another frame of a made stack */
		if (rule->reg[i].kind == AP_RULE_AT_CFA && cfa + (uint64_t)(int64_t)rule->reg[i].offset - f->sp > REACH)
			return 0;
	return cfa - f->sp - 8 <= REACH ? cfa : 0;
}

/* Saves registers by the frame's rule, each with a value that leads on. `f` becomes the caller but for its pc, whose place comes back. */
static uint64_t make_frame(struct made *f)
{
	uint64_t cfa = cfa_of(f), fp = f->fp, at, v, pc_at = 0;

	for (unsigned i = 0; i < AP_REG_COUNT; i++) {
		const struct ap_reg_rule *g = &f->rule->reg[i];

		if (g->kind != AP_RULE_AT_CFA && g->kind != AP_RULE_AT_REG)
			continue;
		at = (g->kind == AP_RULE_AT_CFA ? cfa : f->sp) + (uint64_t)(int64_t)g->offset;
		v = i == AP_REG_SP ? cfa : cfa + 16 + 8 * draw(64);
		poke(at, v);
		fp = i == AP_REG_FP ? v : fp;
		pc_at = i == AP_REG_PC ? at : pc_at;
	}
	f->sp = cfa;
	f->fp = fp;
	return pc_at;
}

/* A stack of about `depth` frames of real rules, the last of which returns to 0. Returns how many of them are signal frames. */
static size_t make_stack(size_t depth)
{
	struct made f = {.sp = SP, .fp = SP + 64};
	size_t signals = 0;
	uint64_t pc_at;

	for (unsigned i = 0; i < AP_REG_COUNT; i++)
		w.regs.r[i] = SP + 8 * draw(64);
	w.regs.r[AP_REG_SP] = SP;
	w.regs.r[AP_REG_FP] = f.fp;
	do {
		f.pc = random_pc(&f.rule);
	} while (!cfa_of(&f));
	w.regs.r[AP_REG_PC] = f.pc;
	for (size_t n = 1;; n++) {
		bool exact = is_signal(f.rule);
		unsigned tries = 0;

		signals += exact;
		pc_at = make_frame(&f);
		do {
			f.pc = random_pc(&f.rule) + !exact;
		} while (!cfa_of(&f) && ++tries < TRIES);
		poke(pc_at, n < depth && tries < TRIES ? f.pc : 0);
		if (n == depth || tries == TRIES)
			return signals;
	}
}

#endif
