/* proc: what lies where. */
#include "proc/elf.h"
#include "proc/maps.h"
#include "proc/scan.h"
#include "tests/proc_make.h"

START_TEST(maps_lines)
{
	char ok[] = "7f00-7f10 r-xp 00002000 fe:00 247134    /a b\\012c (deleted)", bad[] = "7f10-7f00 r-xp 0 0:0 0";
	char none[] = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]";
	struct ap_maps_line l;

	ck_assert(ap_maps_line_parse(ok, &l));
	ck_assert_uint_eq(l.start, 0x7f00);
	ck_assert_uint_eq(l.file_offset, 0x2000);
	ck_assert_uint_eq(l.device_major, 0xfe);
	ck_assert_uint_eq(l.inode, 247134);
	ck_assert(l.executable);
	ck_assert_str_eq(l.path, "/a b\nc (deleted)");
	ck_assert(!ap_maps_line_parse(bad, &l));
	ck_assert(ap_maps_line_parse(none, &l));
	ck_assert_str_eq(l.path, "[vsyscall]");
}
END_TEST

START_TEST(bias_comes_from_the_segment)
{
	const struct ap_segment s[] = {{.file_offset = 0, .file_size = 0x1800, .address = 0x400000, .flags = 4},
		{.file_offset = 0x1800, .file_size = 0x800, .address = 0x402800, .flags = 5}};
	uint64_t bias;

	ck_assert(ap_elf_bias(s, 2, 0x7000001000, 0x1000, &bias)); /* both pages hold 0x1000: code wins */
	ck_assert_uint_eq(bias, 0x7000001000 - (0x402800 - 0x800));
	ck_assert(!ap_elf_bias(s, 2, 0x9000, 0x8000, &bias));
	ck_assert_uint_eq(bias, 0x1000);
}
END_TEST

static void nothing(void *ctx, const struct ap_map_entry *e)
{
}

/* Property: the sorted array agrees with a byte-per-page model under random puts and clears. */
START_TEST(maps_agree_with_a_page_by_page_model)
{
	enum { PAGES = 200 };
	static struct ap_binary binaries[5];
	struct ap_binary *model[PAGES] = {0};
	struct ap_map_entry *at;
	struct ap_maps *m;
	unsigned int seed = 7, rounds = getenv("AP_FAST") ? 100 : 5000;

	ck_assert_int_eq(ap_maps_new(NULL, &m), 0);
	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t from = (uint64_t)rand_r(&seed) % PAGES, to = from + 1 + (uint64_t)rand_r(&seed) % (PAGES - from);
		struct ap_binary *b = rand_r(&seed) % 4 ? &binaries[rand_r(&seed) % 5] : NULL;
		struct ap_map_entry e = {.m = {.start = from << 12, .end = to << 12, .binary = b}};

		if (to - from > 20)
			to = from + 20, e.m.end = to << 12;
		if (b)
			ck_assert_int_ge(ap_maps_put(m, &e, nothing, NULL, &at), 0);
		else
			ck_assert_int_eq(ap_maps_clear(m, from << 12, to << 12, 1, nothing, NULL), 0);
		for (uint64_t p = from; p < to; p++)
			model[p] = b;
		for (uint64_t p = 0; p < PAGES; p++) {
			at = ap_maps_find(m, (p << 12) + 5);
			ck_assert_ptr_eq(at ? at->m.binary : NULL, model[p]);
		}
	}
	ap_maps_unref(m);
}
END_TEST

START_TEST(a_new_mapping_splits_the_old)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	uint64_t s = 5000000000;
	const struct ap_mapping *m;

	put_fork(t, 1, 7, 7, s);
	put_mmap(t, 7, s, 0x10000, 0x10000, 0x5000, "/gone/a.so");
	ck_assert_uint_eq(find(t, 7, 0x10000)->file_offset, 0x5000);
	put_mmap(t, 7, s + 10, 0x14000, 0x4000, 0, "/gone/b.so");
	m = find(t, 7, 0x13fff);
	ck_assert_str_eq(m->binary->path, "/gone/a.so");
	ck_assert_uint_eq(m->end, 0x14000);
	ck_assert_str_eq(find(t, 7, 0x14000)->binary->path, "/gone/b.so");
	ck_assert_str_eq(find(t, 7, 0x17fff)->binary->path, "/gone/b.so");
	m = find(t, 7, 0x18000);
	ck_assert_str_eq(m->binary->path, "/gone/a.so");
	ck_assert_uint_eq(m->file_offset, 0xd000);
	ck_assert_int_lt(m->binary->fd, 0);
	ck_assert_uint_eq(m->bias, 0x18000 - 0xd000); /* not opened: addresses are file offsets */
	ck_assert_str_ne(m->binary->why, "");
	ck_assert_ptr_null(find(t, 7, 0x20000));
	ck_assert_ptr_null(find(t, 7, 0xffff));
	ap_tracker_free(t);
}
END_TEST

START_TEST(a_lookup_is_fast)
{
	struct ap_tracker *t = tracker(NO_PROC, 0);
	enum { N = 64 };
	const uint64_t rounds = getenv("AP_FAST") ? 1000 : 1000000;
	const struct ap_process *p;
	uint64_t began, hits = 0;

	put_fork(t, 1, 7, 7, 5000000000);
	for (uint64_t i = 0; i < N; i++) {
		char path[32];

		snprintf(path, sizeof path, "/gone/%u", (unsigned int)i);
		put_mmap(t, 7, 5000000000, 0x100000 + i * 0x4000, 0x2000, 0, path);
	}
	p = ap_tracker_process(t, 7, 0);
	began = ap_now_ns();
	for (uint64_t i = 0; i < rounds; i++)
		hits += ap_tracker_find(t, p, 0x100000 + (i * 2654435761u >> 7) % N * 0x4000) != NULL;
	if (getenv("AP_SHOW_TIMES"))
		fprintf(stderr, "random lookup among %d: %.1f ns\n", N, (double)(ap_now_ns() - began) / (double)rounds);
	began = ap_now_ns();
	for (uint64_t i = 0; i < rounds; i++)
		hits += ap_tracker_find(t, p, 0x100000 + (i & 0xfff)) != NULL;
	if (getenv("AP_SHOW_TIMES"))
		fprintf(stderr, "repeated lookup: %.1f ns\n", (double)(ap_now_ns() - began) / (double)rounds);
	ck_assert_uint_eq(hits, 2 * rounds);
	ap_tracker_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc_maps");
	TCase *c = tcase_create("proc_maps");

	tcase_add_test(c, a_new_mapping_splits_the_old);
	tcase_add_test(c, maps_lines);
	tcase_add_test(c, bias_comes_from_the_segment);
	tcase_add_test(c, maps_agree_with_a_page_by_page_model);
	tcase_add_test(c, a_lookup_is_fast);
	suite_add_tcase(s, c);
	return check_main(s);
}
