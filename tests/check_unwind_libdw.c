/* unwind: our rules against libdw's own interpretation of the same files. */
#include "base/mem.h"
#include "unwind/table.h"
#include "tests/check_main.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PCS = 2500 };
#if defined(__x86_64__)
enum { IS_COLUMN_PC = 1 };
#else
enum { IS_COLUMN_PC = 0 };
#endif

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

/* Of a register that no instruction mentions libdw says "same" or "unknown" as its back end has it; we say "same" of those that the ABI
 * saves. */
static void compare_register(Dwarf_Frame *f, int reg, const struct ap_reg_rule *g, const char *where)
{
	Dwarf_Op memory[3], *ops;
	int64_t offset = 0;
	size_t n;

	ck_assert_int_eq(dwarf_frame_register(f, reg, memory, &ops, &n), 0);
	if (!n) {
		ck_assert_msg(g->kind == AP_RULE_UNDEFINED || (reg != AP_REG_PC && g->kind == AP_RULE_SAME), "%s register %d: kind %d",
			where, reg, g->kind);
		return;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa) {
		ck_assert_msg(
			g->kind == AP_RULE_REG && g->base == (ops[0].atom == DW_OP_regx ? (int)ops[0].number : ops[0].atom - DW_OP_reg0),
			"%s register %d: another register", where, reg);
		return;
	}
	if (n == 2 && ops[1].atom != DW_OP_plus_uconst && ops[1].atom != DW_OP_stack_value) {
		ck_assert_msg(g->kind == AP_RULE_AT_REG && g->base == base_of(&ops[1]) && g->offset == operand(&ops[1]),
			"%s register %d: expression", where, reg);
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
#if defined(__aarch64__) /* 32 is no column of a file: the return address is register 30's rule, and itself where that is the same */
	ck_assert_msg(rule->reg[AP_REG_LR].kind == AP_RULE_SAME
			      ? rule->reg[AP_REG_PC].kind == AP_RULE_REG && rule->reg[AP_REG_PC].base == AP_REG_LR
			      : !memcmp(&rule->reg[AP_REG_PC], &rule->reg[AP_REG_LR], sizeof rule->reg[0]),
		"%s: the return address", where);
#endif
	for (int i = 0; i < AP_REG_COUNT; i++)
		if (i != AP_REG_PC || IS_COLUMN_PC)
			compare_register(f, i, &rule->reg[i], where);
}

static bool is_entry(const struct ap_rule *rule)
{
	return rule && rule->cfa_kind == AP_CFA_BAD && rule->reg[AP_REG_PC].kind == AP_RULE_UNDEFINED;
}

/* Where aarch64's linker writes no call frame information, the rules come from the instructions. */
static bool is_scanned(Elf *elf, uint64_t pc)
{
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	ck_assert_int_eq(elf_getshdrstrndx(elf, &names), 0);
	while (!IS_COLUMN_PC && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && pc >= sh.sh_addr && pc - sh.sh_addr < sh.sh_size)
			return !strcmp(elf_strptr(elf, names, sh.sh_name), ".plt");
	return false;
}

static void compare_file(const char *path)
{
	struct ap_unwind_table *t = NULL;
	struct ap_unwind_input in = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	size_t same = 0;
	Elf *elf;
	Dwarf_CFI *cfi;

	if (in.fd < 0)
		return;
	elf_version(EV_CURRENT);
	ck_assert_int_eq(ap_unwind_table_build(&in, &t, NULL), 0);
	elf = elf_begin(in.fd, ELF_C_READ_MMAP, NULL);
	cfi = dwarf_getcfi_elf(elf);
	ck_assert_ptr_nonnull(cfi);
	for (size_t i = 0; i < t->n; i += 1 + (t->n > PCS ? t->n / PCS : 0)) { /* at a row's start, and in its middle */
		uint64_t last = i + 1 < t->n ? t->pcs[i + 1] - 1 : t->pcs[i], pc = t->base + (i % 2 ? t->pcs[i] : (t->pcs[i] + last) / 2);
		const struct ap_rule *rule = ap_unwind_table_find(t, pc);
		Dwarf_Frame *f;

		if (dwarf_cfi_addrframe(cfi, pc, &f)) {
			ck_assert_msg(!rule || is_entry(rule) || is_scanned(elf, pc), "%s+%#lx: a rule where libdw has none", path,
				(unsigned long)pc);
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
	close(in.fd);
	ap_unwind_table_free(t);
}

START_TEST(rules_are_those_of_libdw)
{
#if defined(__x86_64__)
	static const char *const paths[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3.11", "/lib64/ld-linux-x86-64.so.2",
		"/usr/bin/git", "/lib/x86_64-linux-gnu/libcrypto.so.3", "/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/bin/rg",
		"/lib/x86_64-linux-gnu/libLLVM-15.so.1", "/usr/bin/node"};
#else
	static const char *const paths[] = {"/lib/aarch64-linux-gnu/libc.so.6", "/usr/bin/python3.11", "/lib/ld-linux-aarch64.so.1",
		"/usr/bin/git", "/lib/aarch64-linux-gnu/libcrypto.so.3", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6"};
#endif

	for (size_t i = 0; i < (getenv("AP_FAST") ? 1 : AP_ARRAY_LEN(paths)); i++)
		compare_file(paths[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind_libdw");
	TCase *t = tcase_create("unwind_libdw");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, rules_are_those_of_libdw);
	suite_add_tcase(s, t);
	return check_main(s);
}
