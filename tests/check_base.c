/* base: hashing, buffers, the queue. */
#include "base/caps.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/share.h"
#include "base/stack_end.h"
#include "base/why.h"
#include "tests/check_main.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static uint64_t keys[5000];

static bool same(const void *ctx, uint32_t slot, const void *key)
{
	return keys[slot] == *(const uint64_t *)key;
}
static uint64_t hash_of(const void *ctx, uint32_t slot)
{
	return ap_hash_u64(keys[slot]);
}

START_TEST(index_finds_what_was_added_and_forgets_what_was_removed)
{
	struct ap_index ix = {0};
	uint64_t absent = 7;

	for (uint32_t i = 0; i < AP_ARRAY_LEN(keys); i++) {
		keys[i] = 1000 + i * 3;
		ck_assert_int_eq(ap_index_add(&ix, ap_hash_u64(keys[i]), i, hash_of, NULL), 0);
	}
	for (uint32_t i = 0; i < AP_ARRAY_LEN(keys); i += 2)
		ck_assert(ap_index_remove(&ix, ap_hash_u64(keys[i]), i));
	for (uint32_t i = 0; i < AP_ARRAY_LEN(keys); i++)
		ck_assert_uint_eq(ap_index_find(&ix, ap_hash_u64(keys[i]), same, NULL, &keys[i]), i % 2 ? i : (uint32_t)AP_INDEX_NONE);
	ck_assert_uint_eq(ap_index_find(&ix, ap_hash_u64(absent), same, NULL, &absent), (uint32_t)AP_INDEX_NONE);
	ap_index_done(&ix);
}
END_TEST

START_TEST(buffer_keeps_its_limit_and_its_content)
{
	struct ap_buf b = {.max = 16};

	ck_assert_int_eq(ap_buf_puts(&b, "0123456789"), 0);
	ck_assert_int_eq(ap_buf_puts(&b, "0123456789"), -EMSGSIZE);
	ck_assert_str_eq(b.data, "0123456789");
	ck_assert_int_eq(ap_buf_printf(&b, "%d", 42), 0);
	ck_assert_str_eq(b.data, "012345678942");
	ap_buf_done(&b);
}
END_TEST

static void *put_ten(void *q)
{
	for (uintptr_t i = 1; i <= 10; i++)
		ap_queue_put(q, (void *)i, UINT64_MAX);
	ap_queue_close(q);
	return NULL;
}

START_TEST(queue_hands_over_in_order_and_ends)
{
	struct ap_queue *q;
	pthread_t t;
	void *item;

	ck_assert_int_eq(ap_queue_new(2, &q), 0);
	ck_assert_int_eq(ap_queue_take(q, 1000000, &item), -EAGAIN);
	ck_assert_int_eq(pthread_create(&t, NULL, put_ten, q), 0);
	for (uintptr_t i = 1; i <= 10; i++) {
		ck_assert_int_eq(ap_queue_take(q, UINT64_MAX, &item), 0);
		ck_assert_uint_eq((uintptr_t)item, i);
	}
	ck_assert_int_eq(ap_queue_take(q, UINT64_MAX, &item), -EPIPE);
	pthread_join(t, NULL);
	ap_queue_free(q);
}
END_TEST

START_TEST(full_queue_refuses_after_its_timeout)
{
	struct ap_queue *q;

	ck_assert_int_eq(ap_queue_new(1, &q), 0);
	ck_assert_int_eq(ap_queue_put(q, q, 0), 0);
	ck_assert_int_eq(ap_queue_put(q, q, 1000000), -EAGAIN);
	ap_queue_free(q);
}
END_TEST

START_TEST(why_is_cut_not_overrun)
{
	struct ap_why w;
	char big[3000];

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	ck_assert_int_eq(ap_why(&w, ENOENT, "%s", big), -ENOENT);
	ck_assert_uint_eq(strlen(w.text), AP_WHY_MAX - 1);
	ap_why_add(&w, "more");
	ck_assert_str_eq(ap_stack_end_text(AP_STACK_END_COMPLETE), "complete");
	ck_assert_str_eq(ap_stack_end_text(AP_STACK_END_COUNT), "unknown");
}
END_TEST

START_TEST(capabilities_given_up_are_gone)
{
	ck_assert(ap_cap_known(0));
	ck_assert(!ap_cap_known(63));
	ck_assert_int_eq(ap_caps_keep(UINT64_MAX & ~AP_CAP_MASK(AP_CAP_KILL)), 0);
	ck_assert(!ap_cap_effective(AP_CAP_KILL));
	ck_assert_int_eq(ap_caps_keep(0), 0);
	for (int cap = 0; cap < 64; cap++)
		ck_assert(!ap_cap_effective(cap));
	ck_assert_uint_eq(ap_caps_ambient(), 0);
}
END_TEST

START_TEST(a_share_is_never_shown_greater_than_it_is)
{
	static const double shown[][2] = {{100, 100}, {99.96, 99.9}, {21.38, 21.3}, {0.04, 0}, {6.9, 6.9}, {100 - 100.0 * 3 / 7, 57.1}};

	for (size_t i = 0; i < AP_ARRAY_LEN(shown); i++)
		ck_assert_double_eq_tol(ap_share_shown(shown[i][0]), shown[i][1], 1e-12);
	for (int n = 0; n <= 1000; n++) /* tenths are themselves, however they were computed */
		ck_assert_double_eq_tol(ap_share_shown(100.0 - 100.0 * (1000 - n) / 1000), n / 10.0, 1e-12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *c = tcase_create("base");

	tcase_add_test(c, index_finds_what_was_added_and_forgets_what_was_removed);
	tcase_add_test(c, buffer_keeps_its_limit_and_its_content);
	tcase_add_test(c, queue_hands_over_in_order_and_ends);
	tcase_add_test(c, full_queue_refuses_after_its_timeout);
	tcase_add_test(c, why_is_cut_not_overrun);
	tcase_add_test(c, capabilities_given_up_are_gone);
	tcase_add_test(c, a_share_is_never_shown_greater_than_it_is);
	suite_add_tcase(s, c);
	return check_main(s);
}
