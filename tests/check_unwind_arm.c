/* unwind on aarch64, where code without call frame information is scanned: rules read off instructions as compilers and linkers write them,
 * and a walk out of a real signal handler. Run natively or under qemu-user (tests/cross). */
#include "base/mem.h"
#include "unwind/scan.h"
#include "unwind/table.h"
#include "tests/check_main.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

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

/* ---- this process's own stack ---- */

enum { MODULES_MAX = 8, FRAMES_MAX = 64 };
static struct {
	struct ap_unwind_table *table;
	uint64_t bias, start, end;
} modules[MODULES_MAX];
static size_t n_modules;

static int add_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct ap_unwind_input in = {.fd = open(*info->dlpi_name ? info->dlpi_name : "/proc/self/exe", O_RDONLY | O_CLOEXEC)};

	for (int i = 0; in.fd >= 0 && i < info->dlpi_phnum && n_modules < MODULES_MAX; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || ap_unwind_table_build(&in, &modules[n_modules].table, NULL))
			continue;
		modules[n_modules].bias = info->dlpi_addr;
		modules[n_modules].start = info->dlpi_addr + ph->p_vaddr;
		modules[n_modules].end = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
		n_modules++;
		break;
	}
	if (in.fd >= 0)
		close(in.fd);
	return 0;
}

static void find_module(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	*s = (struct ap_unwind_site){.kind = AP_SITE_NO_TABLE, .start = address, .end_address = address + 1};
	for (size_t i = 0; i < n_modules; i++)
		if (address >= modules[i].start && address < modules[i].end)
			*s = (struct ap_unwind_site){.kind = AP_SITE_TABLE,
				.table = modules[i].table,
				.bias = modules[i].bias,
				.start = modules[i].start,
				.end_address = modules[i].end};
}

static size_t read_self(void *ctx, uint64_t address, void *ret, size_t n)
{
	memcpy(ret, (const void *)address, n);
	return n;
}

/* What the handler saw: the walk from itself, and the one from what was interrupted. */
static struct {
	uint64_t out[FRAMES_MAX], inner[FRAMES_MAX], interrupted;
	size_t n_out, n_inner;
	enum ap_stack_end end;
} seen;

static size_t walk(const struct ap_regs *r, uint64_t *ret)
{
	struct ap_unwind_request rq = {
		.regs = r, .stack = (const void *)r->r[AP_REG_SP], .stack_size = 16 << 10, .find = find_module, .read = read_self};

	return ap_unwind(&rq, ret, FRAMES_MAX, &seen.end);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP | 1ull << AP_REG_LR};
	register uint64_t lr asm("x30");

	asm volatile("adr %0, .\n\tmov %1, sp\n\tmov %2, x29\n\tmov %3, x30"
		     : "=&r"(r.r[AP_REG_PC]), "=&r"(r.r[AP_REG_SP]), "=&r"(r.r[AP_REG_FP]), "=&r"(r.r[AP_REG_LR])
		     : "r"(lr));
	seen.n_out = walk(&r, seen.out);
	r.known = (1ull << AP_REG_COUNT) - 1;
	memcpy(r.r, u->uc_mcontext.regs, sizeof u->uc_mcontext.regs);
	r.r[AP_REG_SP] = u->uc_mcontext.sp;
	r.r[AP_REG_PC] = seen.interrupted = u->uc_mcontext.pc;
	seen.n_inner = walk(&r, seen.inner);
	u->uc_mcontext.pc += 4; /* behind the instruction that trapped */
}

__attribute__((noinline)) static int fault(int depth)
{
	volatile int n = depth;

	if (depth)
		return fault(depth - 1) + n;
	asm volatile("udf #0");
	return n;
}

START_TEST(a_handler_leads_to_what_it_interrupted)
{
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	size_t skip;

	dl_iterate_phdr(add_module, NULL);
	ck_assert_uint_gt(n_modules, 1);
	sigaction(SIGILL, &a, NULL);
	ck_assert_int_eq(fault(5), 15);
	ck_assert_int_eq(seen.end, AP_STACK_END_COMPLETE);
	ck_assert_uint_gt(seen.n_inner, 8);
	ck_assert_uint_eq(seen.inner[0], seen.interrupted);
	ck_assert_uint_gt(seen.n_out, seen.n_inner);
	skip = seen.n_out - seen.n_inner; /* the handler, the trampoline */
	ck_assert_uint_eq(skip, 2);
	for (size_t i = 0; i < seen.n_inner; i++)
		ck_assert_uint_eq(seen.out[skip + i], seen.inner[i]);
	while (n_modules)
		ap_unwind_table_free(modules[--n_modules].table);
}
END_TEST

/* From 0x1000 a table that counts from the stack pointer, from 0x4000 code without one. */
static void find_mixed(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	if (address < 0x4000)
		*s = (struct ap_unwind_site){.kind = AP_SITE_TABLE, .table = ctx, .end_address = 0x4000};
	else
		*s = (struct ap_unwind_site){.kind = AP_SITE_NO_TABLE, .start = 0x4000, .end_address = UINT64_MAX};
}

START_TEST(without_a_stack_pointer_the_chain_goes_on)
{
	/* {fp, lr} of code without a table, of two functions with one, of the outermost */
	uint64_t stack[] = {0x700020, 0x2001, 0, 0, 0x700040, 0x2101, 0, 0, 0, 0}, at[8];
	struct ap_regs r = {.known = 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP};
	struct ap_rule rule = {.cfa_kind = AP_CFA_REG, .cfa_reg = AP_REG_SP, .cfa_offset = 32};
	uint32_t pc = 0;
	uint16_t number = 0;
	struct ap_unwind_table t = {.base = 0x1000, .pcs = &pc, .rules_of = &number, .n = 1, .rules = &rule, .n_rules = 1};
	struct ap_unwind_request rq = {.regs = &r, .stack = stack, .stack_size = sizeof stack, .find = find_mixed, .ctx = &t};
	enum ap_stack_end end;

	rule.reg[AP_REG_PC] = rule.reg[AP_REG_LR] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -24};
	rule.reg[AP_REG_FP] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -32};
	r.r[AP_REG_PC] = 0x4500;
	r.r[AP_REG_SP] = r.r[AP_REG_FP] = 0x700000;
	ck_assert_uint_eq(ap_unwind(&rq, at, 8, &end), 3);
	ck_assert_uint_eq(at[1], 0x2000);
	ck_assert_uint_eq(at[2], 0x2100);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
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
	tcase_add_test(t, a_handler_leads_to_what_it_interrupted);
	tcase_add_test(t, without_a_stack_pointer_the_chain_goes_on);
	suite_add_tcase(s, t);
	return check_main(s);
}
