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
	ck_assert(!ap_tables_wait(t, UINT64_MAX)); /* nothing is under way */
	ck_assert(!ap_tables_site(t, &a, false, &site));
	ck_assert(ap_tables_wait(t, UINT64_MAX));
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
	/* while it is built a table has room to grow, up to twice what it needs */
	ck_assert_int_eq(ap_tables_new(ap_unwind_table_bytes(one) * 2 - 1, &t), 0);
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

/* What release offers: it goes unless its process is `waiting`. */
struct offered {
	uint32_t waiting, pid[16];
	uint64_t time_ns[16];
	size_t n, asked_in_vain;
};

static bool offer(void *ctx, const struct ap_event *e)
{
	struct offered *o = ctx;

	if (e->pid == o->waiting) {
		o->asked_in_vain++;
		return false;
	}
	o->pid[o->n] = e->pid;
	o->time_ns[o->n++] = e->time_ns;
	return true;
}

START_TEST(events_are_held_in_order_and_bounded)
{
	struct ap_hold h = {.max_bytes = 3 * sizeof(struct ap_event)};
	struct ap_event e = {.size = sizeof e};
	struct offered o = {.waiting = 1};

	for (e.time_ns = 1; e.time_ns <= 3; e.time_ns++)
		ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ck_assert_int_eq(ap_hold_put(&h, &e), -ENOSPC);
	ck_assert(ap_hold_release(&h, offer, &o));
	ck_assert_uint_eq(o.n, 3);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_uint_eq(o.time_ns[i], i + 1);
	ck_assert_ptr_null(h.first);
	ck_assert_uint_eq(h.bytes + h.n_owners, 0);
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ap_hold_done(&h);
}
END_TEST

START_TEST(a_process_that_waits_holds_up_its_forks_and_nobody_else)
{
	struct ap_hold h = {.max_bytes = 1 << 20};
	struct ap_event e = {.size = sizeof e, .pid = 1, .kind = AP_EVENT_EXIT};
	struct ap_fork f = {.h = {.size = sizeof f, .pid = 2, .kind = AP_EVENT_FORK}, .parent_pid = 1};
	struct offered o = {.waiting = 1};

	ck_assert(!ap_hold_concerns(&h, &e));
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ck_assert(ap_hold_concerns(&h, &e));
	ck_assert(ap_hold_concerns(&h, &f.h));
	ck_assert_int_eq(ap_hold_put(&h, &f.h), 0);
	e.pid = 2;
	ck_assert(ap_hold_concerns(&h, &e));
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	e.pid = 3;
	ck_assert(!ap_hold_concerns(&h, &e));
	ck_assert_int_eq(ap_hold_put(&h, &e), 0);
	ck_assert(!ap_hold_release(&h, offer, &o));
	ck_assert_uint_eq(o.n, 1);
	ck_assert_uint_eq(o.pid[0], 3);
	ck_assert_uint_eq(o.asked_in_vain, 1);
	o = (struct offered){.waiting = 4};
	ck_assert(ap_hold_release(&h, offer, &o));
	ck_assert_uint_eq(o.n, 3);
	ck_assert_uint_eq(o.pid[0] * 100 + o.pid[1] * 10 + o.pid[2], 122);
	ap_hold_done(&h);
}
END_TEST

START_TEST(past_half_of_the_bound_less_of_a_stack_is_held)
{
	static struct {
		struct ap_sample s;
		struct ap_regs regs;
		unsigned char stack[16 << 10];
	} e = {.s = {.h = {.pid = 1, .kind = AP_EVENT_SAMPLE, .flags = AP_SAMPLE_REGS, .size = sizeof e}, .stack_size = sizeof e.stack}};
	struct ap_hold h = {.max_bytes = 3 * sizeof e};
	int n = 0;

	while (!ap_hold_put(&h, &e.s.h))
		n++;
	ck_assert_int_gt(n, 6);
	ck_assert_uint_le(h.bytes, h.max_bytes);
	ap_hold_done(&h);
	ck_assert_uint_eq(h.bytes, 0);
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
	tcase_add_test(t, a_process_that_waits_holds_up_its_forks_and_nobody_else);
	tcase_add_test(t, past_half_of_the_bound_less_of_a_stack_is_held);
	suite_add_tcase(s, t);
	return check_main(s);
}
