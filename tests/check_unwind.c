/* unwind: the walk over stacks made by hand, by frame pointers and by tables of a few rules; dumps that end, and threads that move on. */
#include "unwind/cfi.h"
#include "unwind/table.h"
#include "tests/check_main.h"

#include <dwarf.h>
#include <string.h>

static void find_nothing(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	*s = (struct ap_unwind_site){.kind = AP_SITE_NO_TABLE, .start = 0, .end_address = UINT64_MAX};
}

START_TEST(frame_pointers_are_followed_and_a_short_dump_says_so)
{
	/* two frames of {caller's fp, return address}; the second return address is 0 */
	uint64_t stack[4] = {0x1010, 0x5001, 0, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_nothing};
	enum ap_stack_end end;

	r.r[AP_REG_PC] = 0x4000;
	r.r[AP_REG_SP] = r.r[AP_REG_FP] = 0x1000;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	ck_assert_uint_eq(at[0], 0x4000);
	ck_assert_uint_eq(at[1], 0x5000);
	rq.stack_size = 24;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
	rq.stack_size = 8;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 1);
	ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
	rq.stack_size = sizeof stack;
	ck_assert_uint_eq(ap_unwind(&rq, at, 1, &end), 1);
	ck_assert_int_eq(end, AP_STACK_END_DEPTH);
}
END_TEST

/* A table of one rule for all code from 0x1000 on: CFA = sp + 16, the return address at CFA - 8, FP saved at CFA - 16. */
struct flat {
	struct ap_rule rule;
	uint32_t pc;
	uint16_t number;
	struct ap_unwind_table t;
	const uint64_t *memory; /* what the thread has now */
	size_t memory_size;
	uint64_t sp;
};

static void flat_init(struct flat *f)
{
	memset(f, 0, sizeof *f);
	f->rule = (struct ap_rule){.cfa_kind = AP_CFA_REG, .cfa_reg = AP_REG_SP, .cfa_offset = 16};
	f->rule.reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -8};
	f->rule.reg[AP_REG_FP] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -16};
	f->t = (struct ap_unwind_table){.base = 0x1000, .pcs = &f->pc, .rules_of = &f->number, .n = 1, .rules = &f->rule, .n_rules = 1};
}

static void find_flat(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	struct flat *f = ctx;

	*s = (struct ap_unwind_site){.kind = AP_SITE_TABLE, .table = &f->t, .end_address = UINT64_MAX};
}

static size_t read_flat(void *ctx, uint64_t address, void *ret, size_t n)
{
	const struct flat *f = ctx;
	uint64_t at = address - f->sp;

	if (at >= f->memory_size)
		return 0;
	n = n < f->memory_size - at ? n : f->memory_size - at;
	memcpy(ret, (const char *)f->memory + at, n);
	return n;
}

enum { FRAMES = 1500 };

START_TEST(above_the_dump_the_living_thread_is_read_while_it_stays)
{
	static uint64_t stack[2 * FRAMES], at[AP_UNWIND_DEPTH_MAX];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct flat f;
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .find = find_flat, .ctx = &f};
	uint64_t *moved = malloc(sizeof stack);
	enum ap_stack_end end;

	flat_init(&f);
	for (size_t i = 0; i < FRAMES; i++)
		stack[2 * i + 1] = i + 1 < FRAMES ? 0x2001 + i : 0; /* the outermost returns to 0 */
	memcpy(moved, stack, sizeof stack);
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = f.sp = 0x700000;
	rq.stack_size = 4096;
	ck_assert_uint_eq(ap_unwind(&rq, at, AP_UNWIND_DEPTH_MAX, &end), 1 + 4096 / 16);
	ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
	rq.read = read_flat;
	f.memory = moved;
	f.memory_size = sizeof stack;
	ck_assert_uint_eq(ap_unwind(&rq, at, AP_UNWIND_DEPTH_MAX, &end), FRAMES);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	ck_assert_uint_eq(at[FRAMES - 1], 0x2000 + FRAMES - 2);
	moved[4096 / 8 - 2]++; /* the thread has moved on */
	ck_assert_uint_eq(ap_unwind(&rq, at, AP_UNWIND_DEPTH_MAX, &end), 1 + 4096 / 16);
	ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
	f.memory_size = 0; /* or cannot be read */
	ck_assert_uint_eq(ap_unwind(&rq, at, AP_UNWIND_DEPTH_MAX, &end), 1 + 4096 / 16);
	free(moved);
}
END_TEST

START_TEST(a_register_that_was_popped_is_kept)
{
	/* in an epilogue: the saved FP lies below the stack pointer already, and the caller's CFA hangs on it */
	uint64_t stack[4] = {0x2001, 0, 0x5001, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct flat f;
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_flat, .ctx = &f};
	enum ap_stack_end end;

	flat_init(&f);
	f.rule.cfa_offset = 8;
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = 0x700000;
	r.r[AP_REG_FP] = 0x700008;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_uint_eq(at[1], 0x2000);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
}
END_TEST

#if defined(__x86_64__)
/* OpenSSL's multiplication (bn_mul_mont): the stack pointer that it came with lies behind an array of r9 words. */
START_TEST(a_stack_pointer_behind_an_array_is_found)
{
	static const uint8_t code[] = {
		DW_OP_breg7, 8, DW_OP_breg9, 0, DW_OP_lit8, DW_OP_mul, DW_OP_plus, DW_OP_deref, DW_OP_plus_uconst, 8};
	uint64_t stack[8] = {0, 0, 0, 0, 0x700028, 0x2001, 0, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << 9};
	struct flat f;
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_flat, .ctx = &f};
	struct ap_short_rule s;
	enum ap_stack_end end;

	flat_init(&f);
	ap_cfi_cfa_expression((struct ap_reader){.at = code, .end = code + sizeof code}, &f.rule);
	ck_assert_int_eq(f.rule.cfa_kind, AP_CFA_INDEXED);
	ck_assert_int_eq(f.rule.cfa_index, 9);
	ck_assert(!ap_short_from_rule(&f.rule, &s));
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = 0x700000;
	r.r[9] = 3;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_uint_eq(at[1], 0x2000);
	r.known &= ~(1ull << 9);
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 1);
	ck_assert_int_eq(end, AP_STACK_END_BAD_RULE);
	ap_cfi_cfa_expression((struct ap_reader){.at = code, .end = code + 7}, &f.rule);
	ck_assert_int_eq(f.rule.cfa_kind, AP_CFA_BAD);
}
END_TEST
#endif

START_TEST(a_trampoline_has_its_own_address)
{
	uint64_t stack[4] = {0, 0x2001, 0, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct flat f;
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_flat, .ctx = &f};
	enum ap_stack_end end;

	flat_init(&f);
	f.rule.signal = 1;
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = 0x700000;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_uint_eq(at[1], 0x2001);
}
END_TEST

static void find_start(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	if (address < 0x4000)
		find_flat(ctx, address, s);
	else
		*s = (struct ap_unwind_site){.kind = AP_SITE_NO_TABLE, .start = 0x4000, .end_address = UINT64_MAX};
	if (address < 0x4000)
		s->end_address = 0x4000;
}

START_TEST(the_start_without_a_table_is_known_by_argc_and_argv)
{
	/* main's frame, then 16 bytes of the start's, argc, argv[0], NULL, envp[0] */
	uint64_t stack[] = {0, 0x4101, 0, 0, 1, 0x700100, 0, 0x700108, 0, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct flat f;
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_start, .ctx = &f};
	enum ap_stack_end end;

	flat_init(&f);
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = 0x700000;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	stack[5] = 0x6ff000; /* no argument lies below its pointer */
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_int_eq(end, AP_STACK_END_NO_TABLE);
}
END_TEST

#if defined(__aarch64__)
enum { SIGNATURE = 0x2a };

START_TEST(a_leaf_has_its_return_address_in_the_link_register)
{
	/* the leaf keeps nothing; its caller has {fp, lr} at the bottom of 16 bytes, signed */
	uint64_t stack[] = {0x700010, 0x3001 | (uint64_t)SIGNATURE << 48}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_LR};
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack};
	uint32_t pcs[] = {0, 0x1000};
	uint16_t rules_of[] = {0, 1};
	struct ap_rule rules[2];
	struct flat f;
	enum ap_stack_end end;

	flat_init(&f);
	rules[0] = rules[1] = f.rule;
	rules[0].cfa_offset = 0;
	rules[0].reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_REG, .base = AP_REG_LR};
	rules[0].reg[AP_REG_LR] = rules[0].reg[AP_REG_FP] = (struct ap_reg_rule){.kind = AP_RULE_SAME};
	f.t = (struct ap_unwind_table){.base = 0x1000, .pcs = pcs, .rules_of = rules_of, .n = 2, .rules = rules, .n_rules = 2};
	rq.find = find_flat;
	rq.ctx = &f;
	r.r[AP_REG_PC] = 0x1500;
	r.r[AP_REG_SP] = 0x700000;
	r.r[AP_REG_LR] = 0x2001 | (uint64_t)SIGNATURE << 48;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 3);
	ck_assert_uint_eq(at[1], 0x2000);
	ck_assert_uint_eq(at[2], 0x3000);
	rules_of[1] = 0; /* a caller that says the same would be found for ever */
	rules[0].cfa_offset = 16;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 2);
	ck_assert_int_eq(end, AP_STACK_END_NO_PROGRESS);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("unwind");
	TCase *t = tcase_create("unwind");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, frame_pointers_are_followed_and_a_short_dump_says_so);
	tcase_add_test(t, above_the_dump_the_living_thread_is_read_while_it_stays);
	tcase_add_test(t, a_register_that_was_popped_is_kept);
	tcase_add_test(t, a_trampoline_has_its_own_address);
	tcase_add_test(t, the_start_without_a_table_is_known_by_argc_and_argv);
#if defined(__x86_64__)
	tcase_add_test(t, a_stack_pointer_behind_an_array_is_found);
#else
	tcase_add_test(t, a_leaf_has_its_return_address_in_the_link_register);
#endif
	suite_add_tcase(s, t);
	return check_main(s);
}
