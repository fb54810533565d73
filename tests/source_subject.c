#include "config.h"

#include "tests/source_subject.h"

#include "event/replay.h"
#include "perf/perf.h"
#include "tests/check_main.h"
#ifdef HAVE_BPF
#include "bpf/source.h"
#include "tests/bpf_here.h"
#include "tests/old_kernel.h"
#endif

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* perf: page faults of a child, one sample each. */
static void child_loop(int in, int out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char byte;

	while (read(in, &byte, 1) == 1) {
		char *m = mmap(NULL, HITS * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		madvise(m, HITS * page, MADV_NOHUGEPAGE);
		for (size_t i = 0; m != MAP_FAILED && i < HITS; i++)
			m[i * page] = 1;
		munmap(m, HITS * page);
		if (write(out, "", 1) != 1)
			break;
	}
	_exit(0);
}

static void perf_hit(struct subject *s)
{
	char byte;

	ck_assert_int_eq((int)write(s->to_child, "", 1), 1);
	ck_assert_int_eq((int)read(s->from_child, &byte, 1), 1);
}

static void perf_finish(struct subject *s)
{
	close(s->to_child);
	close(s->from_child);
	ck_assert_int_eq(waitpid(s->child, NULL, 0), s->child);
	s->child = 0;
}

static void perf_subject(struct subject *s, uint64_t ring_bytes)
{
	int in[2], out[2];

	memset(s, 0, sizeof *s);
	ck_assert(!pipe(in) && !pipe(out));
	s->child = fork();
	ck_assert_int_ge(s->child, 0);
	if (!s->child) {
		close(in[1]);
		close(out[0]);
		child_loop(in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	s->to_child = in[1];
	s->from_child = out[0];
	s->ops = &ap_source_perf;
	s->hit = perf_hit;
	s->finish = perf_finish;
	s->event = "page-faults:u";
	s->pids[0] = s->child;
	s->cfg = (struct ap_source_config){.pids = s->pids,
		.n_pids = 1,
		.events = &s->event,
		.n_events = 1,
		.period = 1,
		.call_graph = AP_CALL_GRAPH_NONE,
		.max_memory = ring_bytes};
}

#ifdef HAVE_BPF
static void bpf_subject(struct subject *s, uint64_t ring_bytes)
{
	perf_subject(s, ring_bytes);
	s->ops = &ap_source_bpf;
	old_kernel = false;
}

static void bpf_old_subject(struct subject *s, uint64_t ring_bytes)
{
	bpf_subject(s, ring_bytes);
	old_kernel = true;
}
#endif

/* replay: a file of as many samples, with a loss among them. */
static void replay_nothing(struct subject *s)
{
	(void)s;
}

static void replay_subject(struct subject *s, uint64_t ring_bytes)
{
	static const char *const names[] = {"page-faults:u"};
	struct ap_sample e = {.h = {.pid = 5, .tid = 5, .kind = AP_EVENT_SAMPLE, .size = sizeof e}, .weight = 1};
	struct ap_lost l = {.h = {.kind = AP_EVENT_LOST, .size = sizeof l}, .n = LOST_IN_FILE, .cause = AP_LOSS_RING_FULL};
	struct ap_replay_writer *w;
	struct ap_why why;
	int fd;

	(void)ring_bytes;
	memset(s, 0, sizeof *s);
	snprintf(s->path, sizeof s->path, "/tmp/source_contract.XXXXXX");
	fd = mkstemp(s->path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(ap_replay_writer_new(s->path, names, 1, &w, &why), 0);
	for (int i = 0; i < HITS; i++) {
		e.h.time_ns = l.h.time_ns = 1000u + (uint64_t)i;
		ck_assert_int_eq(ap_replay_writer_put(w, &e.h), 0);
		if (i == HITS / 2)
			ck_assert_int_eq(ap_replay_writer_put(w, &l.h), 0);
	}
	ck_assert_int_eq(ap_replay_writer_close(w), 0);
	s->ops = &ap_source_replay;
	s->hit = s->finish = replay_nothing;
	s->cfg.replay_path = s->path;
}

const struct subject_kind SUBJECTS[] = {
	{"perf", perf_subject, true},
	{"replay", replay_subject, false},
#ifdef HAVE_BPF
	{"bpf", bpf_subject, true},
	{"bpf on an old kernel", bpf_old_subject, true},
#endif
};
const int N_SUBJECTS = sizeof SUBJECTS / sizeof SUBJECTS[0];

bool subject_is_usable(const struct subject *s)
{
	struct ap_probe probe;

#ifdef HAVE_BPF
	if (s->ops == &ap_source_bpf)
		return bpf_is_usable(s->ops, &s->cfg);
#endif
	s->ops->probe(&s->cfg, &probe);
	if (!probe.usable) {
		ck_assert_str_ne(probe.why.text, "");
		printf("# %s cannot run here: %s\n", s->ops->name, probe.why.text);
	}
	return probe.usable;
}

void subject_done(struct subject *s)
{
	if (s->child)
		s->finish(s);
	if (s->path[0])
		unlink(s->path);
}
