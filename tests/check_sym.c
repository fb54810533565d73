/* sym: perf maps in both forms, kallsyms, a hostile job among good ones, demangling. */
#include "base/mem.h"
#include "sym/starts.h"
#include "sym/sym.h"
#include "tests/check_main.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct seen {
	char names[8][128];
	size_t done, named[8];
	char linkage[8][128], why[8][256];
};

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	struct seen *s = ctx;

	ck_assert_uint_ge(n, 1);
	snprintf(s->names[id], sizeof s->names[id], "%s", lines[n - 1].function);
	snprintf(s->linkage[id], sizeof s->linkage[id], "%s", lines[n - 1].linkage_name);
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	struct seen *s = ctx;

	ck_assert_uint_eq(job, s->done);
	snprintf(s->why[job], sizeof s->why[job], "%s", why);
	s->named[s->done++] = named;
}

static int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static const uint32_t IDS[] = {0, 1, 2, 3, 4, 5};

static struct ap_sym_job job_of(enum ap_sym_kind kind, int fd, const uint64_t *addresses, size_t n)
{
	return (struct ap_sym_job){.kind = kind,
		.fd = fd,
		.jitdump_fd = -1,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = "file",
		.build_id = "",
		.addresses = addresses,
		.ids = IDS,
		.n = n};
}

static void run(struct ap_sym_job *jobs, size_t n, struct seen *s)
{
	struct ap_sym_config cfg = {.debug_files = false};
	struct ap_why why = {.text = ""};

	memset(s, 0, sizeof *s);
	ck_assert_msg(!ap_sym_run(&cfg, jobs, n, on_named, on_done, s, &why), "%s", why.text);
	ck_assert_uint_eq(s->done, n);
}

START_TEST(perf_maps_of_both_forms)
{
	static const uint64_t at[] = {0xfff, 0x1000, 0x10ff, 0x1100, 0x2008};
	int fd = text_fd("1000 100 old name\n0x2000 0x10 Lfoo;::bar()\nnonsense\n1000 100 new name\n");
	struct ap_sym_job job = job_of(AP_SYM_JIT, fd, at, AP_ARRAY_LEN(at));
	struct seen s;

	run(&job, 1, &s);
	ck_assert_uint_eq(s.named[0], 3);
	ck_assert_str_eq(s.names[0], "");
	ck_assert_str_eq(s.names[1], "new name");
	ck_assert_str_eq(s.names[2], "new name");
	ck_assert_str_eq(s.names[3], "");
	ck_assert_str_eq(s.names[4], "Lfoo;::bar()");
	close(fd);
}
END_TEST

START_TEST(kallsyms_is_relative_to_text)
{
	static const uint64_t at[] = {0, 0x15, 0x1000};
	int fd = text_fd("ffffffff81000000 T _text\nffffffff81000010 t second\nffffffff81000012 d data\nffffffff81001000 t inmod\t[mod]\n");
	struct ap_sym_job job = job_of(AP_SYM_KERNEL, fd, at, AP_ARRAY_LEN(at));
	struct seen s;

	job.kernel_text = 0xffffffff81000000;
	run(&job, 1, &s);
	ck_assert_str_eq(s.names[0], "_text");
	ck_assert_str_eq(s.names[1], "second");
	ck_assert_str_eq(s.names[2], "inmod");
	close(fd);
}
END_TEST

START_TEST(a_hostile_file_costs_its_own_names_alone)
{
	static const uint64_t at[] = {0x1000};
	int good = text_fd("1000 100 good\n"), bad = text_fd("\177ELF\2\1\1 and then nothing that makes sense");
	struct ap_sym_job jobs[] = {job_of(AP_SYM_ELF, bad, at, 1), job_of(AP_SYM_JIT, good, at, 1), job_of(AP_SYM_ELF, -1, at, 1)};
	struct seen s;

	/* addresses that are not there: reading them kills the child */
	jobs[2] = job_of(AP_SYM_JIT, good, (const uint64_t *)16, 1);
	struct ap_sym_job order[] = {jobs[0], jobs[2], jobs[1]};

	run(order, 3, &s);
	ck_assert_uint_eq(s.named[0], 0);
	ck_assert_uint_eq(s.named[1], 0);
	ck_assert_uint_eq(s.named[2], 1);
	ck_assert_ptr_nonnull(strstr(s.why[1], "crashed"));
	ck_assert_str_eq(s.names[0], "good");
	close(good);
	close(bad);
}
END_TEST

START_TEST(hidden_kernel_addresses_are_said)
{
	static const uint64_t at[] = {0x10};
	int fd = text_fd("0000000000000000 T _text\n0000000000000000 t second\n");
	struct ap_sym_job jobs[] = {job_of(AP_SYM_KERNEL, fd, at, 1), job_of(AP_SYM_MODULE, fd, at, 1)};
	struct seen s;

	run(jobs, 2, &s);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(s.named[i], 0);
		ck_assert_ptr_nonnull(strstr(s.why[i], "hides its addresses"));
		ck_assert_ptr_nonnull(strstr(s.why[i], "kptr_restrict"));
	}
	close(fd);
}
END_TEST

/* The first address of a function that every vDSO has. */
START_TEST(the_vdso_has_names)
{
	const Elf64_Ehdr *eh = (const void *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Shdr *sh = eh ? (const void *)((const char *)eh + eh->e_shoff) : NULL;
	uint64_t at = 0;

	if (!eh) /* valgrind hides it */
		return;
	for (size_t i = 0; i < eh->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)((const char *)eh + sh[i].sh_offset);
		const char *names = sh[i].sh_type == SHT_DYNSYM ? (const char *)eh + sh[sh[i].sh_link].sh_offset : NULL;

		for (size_t k = 0; names && k < sh[i].sh_size / sizeof *sym; k++)
			if (strstr(names + sym[k].st_name, "clock_gettime"))
				at = sym[k].st_value;
	}
	struct ap_sym_job job = job_of(AP_SYM_ELF, -1, &at, 1);
	struct seen s;

	job.image = eh;
	job.image_size = eh->e_shoff + (size_t)eh->e_shnum * eh->e_shentsize;
	run(&job, 1, &s);
	ck_assert_ptr_nonnull(strstr(s.names[0], "clock_gettime"));
}
END_TEST

START_TEST(the_linkage_name_is_kept)
{
	static const uint64_t at[] = {0x1000, 0x2000};
	int fd = text_fd("1000 10 _ZN3foo3barEi\n2000 10 plain\n");
	struct ap_sym_job job = job_of(AP_SYM_JIT, fd, at, AP_ARRAY_LEN(at));
	struct seen s;

	run(&job, 1, &s);
	ck_assert_str_eq(s.names[0], "foo::bar(int)");
	ck_assert_str_eq(s.linkage[0], "_ZN3foo3barEi");
	ck_assert_str_eq(s.linkage[1], "");
	close(fd);
}
END_TEST

START_TEST(what_has_no_time_left_is_said)
{
	static const uint64_t at[] = {0x1000};
	int good = text_fd("1000 100 good\n");
	struct ap_sym_job jobs[] = {job_of(AP_SYM_JIT, good, at, 1), job_of(AP_SYM_JIT, good, at, 1)};
	struct ap_sym_config cfg = {.total_timeout_ns = 1};
	struct ap_why why = {.text = ""};
	struct seen s = {.done = 0};

	ck_assert_int_eq(ap_sym_run(&cfg, jobs, 2, on_named, on_done, &s, &why), 0);
	ck_assert_uint_eq(s.done, 2);
	ck_assert_uint_eq(s.named[0] + s.named[1], 0);
	ck_assert_ptr_nonnull(strstr(s.why[1], "aperture symbolize"));
	close(good);
}
END_TEST

START_TEST(names_are_demangled)
{
	static const char *const pairs[][2] = {{"_ZN3foo3barEi", "foo::bar(int)"}, {"main", "main"}, {"_Zbroken", "_Zbroken"},
		{"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"}, {"_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example"},
		{"_D8demangle4testFiZi", "demangle.test(int)"}};

	for (size_t i = 0; i < AP_ARRAY_LEN(pairs); i++) {
		struct ap_buf b = {0};

		ck_assert_int_eq(ap_sym_demangle(pairs[i][0], &b), 0);
		ck_assert_msg(!strncmp(b.data, pairs[i][1], strlen(pairs[i][1])), "%s: %s", pairs[i][0], b.data);
		ap_buf_done(&b);
	}
}
END_TEST

/* The C library has the sorted table too: what it says, .eh_frame says without it, read through its section and through its segment. */
START_TEST(the_frames_alone_give_the_starts_of_the_table)
{
	struct fdes by_section, by_segment;
	uint64_t start, other, frame = 0;
	struct starts s;
	size_t found = 0;
	Dl_info info;
	Elf *elf;
	int fd;

	ck_assert(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info));
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	ck_assert_ptr_nonnull(elf);
	starts_open(elf, &s);
	ck_assert_uint_gt(s.n, 1000);
	ck_assert_uint_eq(s.fdes.n, 0); /* not read where they are not needed */
	fdes_read(elf, 0, &by_section);
	memcpy(&frame, s.table - 8, 4); /* pcrel, sdata4 */
	fdes_read(elf, s.base + 4 + (uint64_t)(int64_t)(int32_t)frame, &by_segment);
	ck_assert_uint_eq(by_section.n, by_segment.n);
	for (size_t i = 0; i < by_section.n; i++)
		for (int last = 0; last < 2; last++) {
			uint64_t address = by_section.v[i].start + (last ? by_section.v[i].size - 1 : 0);

			if (!starts_find(&s, address, &start))
				continue;
			found++;
			ck_assert(fdes_find(&by_section, address, &other) && other == start);
			ck_assert(fdes_find(&by_segment, address, &other) && other == start);
		}
	ck_assert_uint_gt(found, s.n * 2 * 99 / 100);
	fdes_done(&by_section);
	fdes_done(&by_segment);
	starts_done(&s);
	elf_end(elf);
	close(fd);
}
END_TEST

enum { LETTERS = 1 << 18, TURNS = 100000, CIE_SIZE = 8 + 2 + LETTERS + 2 + 3 + 2 + 7, FDE_SIZE = 20 };

static unsigned char *put_cie(unsigned char *at)
{
	static const unsigned char tail[] = {'R', 0, 1, 0x78, 16, 1, 0x1b};
	uint32_t length = CIE_SIZE - 4;

	memcpy(at, &length, 4);
	at[8] = 1;
	at[9] = 'z';
	memset(at + 10, 'S', LETTERS);
	memcpy(at + 10 + LETTERS, tail, sizeof tail);
	return at + CIE_SIZE;
}

/* FDEs in turns of two CIEs of 256 KB each: they cost what they say and not its product. */
START_TEST(frames_that_refer_to_long_entries_in_turns_are_cheap)
{
	enum { FRAME = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), SIZE = FRAME + 2 * CIE_SIZE + TURNS * FDE_SIZE };
	unsigned char *image = calloc(1, SIZE), *at = image + FRAME;
	Elf64_Ehdr *h = (Elf64_Ehdr *)image;
	struct fdes f;
	clock_t began;
	Elf *elf;

	ck_assert_ptr_nonnull(image);
	*h = (Elf64_Ehdr){.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = 1,
		.e_phoff = sizeof *h,
		.e_ehsize = sizeof *h,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1};
	memcpy(h->e_ident, ELFMAG "\2\1\1", 8);
	*(Elf64_Phdr *)(h + 1) = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = SIZE, .p_memsz = SIZE};
	at = put_cie(put_cie(at));
	for (uint32_t i = 0; i < TURNS; i++, at += FDE_SIZE) {
		uint32_t id_at = (uint32_t)(at + 4 - image) - FRAME, words[] = {FDE_SIZE - 4, id_at - (i % 2) * CIE_SIZE, 0x1000, 16, 0};

		memcpy(at, words, sizeof words);
	}
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)image, SIZE);
	ck_assert_ptr_nonnull(elf);
	began = clock();
	fdes_read(elf, FRAME, &f);
	ck_assert_msg(clock() - began < CLOCKS_PER_SEC, "%.1f s", (double)(clock() - began) / CLOCKS_PER_SEC);
	ck_assert(!f.n && !f.v);
	elf_end(elf);
	free(image);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sym");
	TCase *t = tcase_create("sym");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, perf_maps_of_both_forms);
	tcase_add_test(t, kallsyms_is_relative_to_text);
	tcase_add_test(t, a_hostile_file_costs_its_own_names_alone);
	tcase_add_test(t, hidden_kernel_addresses_are_said);
	tcase_add_test(t, the_vdso_has_names);
	tcase_add_test(t, the_linkage_name_is_kept);
	tcase_add_test(t, what_has_no_time_left_is_said);
	tcase_add_test(t, names_are_demangled);
	tcase_add_test(t, the_frames_alone_give_the_starts_of_the_table);
	tcase_add_test(t, frames_that_refer_to_long_entries_in_turns_are_cheap);
	suite_add_tcase(s, t);
	return check_main(s);
}
