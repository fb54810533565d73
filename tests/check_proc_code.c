/* proc: code that lies in no file: made at run time, the vDSO, the kernel. */
#include "tests/proc_make.h"

#include <sys/prctl.h>
#include <unistd.h>

START_TEST(memfd_and_anonymous_code_are_jit)
{
	struct ap_tracker *t = tracker(NULL, 0);
	int fd = memfd_create("code", MFD_CLOEXEC);
	const struct ap_mapping *m, *a, *other;
	void *code, *anon;
	char comm[16], name[64];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	anon = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(code != MAP_FAILED && anon != MAP_FAILED);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	m = find(t, (uint32_t)getpid(), (uintptr_t)code);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->binary->kind, AP_BINARY_JIT);
	ck_assert_uint_eq(m->binary->pid, (uint32_t)getpid());
	ck_assert_uint_eq(m->bias, 0);
	a = find(t, (uint32_t)getpid(), (uintptr_t)anon);
	ck_assert_ptr_eq(a->binary, m->binary);
	ck_assert_int_eq(prctl(PR_GET_NAME, comm), 0);
	snprintf(name, sizeof name, "[jit] %s", comm);
	ck_assert_str_eq(a->binary->path, name); /* what people read is short; which process it was is told apart by the identity */
	snprintf(name, sizeof name, "pid %d start ", (int)getpid());
	ck_assert_int_eq(strncmp(a->binary->build_id, name, strlen(name)), 0);
	put_fork(t, 1, 4194302, 4194302, ap_now_ns());
	put_comm(t, AP_EVENT_COMM, 4194302, 4194302, ap_now_ns(), comm);
	put_mmap(t, 4194302, ap_now_ns(), 0x1000, 0x1000, 0, "//anon");
	other = find(t, 4194302, 0x1800);
	ck_assert_ptr_nonnull(other);
	ck_assert_str_eq(other->binary->path, a->binary->path);
	ck_assert_ptr_ne(other->binary, a->binary);
	munmap(code, 4096);
	munmap(anon, 4096);
	close(fd);
	ap_tracker_free(t);
}
END_TEST

START_TEST(vdso_is_an_elf_image_and_one_for_all)
{
	struct ap_tracker *t = tracker(NULL, 0);
	struct ap_binary *const *all;
	size_t n, vdsos = 0;

	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getpid()), 0);
	ck_assert_int_eq(ap_tracker_scan(t, (uint32_t)getppid()), 0);
	n = ap_tracker_binaries(t, &all);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(all[i]->id, i + 1);
		if (all[i]->kind == AP_BINARY_VDSO) {
			vdsos++;
			ck_assert_int_eq(memcmp(all[i]->image, "\177ELF", 4), 0);
			ck_assert_uint_ge(all[i]->n_segments, 1);
		}
	}
	ck_assert_uint_le(vdsos, 1);
	ap_tracker_free(t);
}
END_TEST

/* kallsyms of an x86-64 kernel, of one whose _stext comes first, and of an arm64 one, which does not list _text. */
START_TEST(kernel_text_starts_at_text_or_stext)
{
	static const struct {
		const char *symbols;
		uint64_t start;
	} v[] = {
		{"0000000000000000 A fixed_percpu_data\nffffffff81000000 T startup_64\nffffffff81000000 T _stext\nffffffff81000000 T "
		 "_text\n"
		 "ffffffff82000000 T _etext\n",
			0xffffffff81000000},
		{"ffffffff81000000 T _text\nffffffff81000400 T _stext\nffffffff82000000 T _etext\n", 0xffffffff81000000},
		{"ffffae6f8bc10000 T __irqentry_text_start\nffffae6f8bc10000 T _stext\nffffae6f8bc10100 T gic_handle_irq\n"
		 "ffffae6f8c7e0000 D _etext\n",
			0xffffae6f8bc10000},
	};
	char dir[] = "/tmp/aperture-kallsyms.XXXXXX", path[64];
	const struct ap_mapping *m;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/kallsyms", dir);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct ap_tracker *t = tracker(dir, 0);
		FILE *f = fopen(path, "we");

		ck_assert(f && fputs(v[i].symbols, f) >= 0 && !fclose(f));
		m = ap_tracker_find_kernel(t, v[i].start + 0x500);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->bias, v[i].start);
		ck_assert_str_eq(m->binary->why, "");
		ck_assert_ptr_null(ap_tracker_find_kernel(t, v[i].start - 0x1000000)); /* outside: all is read */
		m = ap_tracker_find_kernel(t, v[i].start + 0x500);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->bias, v[i].start);
		ap_tracker_free(t);
	}
	unlink(path);
	rmdir(dir);
}
END_TEST

/* Where the head hides its address all others are hidden too, and tens of milliseconds of reading them would tell nothing. */
START_TEST(hidden_addresses_are_seen_at_the_head)
{
	char dir[] = "/tmp/aperture-kallsyms.XXXXXX", path[64];
	struct ap_tracker *t = tracker(mkdtemp(dir), 0);
	const struct ap_mapping *m;
	FILE *f;

	snprintf(path, sizeof path, "%s/kallsyms", dir);
	f = fopen(path, "we");
	ck_assert(f && fputs("0000000000000000 A fixed_percpu_data\n0000000000000000 T _text\n", f) >= 0);
	ck_assert(fputs("ffffffff81000000 T _text\nffffffff82000000 T _etext\n", f) >= 0 && !fclose(f)); /* must not be read */
	m = ap_tracker_find_kernel(t, 0xffffffff81000500);
	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(m->bias, 0);
	ck_assert_str_ne(m->binary->why, "");
	ap_tracker_free(t);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(kernel_text_is_relative)
{
	struct ap_tracker *t = tracker(NULL, 0);
	FILE *f = popen("grep -m1 ' [Tt] schedule$' /proc/kallsyms", "re");
	unsigned long long address = 0;
	const struct ap_mapping *m;

	ck_assert_ptr_nonnull(f);
	if (fscanf(f, "%llx", &address) != 1)
		address = 0;
	pclose(f);
	m = ap_tracker_find_kernel(t, address ? address : 1ull << 63);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(m->binary->kind, AP_BINARY_KERNEL);
	ck_assert_str_eq(m->binary->path, "[kernel]");
	ck_assert((m->bias != 0) == !*m->binary->why); /* hidden addresses: bias 0 and a reason */
	ck_assert_ptr_null(ap_tracker_find_kernel(t, 0x1000));
	ap_tracker_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc_code");
	TCase *c = tcase_create("proc_code");

	if (!is_emulated())
		tcase_add_test(c, memfd_and_anonymous_code_are_jit);
	tcase_add_test(c, vdso_is_an_elf_image_and_one_for_all);
	tcase_add_test(c, kernel_text_is_relative);
	tcase_add_test(c, kernel_text_starts_at_text_or_stext);
	tcase_add_test(c, hidden_addresses_are_seen_at_the_head);
	suite_add_tcase(s, c);
	return check_main(s);
}
