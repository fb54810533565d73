/* perf: records cut at every length are refused without reading past their end; event names. */
#include "perf/decode.h"
#include "perf/events.h"
#include "perf/private.h"
#include "tests/check_main.h"

#include <string.h>
#include <unistd.h>

enum { ID = 77, INDEX = 3 };
static const struct ap_perf_id IDS[] = {{5, 0}, {ID, INDEX}, {ID + 1, 9}};
static _Alignas(8) unsigned char room[AP_EVENT_SIZE_MAX];

/* A copy that ends where its block does, so that ASan sees a read behind it. */
static int decode(uint32_t type, const uint64_t *words, size_t bytes, uint64_t sample_type)
{
	struct ap_perf_format f = {.sample_type = sample_type, .user_chain = true, .ids = IDS, .n_ids = 3};
	struct perf_event_header h = {.type = type, .misc = PERF_RECORD_MISC_USER, .size = (uint16_t)(sizeof h + bytes)}, *copy = malloc(h.size);
	int got;

	memcpy(copy, &h, sizeof h);
	memcpy(copy + 1, words, bytes);
	ap_perf_record_time(copy, &f);
	got = ap_perf_decode(copy, &f, room, sizeof room);
	if (got > 0 && ((struct ap_event *)room)->size % 8)
		got = -1000;
	free(copy);
	return got;
}

START_TEST(records_cut_anywhere_are_safe)
{
	static const uint32_t types[] = {PERF_RECORD_SAMPLE, PERF_RECORD_MMAP2, PERF_RECORD_COMM, PERF_RECORD_FORK, PERF_RECORD_EXIT,
		PERF_RECORD_LOST, PERF_RECORD_LOST_SAMPLES, PERF_RECORD_THROTTLE};
	uint64_t words[40];

	memset(words, 0x11, sizeof words);
	for (size_t t = 0; t < sizeof types / sizeof *types; t++)
		for (size_t n = 0; n <= sizeof words; n++)
			ck_assert_int_ne(decode(types[t], words, n, AP_PERF_SAMPLE_BASE | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER), -1000);
}
END_TEST

START_TEST(a_sample_is_decoded)
{
	uint64_t w[] = {ID, 0x400, 10ull | 11ull << 32, 555, 2, 9, 4, PERF_CONTEXT_USER, 0x400, 0x501, 0x601};
	struct ap_sample *s = (struct ap_sample *)room;

	ck_assert_int_eq(decode(PERF_RECORD_SAMPLE, w, sizeof w, AP_PERF_SAMPLE_BASE | PERF_SAMPLE_CALLCHAIN), 1);
	ck_assert_uint_eq(s->h.pid, 10);
	ck_assert_uint_eq(s->h.tid, 11);
	ck_assert_uint_eq(s->h.time_ns, 555);
	ck_assert_uint_eq(s->event, INDEX);
	ck_assert_uint_eq(s->weight, 9);
	ck_assert_uint_eq(s->n_user, 3);
	ck_assert_uint_eq(((uint64_t *)(s + 1))[1], 0x500);
	ck_assert_int_lt(decode(PERF_RECORD_SAMPLE, w, sizeof w - 8, AP_PERF_SAMPLE_BASE | PERF_SAMPLE_CALLCHAIN), 0);
}
END_TEST

/* Both say who the parent is: for what is first heard of when it ends, there is no other word of it. */
START_TEST(an_exit_says_its_parent_as_a_fork_does)
{
	uint64_t w[] = {20ull | 10ull << 32, 21ull | 11ull << 32, 555, 20ull | 21ull << 32, 556, 2, ID};
	static const uint32_t types[] = {PERF_RECORD_FORK, PERF_RECORD_EXIT}, kinds[] = {AP_EVENT_FORK, AP_EVENT_EXIT};
	struct ap_fork *f = (struct ap_fork *)room;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		memset(room, 0xee, sizeof *f);
		ck_assert_int_eq(decode(types[i], w, sizeof w, AP_PERF_SAMPLE_BASE), 1);
		ck_assert(f->h.kind == kinds[i] && f->h.pid == 20 && f->h.tid == 21 && f->h.size == sizeof *f);
		ck_assert_uint_eq(f->parent_pid, 10);
		ck_assert_uint_eq(f->parent_tid, 11);
	}
}
END_TEST

START_TEST(throttling_and_loss_are_events)
{
	uint64_t throttle[] = {1, ID, 0, 10ull | 11ull << 32, 555, 2, ID}, lost[] = {ID, 42, 10ull | 11ull << 32, 556, 3, ID};
	struct ap_lost *l = (struct ap_lost *)room;

	ck_assert_int_eq(decode(PERF_RECORD_THROTTLE, throttle, sizeof throttle, AP_PERF_SAMPLE_BASE), 1);
	ck_assert(l->cause == AP_LOSS_THROTTLED && l->n == 1 && l->h.time_ns == 555 && l->h.cpu == 2);
	ck_assert(!ap_loss_is_hits(AP_LOSS_THROTTLED));
	ck_assert_int_eq(decode(PERF_RECORD_LOST, lost, sizeof lost, AP_PERF_SAMPLE_BASE), 1);
	ck_assert(l->cause == AP_LOSS_RING_FULL && l->n == 42 && l->event == INDEX && l->h.cpu == 3);
	ck_assert(ap_loss_is_hits(AP_LOSS_RING_FULL));
	ck_assert_int_eq(decode(PERF_RECORD_UNTHROTTLE, throttle, sizeof throttle, AP_PERF_SAMPLE_BASE), 0);
}
END_TEST

START_TEST(an_identifier_of_no_event_is_malformed)
{
	uint64_t w[] = {ID + 7, 0x400, 10ull | 11ull << 32, 555, 2, 9};

	ck_assert_int_lt(decode(PERF_RECORD_SAMPLE, w, sizeof w, AP_PERF_SAMPLE_BASE), 0);
	w[0] = 0;
	ck_assert_int_lt(decode(PERF_RECORD_SAMPLE, w, sizeof w, AP_PERF_SAMPLE_BASE), 0);
	w[0] = ID + 1;
	ck_assert_int_eq(decode(PERF_RECORD_SAMPLE, w, sizeof w, AP_PERF_SAMPLE_BASE), 1);
}
END_TEST

START_TEST(event_names)
{
	struct perf_event_attr a = {0};
	struct ap_why why = {.text = ""};

	ck_assert_int_eq(ap_perf_event_parse("cpu-clock:u", &a, &why), 0);
	ck_assert(a.type == PERF_TYPE_SOFTWARE && a.config == PERF_COUNT_SW_CPU_CLOCK && a.exclude_kernel);
	ck_assert_int_lt(ap_perf_event_parse("no-such-event", &a, &why), 0);
	ck_assert_str_ne(why.text, "");
}
END_TEST

/* Debian's 6.12.117 asks for the right to see the kernel where the chain may hold it, whatever exclude_kernel says. */
START_TEST(what_leaves_the_kernel_out_leaves_it_out_of_the_chain_too)
{
	static const char *const names[] = {"cpu-clock:u"};
	pid_t self = getpid();
	const struct ap_source_config cfg = {.events = names, .n_events = 1, .pids = &self, .n_pids = 1, .frequency_hz = 99, .max_memory = 1 << 20};
	struct ap_source *s = NULL;
	struct ap_why why = {.text = ""};

	if (ap_perf_open(&cfg, &s, &why)) { /* paranoid 3, or no perf events at all */
		ck_assert_str_ne(why.text, "");
		return;
	}
	ck_assert(s->attrs[0].exclude_kernel);
	ck_assert(s->attrs[0].exclude_callchain_kernel);
	ap_perf_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("perf");
	TCase *t = tcase_create("perf");

	tcase_add_test(t, records_cut_anywhere_are_safe);
	tcase_add_test(t, a_sample_is_decoded);
	tcase_add_test(t, an_exit_says_its_parent_as_a_fork_does);
	tcase_add_test(t, throttling_and_loss_are_events);
	tcase_add_test(t, an_identifier_of_no_event_is_malformed);
	tcase_add_test(t, event_names);
	tcase_add_test(t, what_leaves_the_kernel_out_leaves_it_out_of_the_chain_too);
	suite_add_tcase(s, t);
	return check_main(s);
}
