/* The recorder's tables: one a build ID, large ones by the thread, evicted and refused at the bound. And the queue of held events. */
#include "record/hold.h"
#include "record/tables.h"
#include "tests/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG = 256 << 20 };

static struct ap_binary binary_of(uint32_t id, const char *path, const char *build_id)
{
	return (struct ap_binary){
		.id = id, .kind = AP_BINARY_ELF, .path = path, .build_id = build_id, .fd = open(path, O_RDONLY | O_CLOEXEC)};
}

/* A file of more than 4 MiB with a table; -1: none here. */
static const char *large_file(void)
{
	static const char *const paths[] = {"/usr/bin/python3.11", "/usr/bin/python3", "/usr/bin/gdb", "/usr/bin/node",
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/bin/rg"};
	struct stat st;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (!stat(paths[i], &st) && st.st_size > 5 << 20)
			return paths[i];
	return NULL;
}

START_TEST(one_build_id_is_one_table)
{
	struct ap_binary a = binary_of(1, "/proc/self/exe", "abcd"), b = binary_of(5, "/proc/self/exe", "abcd"),
			 c = binary_of(3, "/proc/self/exe", "ef");
	struct ap_unwind_site one, same, other;
	struct ap_tables *t;

	ck_assert_int_eq(ap_tables_new(BIG, &t), 0);
	ck_assert(ap_tables_site(t, &a, false, &one));
	ck_assert(ap_tables_site(t, &b, false, &same));
	ck_assert(ap_tables_site(t, &a, false, &same));
	ck_assert_int_eq(one.kind, AP_SITE_TABLE);
	ck_assert_ptr_eq(one.table, same.table);
	ck_assert_uint_eq(ap_tables_built(t), 1);
	ck_assert(ap_tables_site(t, &c, false, &other));
	ck_assert_ptr_ne(one.table, other.table);
	ck_assert_uint_eq(ap_tables_built(t), 2);
	ap_tables_free(t);
	close(a.fd);
	close(b.fd);
	close(c.fd);
}
END_TEST

START_TEST(a_large_file_is_built_by_the_thread)
{
	const char *path = large_file();
	struct ap_binary a = path ? binary_of(1, path, "1234") : (struct ap_binary){.fd = -1};
	struct ap_unwind_site site;
	struct ap_tables *t;

	if (!path)
		return;
	ck_assert_int_eq(ap_tables_new(BIG, &t), 0);
	ck_assert(!ap_tables_wait(t)); /* nothing is under way */
	ck_assert(!ap_tables_site(t, &a, false, &site));
	ck_assert(ap_tables_wait(t));
	ck_assert(ap_tables_site(t, &a, false, &site));
	ck_assert_int_eq(site.kind, AP_SITE_TABLE);
	ck_assert_ptr_nonnull(site.table);
	ap_tables_free(t);

	ck_assert_int_eq(ap_tables_new(BIG, &t), 0); /* asked for at once, and while it is being built */
	ck_assert(!ap_tables_site(t, &a, false, &site));
	ck_assert(ap_tables_site(t, &a, true, &site));
	ck_assert_int_eq(site.kind, AP_SITE_TABLE);
	ck_assert_uint_eq(ap_tables_built(t), 1);
	ap_tables_free(t);

	ck_assert_int_eq(ap_tables_new(BIG, &t), 0); /* freed while it is being built */
	ck_assert(!ap_tables_site(t, &a, false, &site));
	ap_tables_free(t);
	close(a.fd);
}
END_TEST

START_TEST(at_the_bound_the_least_used_goes)
{
	struct ap_binary a = binary_of(1, "/proc/self/exe", "aa"), b = binary_of(2, "/proc/self/exe", "bb");
	struct ap_unwind_site site;
	struct ap_unwind_table *one;
	struct ap_unwind_input in = {.fd = a.fd};
	struct ap_tables *t;

	ck_assert_int_eq(ap_unwind_table_build(&in, &one, NULL), 0);
	ck_assert_int_eq(ap_tables_new(ap_unwind_table_bytes(one) * 3 / 2, &t), 0);
	ck_assert(ap_tables_site(t, &a, false, &site));
	ck_assert(ap_tables_site(t, &b, false, &site));
	ck_assert(ap_tables_site(t, &a, false, &site));
	ck_assert_int_eq(site.kind, AP_SITE_TABLE);
	ck_assert_uint_eq(ap_tables_evicted(t), 2);
	ap_tables_free(t);
	ck_assert_int_eq(ap_tables_new(ap_unwind_table_bytes(one) / 4, &t), 0);
	ck_assert(ap_tables_site(t, &a, false, &site));
	ck_assert_int_eq(site.kind, AP_SITE_NOTHING);
	ck_assert_int_eq(site.end, AP_STACK_END_TABLE_LIMIT);
	ap_tables_free(t);
	ap_unwind_table_free(one);
	close(a.fd);
	close(b.fd);
}
END_TEST

START_TEST(events_are_held_in_order_and_bounded)
{
	struct ap_hold h = {.max_bytes = 3 * sizeof(struct ap_event)};
	struct ap_event e = {.size = sizeof e};

	for (e.time_ns = 1; e.time_ns <= 3; e.time_ns++)
		ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ck_assert_int_eq(ap_hold_put(&h, &e), -ENOSPC);
	ck_assert_uint_eq(ap_hold_first(&h)->time_ns, 1);
	ap_hold_drop(&h);
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	for (uint64_t i = 2; i <= 4; i++) {
		ck_assert_uint_eq(ap_hold_first(&h)->time_ns, i);
		ap_hold_drop(&h);
	}
	ck_assert_ptr_null(ap_hold_first(&h));
	ck_assert_uint_eq(h.bytes, 0);
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ap_hold_done(&h);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind_tables");
	TCase *t = tcase_create("unwind_tables");

	tcase_add_test(t, one_build_id_is_one_table);
	tcase_add_test(t, a_large_file_is_built_by_the_thread);
	tcase_add_test(t, at_the_bound_the_least_used_goes);
	tcase_add_test(t, events_are_held_in_order_and_bounded);
	suite_add_tcase(s, t);
	return check_main(s);
}
