/* unwind: our rules against libdw's own interpretation, the walk over stacks made by hand, damaged files, dumps that end. */
#include "base/mem.h"
#include "unwind/cfi.h"
#include "unwind/table.h"
#include "tests/check_main.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PCS = 2500, CUTS = 200 };
#if defined(__x86_64__)
enum { IS_COLUMN_PC = 1 };
#else
enum { IS_COLUMN_PC = 0 };
#endif

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
			ck_assert_msg(!rule || is_entry(rule) || is_scanned(elf, pc),
				"%s+%#lx: a rule where libdw has none", path, (unsigned long)pc);
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

START_TEST(a_truncated_file_is_refused_and_not_fatal)
{
	struct ap_unwind_table *t = NULL;
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *all;

	ck_assert(fd >= 0 && !fstat(fd, &st));
	all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(all != MAP_FAILED);
	for (size_t i = 0; i < CUTS; i += getenv("AP_FAST") ? 10 : 1) {
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

#if defined(__x86_64__)
/* Small programs, kept as seeds of the fuzz target: gcc's, one with a search table, one without, and two with .debug_frame alone. */
static struct ap_unwind_table *seed(const char *name)
{
	struct ap_unwind_table *t = NULL;
	char path[4096];

	snprintf(path, sizeof path, TEST_SRCDIR "/tests/fuzz/seeds/eh_frame/%s", name);
	ck_assert_msg(!open_table(path, &t), "%s", path);
	return t;
}

static void same_tables(const char *one, const char *other)
{
	struct ap_unwind_table *a = seed(one), *b = seed(other);

	ck_assert_uint_eq(a->n, b->n);
	ck_assert_uint_gt(a->n, 10);
	for (size_t i = 0; i < a->n; i++) {
		ck_assert_uint_eq(a->pcs[i], b->pcs[i]);
		ck_assert(!memcmp(&a->rules[a->rules_of[i]], &b->rules[b->rules_of[i]], sizeof *a->rules));
	}
	ap_unwind_table_free(a);
	ap_unwind_table_free(b);
}

START_TEST(without_a_search_table_and_compressed_it_is_the_same_table)
{
	same_tables("static_hdr", "static_nohdr");
	same_tables("debug_frame", "debug_frame_z");
}
END_TEST

START_TEST(expressions_become_rules)
{
	struct ap_unwind_table *t = seed("static_hdr");
	bool plt = false, realigned = false, signal = false, value = false;

	for (size_t i = 0; i < t->n_rules; i++) {
		const struct ap_rule *r = &t->rules[i];

		plt |= r->cfa_kind == AP_CFA_PLT;
		realigned |= r->cfa_kind == AP_CFA_DEREF_REG && r->cfa_reg == AP_REG_SP && r->cfa_offset == 8 && r->cfa_add == 8;
		signal |= r->signal && r->reg[AP_REG_PC].kind == AP_RULE_AT_REG;
		value |= r->reg[AP_REG_SP].kind == AP_RULE_VAL_REG && r->reg[AP_REG_SP].offset == 16;
	}
	ck_assert(plt && realigned && signal && value);
	ap_unwind_table_free(t);
}
END_TEST

#endif

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

START_TEST(a_bound_on_memory_is_kept)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct ap_unwind_input in = {.fd = fd, .max_bytes = 2000};
	struct ap_unwind_table *t = NULL;
	struct ap_why why = {.text = ""};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ap_unwind_table_build(&in, &t, &why), -E2BIG);
	ck_assert_ptr_null(t);
	ck_assert_uint_gt(strlen(why.text), 0);
	close(fd);
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
	tcase_add_test(t, rules_are_those_of_libdw);
	tcase_add_test(t, a_truncated_file_is_refused_and_not_fatal);
	tcase_add_test(t, frame_pointers_are_followed_and_a_short_dump_says_so);
#if defined(__x86_64__)
	tcase_add_test(t, without_a_search_table_and_compressed_it_is_the_same_table);
	tcase_add_test(t, expressions_become_rules);
	tcase_add_test(t, a_stack_pointer_behind_an_array_is_found);
#else
	tcase_add_test(t, a_leaf_has_its_return_address_in_the_link_register);
#endif
	tcase_add_test(t, above_the_dump_the_living_thread_is_read_while_it_stays);
	tcase_add_test(t, a_register_that_was_popped_is_kept);
	tcase_add_test(t, a_trampoline_has_its_own_address);
	tcase_add_test(t, the_start_without_a_table_is_known_by_argc_and_argv);
	tcase_add_test(t, a_bound_on_memory_is_kept);
	suite_add_tcase(s, t);
	return check_main(s);
}
