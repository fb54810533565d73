/* The eBPF source through a whole recording, once with what this kernel has and once as on one before 5.15: deep stacks are walked in the
 * kernel to their end, a stack over the limit says so, and several events are told apart. This program is the target too. */
#include "config.h"

#include "base/file.h"
#include "bpf/private.h"
#include "bpf/source.h"
#include "record/session.h"
#include "tests/bpf_here.h"
#include "tests/old_kernel.h"
#include "tests/record_file.h"

#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	DEEP = 1500,
	TOO_DEEP = 3000,
	FAULTS = 2000,
	FD_MAX = 256,
	VERIFIED_MAX = 100000,
	SECONDS_MAX = 9,
	SAMPLES_LEAST = 50,
	KINDS = 2 /* of kernels: this, old */
};

static volatile unsigned sink;

/* The target. Some seconds of CPU below n frames. */
__attribute__((noinline)) static unsigned deep(unsigned n, unsigned seconds)
{
	unsigned got = 0;

	if (n)
		got = deep(n - 1, seconds);
	else
		while (clock() < (clock_t)seconds * CLOCKS_PER_SEC)
			for (unsigned i = 0; i < 10000; i++)
				sink += i;
	sink += got; /* work behind the call: no tail call */
	return got + 1;
}

static int fault(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *m = mmap(NULL, FAULTS * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED || madvise((void *)m, FAULTS * page, MADV_NOHUGEPAGE))
		return 1;
	for (size_t i = 0; i < FAULTS; i++)
		m[i * page] = 1;
	return 0;
}

static bool is_refused(void)
{
	return !bpf_is_usable(&ap_source_bpf, &(struct ap_source_config){.all = true});
}

static void record(struct ap_session_config *cfg, char *what, char *how, struct ap_session_result *r)
{
	static const struct ap_source_ops *const sources[] = {&ap_source_bpf, NULL};
	static const atomic_int no = 0;
	char self[] = "/proc/self/exe", *const command[] = {self, what, how, NULL};
	struct ap_why why = {""};

	cfg->sources = sources;
	cfg->source_forced = true;
	cfg->output = db_path;
	cfg->command = command;
	cfg->stop = cfg->forward = &no;
	sigemptyset(&cfg->ignored);
	ck_assert_msg(!ap_session_run(cfg, r, &why), "%s", why.text);
	ck_assert_int_eq(ask("SELECT seen - stored - filtered - lost FROM account"), 0);
}

/* Until nearly all were walked in the kernel: a slow machine takes longer to teach it. */
static void record_deep(unsigned frames, struct ap_session_result *r)
{
	char what[] = "deep", how[32];

	for (unsigned seconds = 1; seconds <= SECONDS_MAX; seconds *= 3) {
		struct ap_session_config cfg = {.source = {.frequency_hz = 499}};

		snprintf(how, sizeof how, "%u:%u", frames, seconds);
		unlink(db_path);
		record(&cfg, what, how, r);
		if (r->samples >= SAMPLES_LEAST && r->cold * 8 <= r->samples)
			return;
	}
	ck_abort_msg("of %" PRIu64 " samples %" PRIu64 " were not walked in the kernel", r->samples, r->cold);
}

static const char DEPTH[] = "WITH RECURSIVE d(id, n) AS (SELECT id, 1 FROM stack WHERE parent_id = 0 "
			    "UNION ALL SELECT s.id, n + 1 FROM d JOIN stack s ON s.parent_id = d.id) SELECT max(n) FROM d";

START_TEST(deep_stacks_are_whole)
{
	struct ap_session_result r;

	old_kernel = _i;
	if (is_refused())
		return;
	record_deep(DEEP, &r);
	ck_assert(r.complete_pct > 80); /* 100 but for what a slow recorder missed */
	ck_assert_int_ge(ask(DEPTH), DEEP);
}
END_TEST

START_TEST(deeper_ones_say_that_they_are_cut)
{
	struct ap_session_result r;

	old_kernel = _i;
	if (is_refused())
		return;
	record_deep(TOO_DEEP, &r);
	ck_assert(r.complete_pct < 50);
	ck_assert_int_ge(ask(DEPTH), AP_BPF_USER_DEPTH);
	ck_assert_int_eq(ask("SELECT count(*) FROM frame WHERE kind = 4 AND address = 8"), 1);
}
END_TEST

/* Only one of two events has hits, and it is not always the first. */
START_TEST(events_are_told_apart)
{
	static const char *const orders[][2] = {{"alignment-faults:u", "page-faults:u"}, {"page-faults:u", "alignment-faults:u"}};
	struct ap_session_result r;
	char what[] = "fault";

	old_kernel = _i;
	if (is_refused())
		return;
	for (int k = 0; k < 2; k++) {
		struct ap_session_config cfg = {
			.source = {.period = 1, .events = orders[k], .n_events = 2, .call_graph = AP_CALL_GRAPH_NONE}};

		record(&cfg, what, NULL, &r);
		ck_assert_int_ge(
			ask("SELECT count(*) FROM sample s JOIN event e ON e.id = s.event WHERE e.name LIKE 'page-faults%'"), FAULTS);
		ck_assert_int_eq(ask("SELECT count(*) FROM sample s JOIN event e ON e.id = s.event WHERE e.name LIKE 'alignment%'"), 0);
		unlink(db_path);
	}
}
END_TEST

/* Whether this process holds a program of this name. What the verifier walked of it (told from 5.16 on) is far from its limit of a million,
 * at which the load fails: a search that it follows both ways costs all of that. */
static bool holds(const char *name)
{
	struct bpf_prog_info info;
	uint32_t size;

	for (int fd = 0; fd < FD_MAX; fd++) {
		memset(&info, 0, sizeof info);
		size = sizeof info;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_PROG_TYPE_PERF_EVENT && !strcmp(info.name, name)) {
			ck_assert_uint_lt(info.verified_insns, VERIFIED_MAX);
			return true;
		}
	}
	return false;
}

START_TEST(one_sampler_is_loaded)
{
	struct ap_source_config cfg = {.all = true, .frequency_hz = 99};
	struct ap_source *s;
	struct ap_why why;
	bool has_loop;

	old_kernel = _i;
	if (is_refused())
		return;
	has_loop = ap_bpf_has_helper(BPF_FUNC_loop);
	ck_assert(!has_loop || !old_kernel);
	ck_assert_msg(!ap_source_bpf.open(&cfg, &s, &why), "%s", why.text);
	ck_assert_int_eq(holds("on_sample"), has_loop);
	ck_assert_int_eq(holds("on_sample_bound"), !has_loop); /* names end at 15 characters there */
	ap_source_bpf.free(s);
}
END_TEST

int main(int argc, char **argv)
{
	unsigned frames, seconds;
	Suite *suite;
	TCase *c;

	if (argc == 3 && !strcmp(argv[1], "deep") && sscanf(argv[2], "%u:%u", &frames, &seconds) == 2)
		return deep(frames, seconds) == 0;
	if (argc == 2 && !strcmp(argv[1], "fault"))
		return fault();
	if (getenv("AP_FAST"))
		return puts("1..0 # SKIP valgrind does not know what bpf(2) writes") < 0;
	suite = suite_create("bpf_walk");
	c = tcase_create("walk");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, enter_folder, leave_folder);
	tcase_add_loop_test(c, deep_stacks_are_whole, 0, KINDS);
	tcase_add_loop_test(c, deeper_ones_say_that_they_are_cut, 0, KINDS);
	tcase_add_loop_test(c, events_are_told_apart, 0, KINDS);
	tcase_add_loop_test(c, one_sampler_is_loaded, 0, KINDS);
	suite_add_tcase(suite, c);
	return check_main(suite);
}
