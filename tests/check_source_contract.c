/* The contract of a source (event/source.h), one suite for every source: what a source must do whatever it watches. */
#include "tests/check_main.h"
#include "tests/source_subject.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

enum { SLACK = 1000 /* hits that are not the subject's doing */, ONE_PAGE = 1, ROOMY = 8 << 20 /* bytes of rings */ };

struct seen {
	uint64_t samples, lost, last_ns, unordered, malformed;
	uint32_t n_events;
};

static void put(void *ctx, const struct ap_event *e)
{
	struct seen *seen = ctx;
	const struct ap_lost *l = (const struct ap_lost *)e;

	seen->malformed += ap_event_check(e, e->size) != 0;
	if (e->kind == AP_EVENT_LOST)
		seen->lost += ap_loss_is_hits(l->cause) ? l->n : 0;
	if (e->kind == AP_EVENT_LOST || e->kind == AP_EVENT_CLOCK)
		return; /* told when they were noticed */
	seen->unordered += e->time_ns < seen->last_ns;
	seen->last_ns = e->time_ns;
	if (e->kind == AP_EVENT_SAMPLE) {
		seen->samples++;
		seen->malformed += ((const struct ap_sample *)e)->event >= seen->n_events;
	}
}

/* False: it cannot run here, and says why. */
static bool open_subject(struct subject *s, int which, uint64_t ring_bytes, struct seen *ret_seen)
{
	const struct ap_source_event *events;
	struct ap_why why = {""};

	SUBJECTS[which].make(s, ring_bytes);
	if (!subject_is_usable(s))
		return false;
	ck_assert_msg(!s->ops->open(&s->cfg, &s->source, &why), "%s", why.text);
	memset(ret_seen, 0, sizeof *ret_seen);
	ret_seen->n_events = (uint32_t)s->ops->events(s->source, &events);
	ck_assert_uint_eq(ret_seen->n_events, 1);
	ck_assert_str_ne(events[0].name, "");
	return true;
}

static void start_subject(struct subject *s)
{
	struct ap_why why = {""};

	ck_assert_msg(!s->ops->start(s->source, &why), "%s", why.text);
}

static void close_subject(struct subject *s)
{
	subject_done(s);
	ck_assert_ptr_null(s->ops ? s->ops->free(s->source) : NULL);
}

static void drain_all(struct subject *s, struct seen *seen, size_t budget)
{
	struct ap_sink sink = {.put = put, .ctx = seen};
	int more, rounds = 1 << 20;

	while ((more = s->ops->drain(s->source, &sink, budget)) > 0 && --rounds)
		;
	ck_assert_int_eq(more, 0);
}

/* At the end: nothing comes any more, and what the source counted is what the sink saw. */
static void settle(struct subject *s, int which, struct seen *seen, uint64_t hits)
{
	struct ap_source_stats st;
	struct seen after;
	uint64_t lost = 0;

	drain_all(s, seen, 1 << 20);
	after = *seen;
	drain_all(s, &after, 1 << 20);
	ck_assert_uint_eq(after.samples + after.lost, seen->samples + seen->lost);
	s->ops->stats(s->source, &st);
	for (size_t i = 0; i < AP_LOSS_COUNT; i++)
		lost += ap_loss_is_hits(i) ? st.lost[i] : 0;
	ck_assert_uint_eq(st.stored, seen->samples);
	ck_assert_uint_eq(lost, seen->lost);
	ck_assert_uint_eq(st.seen, st.stored + st.filtered + lost);
	ck_assert_uint_eq(seen->malformed, 0);
	ck_assert_uint_eq(seen->unordered, 0);
	hits += SUBJECTS[which].lives ? 0 : LOST_IN_FILE;
	ck_assert_uint_ge(st.seen - st.filtered, hits); /* what is filtered is other processes' */
	ck_assert_uint_le(st.seen - st.filtered, hits + (SUBJECTS[which].lives ? SLACK : 0));
}

START_TEST(probe_says_why_before_anything_is_open)
{
	struct ap_probe probe;
	struct ap_source *source = NULL;
	struct ap_why why = {""};
	struct subject s;

	SUBJECTS[_i].make(&s, ROOMY);
	s.event = "no-such-event-anywhere";
	s.cfg.replay_path = "/no/such/file";
	s.ops->probe(&s.cfg, &probe);
	ck_assert(!probe.usable);
	ck_assert_str_ne(probe.why.text, "");
	ck_assert_ptr_null(strchr(probe.why.text, '\n'));
	ck_assert_int_lt(s.ops->open(&s.cfg, &source, &why), 0);
	ck_assert_str_ne(why.text, "");
	ck_assert_ptr_null(source); /* outputs are written only on success; what was half built is freed */
	close_subject(&s);
}
END_TEST

START_TEST(every_hit_is_handed_over_in_order)
{
	struct subject s;
	struct seen seen;

	if (open_subject(&s, _i, ROOMY, &seen)) {
		start_subject(&s);
		s.hit(&s);
		drain_all(&s, &seen, 1 << 20);
		s.hit(&s);
		ck_assert_int_eq(s.ops->stop(s.source), 0);
		settle(&s, _i, &seen, SUBJECTS[_i].lives ? 2 * HITS : HITS);
		ck_assert_uint_ge(seen.samples, HITS);
	}
	close_subject(&s);
}
END_TEST

START_TEST(a_tiny_budget_still_gets_there)
{
	struct subject s;
	struct seen seen;

	if (open_subject(&s, _i, ROOMY, &seen)) {
		start_subject(&s);
		s.hit(&s);
		ck_assert_int_eq(s.ops->stop(s.source), 0);
		drain_all(&s, &seen, 1);
		settle(&s, _i, &seen, HITS);
	}
	close_subject(&s);
}
END_TEST

START_TEST(a_full_ring_is_counted)
{
	struct subject s;
	struct seen seen;

	if (open_subject(&s, _i, ONE_PAGE, &seen)) {
		start_subject(&s);
		for (int i = 0; i < (SUBJECTS[_i].lives ? 5 : 1); i++)
			s.hit(&s); /* nobody drains */
		ck_assert_int_eq(s.ops->stop(s.source), 0);
		settle(&s, _i, &seen, SUBJECTS[_i].lives ? 5 * HITS : HITS);
		ck_assert_uint_gt(seen.lost, 0);
	}
	close_subject(&s);
}
END_TEST

START_TEST(a_target_that_ends_with_a_full_ring)
{
	struct subject s;
	struct seen seen;

	if (open_subject(&s, _i, ONE_PAGE, &seen)) {
		start_subject(&s);
		s.hit(&s);
		s.finish(&s);
		drain_all(&s, &seen, 1 << 20);
		for (int i = 0; i < 100 && !s.ops->ended(s.source); i++)
			poll(NULL, 0, 20);
		ck_assert(s.ops->ended(s.source));
		ck_assert_int_eq(s.ops->stop(s.source), 0);
		settle(&s, _i, &seen, HITS);
		ck_assert_uint_gt(seen.lost, 0);
	}
	close_subject(&s);
}
END_TEST

START_TEST(nothing_is_recorded_before_start_and_after_stop)
{
	struct subject s;
	struct seen seen;

	if (open_subject(&s, _i, ROOMY, &seen) && SUBJECTS[_i].lives) {
		s.hit(&s);
		drain_all(&s, &seen, 1 << 20);
		ck_assert_uint_eq(seen.samples, 0);
		start_subject(&s);
		s.hit(&s);
		ck_assert_int_eq(s.ops->stop(s.source), 0);
		s.hit(&s);
		settle(&s, _i, &seen, HITS);
	}
	close_subject(&s);
}
END_TEST

START_TEST(opened_and_never_started)
{
	struct subject s;
	struct seen seen;

	open_subject(&s, _i, ROOMY, &seen);
	close_subject(&s);
	ck_assert_ptr_null(s.ops->free(NULL));
}
END_TEST

START_TEST(two_at_once_do_not_meet)
{
	struct subject a, b;
	struct seen seen_a, seen_b;

	if (open_subject(&a, _i, ROOMY, &seen_a)) {
		ck_assert(open_subject(&b, _i, ROOMY, &seen_b));
		start_subject(&a);
		start_subject(&b);
		a.hit(&a);
		b.hit(&b);
		b.hit(&b);
		ck_assert_int_eq(a.ops->stop(a.source), 0);
		settle(&a, _i, &seen_a, HITS);
		ck_assert_int_eq(b.ops->stop(b.source), 0);
		settle(&b, _i, &seen_b, SUBJECTS[_i].lives ? 2 * HITS : HITS);
		close_subject(&b);
	}
	close_subject(&a);
}
END_TEST

START_TEST(the_descriptor_tells_when_to_drain)
{
	struct subject s;
	struct seen seen;
	struct pollfd p = {.events = POLLIN};

	if (open_subject(&s, _i, ONE_PAGE, &seen)) {
		start_subject(&s);
		s.hit(&s);
		p.fd = s.ops->fd(s.source);
		if (p.fd >= 0)
			ck_assert_int_eq(poll(&p, 1, 1000), 1);
	}
	close_subject(&s);
}
END_TEST

int main(void)
{
	int n = getenv("AP_FAST") ? N_FOR_VALGRIND : N_SUBJECTS;
	Suite *suite = suite_create("source_contract");
	TCase *t = tcase_create("contract");

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, probe_says_why_before_anything_is_open, 0, n);
	tcase_add_loop_test(t, every_hit_is_handed_over_in_order, 0, n);
	tcase_add_loop_test(t, a_tiny_budget_still_gets_there, 0, n);
	tcase_add_loop_test(t, a_full_ring_is_counted, 0, n);
	tcase_add_loop_test(t, a_target_that_ends_with_a_full_ring, 0, n);
	tcase_add_loop_test(t, nothing_is_recorded_before_start_and_after_stop, 0, n);
	tcase_add_loop_test(t, opened_and_never_started, 0, n);
	tcase_add_loop_test(t, two_at_once_do_not_meet, 0, n);
	tcase_add_loop_test(t, the_descriptor_tells_when_to_drain, 0, n);
	suite_add_tcase(suite, t);
	return check_main(suite);
}
