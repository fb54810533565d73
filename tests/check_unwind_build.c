/* unwind: tables made of files, whole ones, damaged ones, and within a bound on memory. */
#include "unwind/table.h"
#include "tests/check_main.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CUTS = 200 };

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

#if defined(__x86_64__)
enum { MANY = 200, TEXT_BYTES = 4 << 20, TEXT_AT = 0x10000, PROGRAM_PHDRS = MANY + 1 };
static const uint8_t trampoline[] = {0x90, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

/* A program of MANY segments of code, each shifted by a byte, whose dynamic section has one entry; musl's trampoline is near the first's
 * end. */
static int program_with_trampoline(int64_t tag)
{
	Elf64_Ehdr eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof eh,
		.e_ehsize = sizeof eh,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = PROGRAM_PHDRS};
	Elf64_Phdr ph[PROGRAM_PHDRS] = {0};
	Elf64_Dyn dyn[2] = {{.d_tag = tag, .d_un.d_val = 1}};
	int fd = memfd_create("program", MFD_CLOEXEC);

	for (int i = 0; i < MANY; i++)
		ph[i] = (Elf64_Phdr){.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_offset = TEXT_AT + (uint64_t)i,
			.p_vaddr = TEXT_AT + (uint64_t)i,
			.p_filesz = TEXT_BYTES - MANY,
			.p_memsz = TEXT_BYTES - MANY};
	ph[MANY] = (Elf64_Phdr){.p_type = PT_DYNAMIC, .p_offset = sizeof eh + sizeof ph, .p_filesz = sizeof dyn, .p_memsz = sizeof dyn};
	ck_assert(fd >= 0 && !ftruncate(fd, TEXT_AT + TEXT_BYTES));
	ck_assert_int_eq(pwrite(fd, &eh, sizeof eh, 0), sizeof eh);
	ck_assert_int_eq(pwrite(fd, ph, sizeof ph, sizeof eh), sizeof ph);
	ck_assert_int_eq(pwrite(fd, dyn, sizeof dyn, sizeof eh + sizeof ph), sizeof dyn);
	return fd;
}

static const struct ap_rule *rule_at_trampoline(int fd, uint64_t at)
{
	static struct ap_rule rule;
	struct ap_unwind_input in = {.fd = fd};
	struct ap_unwind_table *t = NULL;
	const struct ap_rule *found;

	ck_assert_int_eq(pwrite(fd, trampoline, sizeof trampoline, (off_t)at), sizeof trampoline);
	if (ap_unwind_table_build(&in, &t, NULL))
		return NULL;
	found = ap_unwind_table_find(t, at);
	if (found)
		rule = *found;
	ap_unwind_table_free(t);
	return found ? &rule : NULL;
}

/* It is looked for where a C library may be, and nowhere else: what needs another library gets its signals' way back from there. */
START_TEST(the_trampoline_of_a_c_library_has_a_rule)
{
	const uint64_t at = TEXT_AT + TEXT_BYTES / 2;
	int own = program_with_trampoline(DT_SONAME), of_others = program_with_trampoline(DT_NEEDED);
	const struct ap_rule *rule = rule_at_trampoline(own, at);

	ck_assert(rule && rule->signal);
	ck_assert_ptr_null(rule_at_trampoline(of_others, at));
	close(own);
	close(of_others);
}
END_TEST

/* Segments that overlap are hostile: all together may not cost more than one that is large. */
START_TEST(many_segments_of_code_are_not_all_read)
{
	int fd = program_with_trampoline(DT_SONAME);
	struct ap_unwind_input in = {.fd = fd};
	struct ap_unwind_table *t = NULL;
	struct rusage before, after;

	ck_assert(!getrusage(RUSAGE_SELF, &before));
	ck_assert_int_ne(ap_unwind_table_build(&in, &t, NULL), 0);
	ck_assert(!getrusage(RUSAGE_SELF, &after));
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10); /* KiB; AddressSanitizer's own included */
	close(fd);
}
END_TEST

/* Small programs, kept as seeds of the fuzz target: gcc's, one with a search table, one without, and two with .debug_frame alone. */
static struct ap_unwind_table *seed(const char *name)
{
	struct ap_unwind_input in;
	struct ap_unwind_table *t = NULL;
	char path[4096];

	snprintf(path, sizeof path, TEST_SRCDIR "/tests/fuzz/seeds/eh_frame/%s", name);
	in = (struct ap_unwind_input){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	ck_assert_msg(in.fd >= 0 && !ap_unwind_table_build(&in, &t, NULL), "%s", path);
	close(in.fd);
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

int main(void)
{
	Suite *s = suite_create("unwind_build");
	TCase *t = tcase_create("unwind_build");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_truncated_file_is_refused_and_not_fatal);
	tcase_add_test(t, a_bound_on_memory_is_kept);
#if defined(__x86_64__)
	tcase_add_test(t, without_a_search_table_and_compressed_it_is_the_same_table);
	tcase_add_test(t, expressions_become_rules);
	tcase_add_test(t, the_trampoline_of_a_c_library_has_a_rule);
	tcase_add_test(t, many_segments_of_code_are_not_all_read);
#endif
	suite_add_tcase(s, t);
	return check_main(s);
}
