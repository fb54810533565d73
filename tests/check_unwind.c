/* unwind: our rules against libdw's own interpretation, our walk against backtrace(3), damaged files, dumps that end. */
#include "base/mem.h"
#include "unwind/table.h"
#include "tests/check_main.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PCS = 5000, CUTS = 200 };

static int open_table(const char *path, struct ap_unwind_table **ret_table)
{
	struct ap_why why = {.text = ""};
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct ap_unwind_input in = {.fd = fd};

	if (fd < 0)
		return -ENOENT;
	err = ap_unwind_table_build(&in, ret_table, &why);
	close(fd);
	return err;
}

static int64_t operand(const Dwarf_Op *op)
{
	return (int64_t)(op->atom == DW_OP_bregx ? op->number2 : op->number);
}

static int base_of(const Dwarf_Op *op)
{
	return op->atom == DW_OP_bregx ? (int)op->number : op->atom - DW_OP_breg0;
}

static void compare_cfa(Dwarf_Frame *f, const struct ap_rule *rule)
{
	Dwarf_Op *ops;
	size_t n;

	ck_assert_int_eq(dwarf_frame_cfa(f, &ops, &n), 0);
	if (rule->cfa_kind == AP_CFA_REG || rule->cfa_kind == AP_CFA_DEREF_REG) {
		ck_assert_int_eq(base_of(&ops[0]), rule->cfa_reg);
		ck_assert_int_eq(operand(&ops[0]), rule->cfa_offset);
		ck_assert_uint_eq(n, rule->cfa_kind == AP_CFA_REG ? 1 : rule->cfa_add ? 3 : 2);
		if (n > 1)
			ck_assert_int_eq(ops[1].atom, DW_OP_deref);
		if (n > 2)
			ck_assert_int_eq((int64_t)ops[2].number, rule->cfa_add);
	} else {
		ck_assert_uint_gt(n, 3); /* the PLT, or one that has no rule */
	}
}

/* Of a register that no instruction mentions libdw says "same" or "unknown" as its back end has it; we say "same" of those that the ABI saves. */
static void compare_register(Dwarf_Frame *f, int reg, const struct ap_reg_rule *g, const char *where)
{
	Dwarf_Op memory[3], *ops;
	int64_t offset = 0;
	size_t n;

	ck_assert_int_eq(dwarf_frame_register(f, reg, memory, &ops, &n), 0);
	if (!n) {
		ck_assert_msg(g->kind == AP_RULE_UNDEFINED || (reg != AP_REG_PC && g->kind == AP_RULE_SAME), "%s register %d: kind %d", where, reg,
			g->kind);
		return;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa) {
		ck_assert_msg(g->kind == AP_RULE_REG && g->base == (ops[0].atom == DW_OP_regx ? (int)ops[0].number : ops[0].atom - DW_OP_reg0),
			"%s register %d: another register", where, reg);
		return;
	}
	if (n == 2 && ops[1].atom != DW_OP_plus_uconst && ops[1].atom != DW_OP_stack_value) {
		ck_assert_msg(g->kind == AP_RULE_AT_REG && g->base == base_of(&ops[1]) && g->offset == operand(&ops[1]), "%s register %d: expression",
			where, reg);
		return;
	}
	if (n > 1 && ops[1].atom == DW_OP_plus_uconst)
		offset = (int64_t)ops[1].number;
	if (reg == AP_REG_SP && g->kind == AP_RULE_UNDEFINED) { /* the CFA, which is how a step takes it */
		ck_assert_int_eq(offset, 0);
		return;
	}
	ck_assert_msg(g->kind == (ops[n - 1].atom == DW_OP_stack_value ? AP_RULE_VAL_CFA : AP_RULE_AT_CFA) && g->offset == offset,
		"%s register %d: kind %d, offset %d and not %lld", where, reg, g->kind, g->offset, (long long)offset);
}

static void compare_row(Dwarf_Frame *f, const struct ap_rule *rule, const char *path, uint64_t pc)
{
	char where[200];

	snprintf(where, sizeof where, "%s+%#llx", path, (unsigned long long)pc);
	compare_cfa(f, rule);
	for (int i = 0; i < AP_REG_COUNT; i++)
		compare_register(f, i, &rule->reg[i], where);
}

static bool is_entry(const struct ap_rule *rule)
{
	return rule && rule->cfa_kind == AP_CFA_BAD && rule->reg[AP_REG_PC].kind == AP_RULE_UNDEFINED;
}

static void compare_file(const char *path)
{
	struct ap_unwind_table *t = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t same = 0;
	Elf *elf;
	Dwarf_CFI *cfi;

	if (fd < 0)
		return;
	elf_version(EV_CURRENT);
	ck_assert_int_eq(open_table(path, &t), 0);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = dwarf_getcfi_elf(elf);
	ck_assert_ptr_nonnull(cfi);
	for (size_t i = 0; i < t->n; i += 1 + (t->n > PCS ? t->n / PCS : 0)) { /* at a row's start, and in its middle */
		uint64_t last = i + 1 < t->n ? t->pcs[i + 1] - 1 : t->pcs[i], pc = t->base + (i % 2 ? t->pcs[i] : (t->pcs[i] + last) / 2);
		const struct ap_rule *rule = ap_unwind_table_find(t, pc);
		Dwarf_Frame *f;

		if (dwarf_cfi_addrframe(cfi, pc, &f)) {
			ck_assert_msg(!rule || is_entry(rule), "%s+%#lx: a rule where libdw has none", path, (unsigned long)pc);
			continue;
		}
		ck_assert_msg(rule != NULL, "%s+%#lx: no rule where libdw has one", path, (unsigned long)pc);
		compare_row(f, rule, path, pc);
		free(f);
		same++;
	}
	ck_assert_uint_gt(same, t->n > PCS ? PCS / 2 : t->n / 2);
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
	ap_unwind_table_free(t);
}

START_TEST(rules_are_those_of_libdw)
{
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3.11", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/git",
		"/lib/x86_64-linux-gnu/libcrypto.so.3", "/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/bin/rg", "/lib/x86_64-linux-gnu/libLLVM-15.so.1",
		"/usr/bin/node", "/lib/aarch64-linux-gnu/libc.so.6"};

	for (size_t i = 0; i < AP_ARRAY_LEN(paths); i++)
		compare_file(paths[i]);
}
END_TEST

START_TEST(a_truncated_file_is_refused_and_not_fatal)
{
	struct ap_unwind_table *t = NULL;
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *all;

	ck_assert(fd >= 0 && !fstat(fd, &st));
	all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(all != MAP_FAILED);
	for (size_t i = 0; i < CUTS; i++) {
		size_t n = i < 100 ? i : (size_t)st.st_size * (i - 100) / 100;
		char *cut = malloc(n + !n);
		struct ap_unwind_input in = {.fd = -1, .image = cut, .image_size = n};

		memcpy(cut, all, n);
		if (!ap_unwind_table_build(&in, &t, NULL))
			ap_unwind_table_free(t);
		else
			ck_assert_uint_lt(n, (size_t)st.st_size);
		free(cut);
	}
	munmap(all, (size_t)st.st_size);
	close(fd);
}
END_TEST

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

int main(void)
{
	Suite *s = suite_create("unwind");
	TCase *t = tcase_create("unwind");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, rules_are_those_of_libdw);
	tcase_add_test(t, a_truncated_file_is_refused_and_not_fatal);
	tcase_add_test(t, frame_pointers_are_followed_and_a_short_dump_says_so);
	suite_add_tcase(s, t);
	return check_main(s);
}
