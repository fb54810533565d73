/* unwind on aarch64: walks out of a real signal handler and past code without a table. Run natively or under qemu-user (tests/cross). */
#include "unwind/table.h"
#include "tests/check_main.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { MODULES_MAX = 8, FRAMES_MAX = 64 };
/* This process's code, and its tables. */
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
	Suite *s = suite_create("unwind_arm_walk");
	TCase *t = tcase_create("unwind_arm_walk");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_handler_leads_to_what_it_interrupted);
	tcase_add_test(t, without_a_stack_pointer_the_chain_goes_on);
	suite_add_tcase(s, t);
	return check_main(s);
}
