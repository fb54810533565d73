/* doctor: each subject's finding from what it is given; the whole examination with sources of our own; both forms of output. */
#include "cmd/doctor.h"

#include "tests/check_main.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

static const struct doctor_finding *find(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->findings[i].name, name))
			return &d->findings[i];
	ck_abort_msg("no finding named %s", name);
	return NULL;
}

START_TEST(paranoid_levels)
{
	static const struct {
		long level;
		bool privileged;
		enum doctor_state want;
	} cases[] = {{-1, false, DOCTOR_WORKS}, {0, false, DOCTOR_WORKS}, {1, false, DOCTOR_LIMITED}, {2, false, DOCTOR_LIMITED},
		{3, false, DOCTOR_MISSING}, {4, false, DOCTOR_MISSING}, {2, true, DOCTOR_WORKS}, {4, true, DOCTOR_WORKS}};
	struct doctor d = {.n = 0};

	doctor_paranoid(&d, cases[_i].level, cases[_i].privileged, false);
	ck_assert_uint_eq(d.n, 1);
	ck_assert_int_eq(d.findings[0].state, cases[_i].want);
	/* a remedy exactly where something is lost */
	ck_assert_int_eq(d.findings[0].remedy.text[0] != 0, cases[_i].want != DOCTOR_WORKS);
}
END_TEST

START_TEST(capabilities)
{
	struct doctor d = {.n = 0};

	doctor_capabilities(&d, 1ULL << 38);
	ck_assert_int_eq(find(&d, "CAP_PERFMON")->state, DOCTOR_WORKS);
	ck_assert_int_eq(find(&d, "CAP_BPF")->state, DOCTOR_LIMITED);
	ck_assert_ptr_nonnull(strstr(find(&d, "CAP_BPF")->remedy.text, "cap_bpf"));
	ck_assert_int_eq(find(&d, "CAP_SYS_PTRACE")->state, DOCTOR_LIMITED);
	memset(&d, 0, sizeof d);
	doctor_capabilities(&d, 1ULL << 21); /* SYS_ADMIN implies two of them, not SYS_PTRACE */
	ck_assert_int_eq(find(&d, "CAP_PERFMON")->state, DOCTOR_WORKS);
	ck_assert_int_eq(find(&d, "CAP_BPF")->state, DOCTOR_WORKS);
	ck_assert_int_eq(find(&d, "CAP_SYS_PTRACE")->state, DOCTOR_LIMITED);
}
END_TEST

START_TEST(what_ebpf_asks_of_the_kernel)
{
	static const struct {
		const char *text;
		enum doctor_state want;
	} cases[] = {{NULL, DOCTOR_WORKS}, {"[none] integrity confidentiality\n", DOCTOR_WORKS},
		{"none [integrity] confidentiality\n", DOCTOR_WORKS}, {"none integrity [confidentiality]\n", DOCTOR_LIMITED}};
	struct doctor d = {.n = 0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		doctor_lockdown(&d, cases[i].text);
		ck_assert_int_eq(d.findings[i].state, cases[i].want);
	}
	ck_assert_str_ne(d.findings[3].remedy.text, "");
	doctor_btf(&d, false);
	ck_assert_ptr_nonnull(strstr(find(&d, "BTF")->text.text, "no eBPF"));
	ck_assert_str_ne(find(&d, "BTF")->remedy.text, "");
}
END_TEST

/* Found by the kernel matrix: "does not matter, this user has CAP_PERFMON" was said where nothing could be recorded. */
START_TEST(debians_level_asks_for_more_than_perfmon)
{
	struct doctor d = {.n = 0};

	doctor_paranoid_against_perfmon(&d, 3);
	ck_assert_int_eq(d.findings[0].state, DOCTOR_MISSING);
	ck_assert_ptr_nonnull(strstr(d.findings[0].remedy.text, "perf_event_paranoid=2"));
}
END_TEST

START_TEST(above_two_is_two_where_recording_works)
{
	struct doctor d = {.n = 0};

	doctor_paranoid(&d, 3, false, true);
	ck_assert_int_eq(d.findings[0].state, DOCTOR_LIMITED);
	ck_assert_ptr_nonnull(strstr(d.findings[0].text.text, "3: own processes"));
}
END_TEST

/* setcap replaces: two lines with two commands would undo each other */
START_TEST(one_command_for_all_capabilities)
{
	const char *first = NULL;
	struct doctor d = {.n = 0};

	doctor_paranoid(&d, 2, false, true);
	doctor_kptr(&d, 0, false);
	doctor_capabilities(&d, 0);
	for (size_t i = 0; i < d.n; i++)
		if (strstr(d.findings[i].remedy.text, "setcap")) {
			first = first ? first : d.findings[i].remedy.text;
			ck_assert_str_eq(d.findings[i].remedy.text, first);
		}
	ck_assert_ptr_nonnull(first);
}
END_TEST

START_TEST(a_filter_of_system_calls_is_named)
{
	struct doctor d = {.n = 0};

	doctor_seccomp(&d, 2, false);
	doctor_seccomp(&d, 2, true);
	doctor_seccomp(&d, 0, false);
	ck_assert_int_eq(d.findings[0].state, DOCTOR_MISSING);
	ck_assert_ptr_nonnull(strstr(d.findings[0].remedy.text, "perf_event_open"));
	ck_assert_int_eq(d.findings[1].state, DOCTOR_WORKS);
	ck_assert_int_eq(d.findings[2].state, DOCTOR_WORKS);
}
END_TEST

START_TEST(kernel_names_and_rate)
{
	struct doctor d = {.n = 0};

	doctor_kptr(&d, 1, false);
	doctor_sample_rate(&d, 100);
	ck_assert_int_eq(d.findings[0].state, DOCTOR_LIMITED);
	ck_assert_ptr_nonnull(strstr(d.findings[0].remedy.text, "cap_syslog"));
	ck_assert_int_eq(d.findings[1].state, DOCTOR_LIMITED);
	memset(&d, 0, sizeof d);
	doctor_kptr(&d, 2, true);
	doctor_sample_rate(&d, 100000);
	ck_assert_int_eq(d.findings[0].state, DOCTOR_WORKS);
	ck_assert_int_eq(d.findings[1].state, DOCTOR_WORKS);
}
END_TEST

START_TEST(bounded)
{
	struct doctor d = {.n = 0};

	for (int i = 0; i < DOCTOR_FINDINGS_MAX + 5; i++)
		doctor_sample_rate(&d, 1);
	ck_assert_uint_eq(d.n, DOCTOR_FINDINGS_MAX);
	ck_assert_uint_eq(d.dropped, 5);
}
END_TEST

/* a source that can watch this process but not the machine, and says why with bytes that JSON must escape */
static void half_probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe)
{
	ret_probe->usable = !cfg->all;
	if (cfg->all)
		ap_why(&ret_probe->why, 1, "perf_event_open: \"EPERM\"; run: setcap x");
}
static int half_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why)
{
	*ret_source = NULL;
	return 0;
}
static size_t half_events(const struct ap_source *s, const struct ap_source_event **ret_events)
{
	static const struct ap_source_event e = {.name = "cpu-clock:u", .why = "no hardware counters", .user_only = true};

	*ret_events = &e;
	return 1;
}
static struct ap_source *half_free(struct ap_source *s)
{
	return NULL;
}
static const struct ap_source_ops half = {.name = "half", .probe = half_probe, .open = half_open, .events = half_events, .free = half_free};

START_TEST(examine)
{
	static const struct ap_source_ops *const sources[] = {&half, NULL}, *const none[] = {NULL};
	static struct doctor d;
	struct timespec a, b;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *top;
	size_t lines = 0;

	clock_gettime(CLOCK_MONOTONIC, &a);
	ck_assert_int_eq(doctor_examine(sources, &d), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	/* 200 ms is the promise on a quiet machine; here only what would be a mistake */
	ck_assert_int_lt((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000, 2000);
	ck_assert_int_eq(find(&d, "whole machine")->state, DOCTOR_MISSING);
	ck_assert_int_eq(find(&d, "own processes")->state, DOCTOR_WORKS);
	ck_assert_ptr_nonnull(strstr(find(&d, "sampled event")->text.text, "cpu-clock:u, user space only: no hardware counters"));
	find(&d, "kernel");
	find(&d, "this folder");
	ck_assert_int_eq(doctor_print_text(&d, f), 0);
	fclose(f);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_eq(lines, d.n);
	free(text);

	f = open_memstream(&text, &size);
	ck_assert_int_eq(doctor_print_json(&d, f), 0);
	fclose(f);
	top = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(top);
	ck_assert_uint_eq(json_array_size(json_object_get(top, "checks")), d.n);
	json_decref(top);
	free(text);
	ck_assert_int_eq(doctor_examine(none, &d), 1);
}
END_TEST

static Suite *doctor_suite(void)
{
	Suite *s = suite_create("doctor");
	TCase *t = tcase_create("doctor");

	tcase_add_loop_test(t, paranoid_levels, 0, 8);
	tcase_add_test(t, what_ebpf_asks_of_the_kernel);
	tcase_add_test(t, debians_level_asks_for_more_than_perfmon);
	tcase_add_test(t, above_two_is_two_where_recording_works);
	tcase_add_test(t, capabilities);
	tcase_add_test(t, one_command_for_all_capabilities);
	tcase_add_test(t, a_filter_of_system_calls_is_named);
	tcase_add_test(t, kernel_names_and_rate);
	tcase_add_test(t, bounded);
	tcase_add_test(t, examine);
	suite_add_tcase(s, t);
	return s;
}
int main(void)
{
	return check_main(doctor_suite());
}
