/* unwind on aarch64, where code without call frame information is scanned: rules read off instructions as compilers and linkers write them.
 * Run natively or under qemu-user (tests/cross). */
#include "base/mem.h"
#include "unwind/scan.h"
#include "tests/check_main.h"

struct range {
	uint64_t start, end;
	struct ap_rule rule;
};
struct ranges {
	struct range v[32];
	size_t n;
};

static int keep(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule)
{
	struct ranges *r = ctx;

	ck_assert_uint_lt(r->n, AP_ARRAY_LEN(r->v));
	ck_assert_uint_lt(start, end);
	ck_assert_uint_eq(start, r->n ? r->v[r->n - 1].end : 0x1000);
	r->v[r->n++] = (struct range){start, end, *rule};
	return 0;
}

static struct ranges scan(const uint32_t *code, size_t n)
{
	struct ranges r = {.n = 0};

	ck_assert_int_eq(ap_scan_run((const uint8_t *)code, n * 4, 0x1000, keep, &r), 0);
	return r;
}

static const struct ap_rule *at(const struct ranges *r, size_t instruction)
{
	for (size_t i = 0; i < r->n; i++)
		if (0x1000 + 4 * instruction < r->v[i].end)
			return &r->v[i].rule;
	ck_abort_msg("no rule at %zu", instruction);
}

/* offset: of the CFA from sp; lr: of the return address from the CFA, 0 where it is in the register */
static void is_rule(const struct ap_rule *rule, int offset, int lr)
{
	struct ap_short_rule s;

	ck_assert_int_eq(rule->cfa_kind, AP_CFA_REG);
	ck_assert_int_eq(rule->cfa_reg, AP_REG_SP);
	ck_assert_int_eq(rule->cfa_offset, offset);
	ck_assert_int_eq(rule->reg[AP_REG_PC].kind, lr ? AP_RULE_AT_CFA : AP_RULE_REG);
	ck_assert_int_eq(rule->reg[AP_REG_PC].offset, lr);
	ck_assert(ap_short_from_rule(rule, &s)); /* cheap in the kernel too */
	ck_assert_int_eq(s.kind, AP_SHORT_STEP);
}

START_TEST(a_plt_is_a_leaf_but_for_its_head)
{
	static const uint32_t plt[] = {
		0xa9bf7bf0, 0xf0000bd0, 0xf947fe11, 0x913fe210, 0xd61f0220, 0xd503201f, 0xd503201f,
		0xd503201f,                                                 /* stp x16, x30, [sp, #-16]! */
		0x90000bf0, 0xf9400211, 0x91000210, 0xd61f0220,             /* adrp, ldr, add, br */
		0xd503245f, 0x90000bf0, 0xf9400611, 0x91002210, 0xd61f0220, /* with bti c */
	};
	struct ranges r = scan(plt, AP_ARRAY_LEN(plt));

	is_rule(at(&r, 0), 0, 0);
	is_rule(at(&r, 1), 16, -8);
	is_rule(at(&r, 4), 16, -8);
	for (size_t i = 5; i < AP_ARRAY_LEN(plt); i++)
		is_rule(at(&r, i), 0, 0);
}
END_TEST

START_TEST(a_frame_is_followed_past_its_returns)
{
	static const uint32_t code[] = {
		0xd65f03c0,                                     /* 0: ret, of a leaf */
		0xd503233f, 0xa9b87bfd, 0x910003fd, 0xa90153f3, /* 1: paciasp; stp x29, x30, [sp, #-128]!; mov; stp x19, x20, [sp, #16] */
		0xf90013f5,                                     /* 5: str x21, [sp, #32] */
		0x54001148, 0xa94153f3, 0xa8c87bfd, 0xd50323bf,
		0xd65f03c0,                                     /* 6: b.hi; ldp x19, x20; ldp x29, x30, [sp], #128; autiasp; ret */
		0xd4000001, 0xd10043ff, 0xf94013f5, 0x910043ff, /* 11: svc; sub sp, #16; ldr x21, [sp, #32] (another place); add sp, #16 */
		0xa94153f3, 0xa8c87bfd, 0x17ffffd0,             /* 15: ldp; ldp; b, of a tail call */
		0xd4000001,                                     /* 18: svc, of another path */
		0xd503245f, 0xd65f03c0,                         /* 19: bti c; ret */
		0xf81e0ff3, 0xf84207f3,                         /* 21: str x19, [sp, #-32]!; ldr x19, [sp], #32 */
	};
	struct ranges r = scan(code, AP_ARRAY_LEN(code));

	is_rule(at(&r, 1), 0, 0);
	is_rule(at(&r, 3), 128, -120);
	is_rule(at(&r, 6), 128, -120);
	ck_assert_int_eq(at(&r, 6)->reg[19].offset, -112);
	ck_assert_int_eq(at(&r, 6)->reg[20].offset, -104);
	ck_assert_int_eq(at(&r, 6)->reg[21].offset, -96);
	ck_assert_int_eq(at(&r, 8)->reg[19].kind, AP_RULE_SAME);
	is_rule(at(&r, 9), 0, 0);
	is_rule(at(&r, 10), 0, 0);
	is_rule(at(&r, 11), 128, -120);
	ck_assert_int_eq(at(&r, 11)->reg[19].offset, -112);
	is_rule(at(&r, 13), 144, -120);
	ck_assert_int_eq(at(&r, 14)->reg[21].offset, -96);
	is_rule(at(&r, 15), 128, -120);
	is_rule(at(&r, 17), 0, 0);
	is_rule(at(&r, 19), 0, 0);
	is_rule(at(&r, 22), 32, 0);
	ck_assert_int_eq(at(&r, 22)->reg[19].offset, -32);
}
END_TEST

START_TEST(the_trampoline_says_where_the_registers_are)
{
	static const uint32_t code[] = {0xd65f03c0, 0xd503201f, 0xd503201f, 0xd2801168, 0xd4000001, 0xd503201f};
	struct ranges r = scan(code, AP_ARRAY_LEN(code));
	const struct ap_rule *rule = at(&r, 2); /* where a caller is looked for */

	is_rule(at(&r, 1), 0, 0);
	is_rule(at(&r, 5), 0, 0);
	ck_assert_ptr_eq(rule, at(&r, 4));
	ck_assert(rule->signal);
	ck_assert_int_eq(rule->reg[0].offset, 312);
	ck_assert_int_eq(rule->reg[AP_REG_LR].offset, 552);
	ck_assert_int_eq(rule->reg[AP_REG_SP].offset, 560);
	ck_assert_int_eq(rule->reg[AP_REG_PC].offset, 568);
	r = scan(code + 3, 3);
	ck_assert(at(&r, 0)->signal);
	r = scan(code + 3, 1);
	ck_assert_uint_eq(r.n, 1);
	r = scan(code, 0);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

struct cover {
	uint64_t until;
};

static int follows(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule)
{
	struct cover *c = ctx;

	ck_assert_uint_eq(start, c->until);
	ck_assert_uint_lt(start, end);
	c->until = end;
	ck_assert(rule->cfa_kind == AP_CFA_BAD || rule->cfa_offset >= 0);
	for (unsigned i = 0; i < AP_REG_COUNT; i++)
		if (!rule->signal && rule->reg[i].kind == AP_RULE_AT_CFA && rule->reg[i].offset >= 0)
			ck_abort_msg("register %u at CFA + %d", i, rule->reg[i].offset);
	return 0;
}

/* Code is hostile: whatever the words are, the rows follow one another to its end. */
START_TEST(any_words_are_covered_by_rows)
{
	static const uint32_t likely[] = {0xa98003e0, 0xa90003e0, 0xa8c003e0, 0xa94003e0, 0xf8000fe0, 0xf90003e0, 0xf84007e0, 0xf94003e0,
		0xd10003ff, 0x910003ff, 0xd65f03c0, 0x14000000, 0xd61f0220, 0xd2801168, 0xd4000001, 0xd503233f, 0xd503245f};
	uint32_t code[64];
	unsigned seed = 7;

	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)rand_r(&seed) % AP_ARRAY_LEN(code);
		struct cover c = {.until = 0x1000};

		for (size_t i = 0; i < n; i++) {
			uint32_t noise = (uint32_t)rand_r(&seed) << 10 ^ (uint32_t)rand_r(&seed);

			code[i] = likely[(size_t)rand_r(&seed) % AP_ARRAY_LEN(likely)];
			if (rand_r(&seed) % 2)
				code[i] |= noise & (rand_r(&seed) % 8 ? 0x003ffc1f : 0xffffffff); /* mostly operands */
		}
		ck_assert_int_eq(ap_scan_run((const uint8_t *)code, n * 4, 0x1000, follows, &c), 0);
		ck_assert_uint_eq(c.until, 0x1000 + 4 * n);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind_arm");
	TCase *t = tcase_create("unwind_arm");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_plt_is_a_leaf_but_for_its_head);
	tcase_add_test(t, a_frame_is_followed_past_its_returns);
	tcase_add_test(t, the_trampoline_says_where_the_registers_are);
	tcase_add_test(t, any_words_are_covered_by_rows);
	suite_add_tcase(s, t);
	return check_main(s);
}
