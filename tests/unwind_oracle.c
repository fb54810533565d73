/* The oracle: records a program (or a process) through the perf source and unwinds every sample twice, by ap_unwind and by libdwfl, from
 *the same registers and the same copy of the stack. Prints how many frames are equal, and a table with one line a class of difference.
 *	unwind_oracle [-F HZ] [-s DUMP_BYTES] [-l BYTES] [-d SECONDS] [-v] (-p PID | -- COMMAND ...)
 * -l: ours gets only so much of the dump and reads the rest from the living process, as a recording does; libdwfl has the whole dump.
 * The last line is for scripts: samples, whole, frames, equal (per million). Exit: 0 compared, 77 nothing can be recorded here, 1 failed.
*/
#include "base/clock.h"
#include "base/mem.h"
#include "event/source.h"
#include "perf/perf.h"
#include "record/child.h"
#include "record/tables.h"
#include "tests/dwfl_walk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DEPTH = AP_UNWIND_DEPTH_MAX, CLASSES_MAX = 128, PROCESSES_MAX = 256, TABLE_BYTES = 512 << 20, BUDGET = 8 << 20, LABEL = 160 };

struct class
{
	char what[LABEL], example[LABEL];
	uint64_t stacks, frames;
};
struct oracle {
	struct ap_tracker *tracker;
	struct ap_tables *tables;
	const struct ap_process *process;
	struct dwfl_walk *walks[PROCESSES_MAX];
	uint32_t pids[PROCESSES_MAX];
	size_t n_walks;
	struct class classes[CLASSES_MAX];
	size_t n_classes;
	uint64_t ends[AP_STACK_END_COUNT];
	uint64_t samples, frames, equal, ours_alone, lost, deepest;
	uint64_t our_ns, their_ns, our_frames;
	uint64_t ours[DEPTH], theirs[DEPTH];
	uint32_t live_bytes; /* 0: ours gets the whole dump and no more */
	bool verbose;
};

static void find_site(void *ctx, uint64_t address, struct ap_unwind_site *ret_site)
{
	struct oracle *o = ctx;
	const struct ap_mapping *m = ap_tracker_find(o->tracker, o->process, address);

	memset(ret_site, 0, sizeof *ret_site);
	if (!m) {
		ret_site->kind = AP_SITE_NOTHING;
		ret_site->end = AP_STACK_END_UNMAPPED;
		return;
	}
	ap_tables_site(o->tables, m->binary, true, ret_site);
	ret_site->bias = m->bias;
	ret_site->start = m->start;
	ret_site->end_address = m->end;
}

static size_t read_live(void *ctx, uint64_t address, void *ret_bytes, size_t n)
{
	const struct oracle *o = ctx;
	struct iovec here = {ret_bytes, n}, there = {(void *)(uintptr_t)address, n};
	ssize_t got = process_vm_readv((pid_t)o->process->pid, &here, 1, &there, 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

static struct dwfl_walk *walk_of(struct oracle *o, uint32_t pid)
{
	size_t i;

	for (i = 0; i < o->n_walks; i++)
		if (o->pids[i] == pid) {
			if (!o->walks[i])
				o->walks[i] = dwfl_walk_new(pid);
			return o->walks[i];
		}
	if (o->n_walks == PROCESSES_MAX)
		return NULL;
	o->pids[o->n_walks] = pid;
	return o->walks[o->n_walks++] = dwfl_walk_new(pid);
}

static void forget(struct oracle *o, uint32_t pid)
{
	for (size_t i = 0; i < o->n_walks; i++)
		if (o->pids[i] == pid)
			o->walks[i] = dwfl_walk_free(o->walks[i]);
}

/* True when an address lay in a binary that libdwfl did not know yet. */
static bool tell(struct oracle *o, struct dwfl_walk *w, const uint64_t *addresses, size_t n)
{
	const struct ap_mapping *m;

	for (size_t i = 0; i < n; i++)
		if ((m = ap_tracker_find(o->tracker, o->process, addresses[i])))
			dwfl_walk_add(w, m);
	return n && ap_tracker_find(o->tracker, o->process, addresses[n - 1]);
}

static void place(struct oracle *o, uint64_t address, char ret_text[LABEL])
{
	const struct ap_mapping *m = ap_tracker_find(o->tracker, o->process, address);
	const char *slash = m ? strrchr(m->binary->path, '/') : NULL;

	if (m)
		snprintf(ret_text, LABEL, "%.80s+%#llx", slash ? slash + 1 : m->binary->path, (unsigned long long)(address - m->bias));
	else
		snprintf(ret_text, LABEL, "%#llx", (unsigned long long)address);
}

static void count(struct oracle *o, const char *what, uint64_t frames, uint64_t at)
{
	size_t i;

	for (i = 0; i < o->n_classes && strcmp(o->classes[i].what, what) != 0; i++)
		;
	if (i == CLASSES_MAX)
		i--;
	if (i == o->n_classes) {
		snprintf(o->classes[i].what, LABEL, "%s", what);
		place(o, at, o->classes[i].example);
		o->n_classes++;
	}
	o->classes[i].stacks++;
	o->classes[i].frames += frames;
}

static void print_both(struct oracle *o, size_t n, size_t m)
{
	char ours[LABEL], theirs[LABEL];

	for (size_t i = 0; i < n || i < m; i++) {
		*ours = *theirs = '\0';
		if (i < n)
			place(o, o->ours[i], ours);
		if (i < m)
			place(o, o->theirs[i], theirs);
		fprintf(stderr, "%3zu %c %-60s %s\n", i, i < n && i < m && o->ours[i] == o->theirs[i] ? '=' : '!', ours, theirs);
	}
}

static void compare(struct oracle *o, size_t n, enum ap_stack_end end, size_t m, const char *error)
{
	size_t same = 0;
	char what[LABEL];

	while (same < n && same < m && o->ours[same] == o->theirs[same])
		same++;
	o->equal += same;
	if (same == m) {
		o->frames += m;
		o->ours_alone += n - m;
		if (n > m) {
			snprintf(what, sizeof what, "ours goes on, libdwfl stops: %s", error ? error : "whole");
			count(o, what, n - m, o->ours[m ? m - 1 : 0]);
		}
	} else if (same == n) {
		o->frames += m;
		snprintf(what, sizeof what, "libdwfl goes on, ours stops: %s", ap_stack_end_text(end));
		count(o, what, m - n, o->ours[n ? n - 1 : 0]);
	} else {
		o->frames += m;
		snprintf(what, sizeof what, "another caller of %s", same ? "the same frame" : "nothing");
		count(o, what, m - same, same ? o->ours[same - 1] : o->ours[0]);
	}
	if (o->verbose && (same < n || same < m || end != AP_STACK_END_COMPLETE)) {
		fprintf(stderr, "ours: %s; libdwfl: %s\n", ap_stack_end_text(end), error ? error : "whole");
		print_both(o, n, m);
	}
}

static void sample(struct oracle *o, const struct ap_sample *s)
{
	struct ap_sample_view v;
	struct ap_unwind_request rq;
	enum ap_stack_end end;
	struct dwfl_walk *w = walk_of(o, s->h.pid);
	const char *error;
	size_t n, m, before = SIZE_MAX;
	uint64_t t0;

	ap_sample_view(s, &v);
	ap_tracker_thread(o->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	o->process = ap_tracker_process(o->tracker, s->h.pid, s->h.time_ns);
	if (!v.regs || !w || !o->process || s->h.flags & AP_SAMPLE_COMPAT)
		return;
	rq = (struct ap_unwind_request){.regs = v.regs, .stack = v.stack, .stack_size = s->stack_size, .find = find_site, .ctx = o};
	if (o->live_bytes) {
		rq.stack_size = s->stack_size < o->live_bytes ? s->stack_size : o->live_bytes;
		rq.read = read_live;
	}
	ap_unwind(&rq, o->ours, DEPTH, &end); /* builds what is missing, so that the second is timed warm */
	t0 = ap_cpu_time_ns();
	n = ap_unwind(&rq, o->ours, DEPTH, &end);
	o->our_ns += ap_cpu_time_ns() - t0;
	o->our_frames += n;
	tell(o, w, o->ours, n);
	m = dwfl_walk(w, v.regs, v.stack, s->stack_size, o->theirs, DEPTH, &error);
	while (m != before && tell(o, w, o->theirs, m)) { /* it may have come where ours did not */
		before = m;
		t0 = ap_cpu_time_ns();
		m = dwfl_walk(w, v.regs, v.stack, s->stack_size, o->theirs, DEPTH, &error);
		t0 = ap_cpu_time_ns() - t0;
	}
	o->their_ns += t0;
	if (n == 1 && end == AP_STACK_END_UNMAPPED && s->n_kernel && !s->stack_size) /* inside exec: the pipeline does so too */
		return;
	o->samples++;
	o->ends[end]++;
	o->deepest = n > o->deepest ? n : o->deepest;
	compare(o, n, end, m, error);
}

static void put(void *ctx, const struct ap_event *e)
{
	struct oracle *o = ctx;

	if (e->kind == AP_EVENT_SAMPLE) {
		sample(o, (const struct ap_sample *)e);
		return;
	}
	if (e->kind == AP_EVENT_MMAP || e->kind == AP_EVENT_EXEC)
		forget(o, e->pid);
	if (e->kind == AP_EVENT_LOST)
		o->lost += ((const struct ap_lost *)e)->n;
	ap_tracker_put(o->tracker, e);
}

static void print(const struct oracle *o)
{
	uint64_t whole = o->ends[AP_STACK_END_COMPLETE] + o->ends[AP_STACK_END_KERNEL_ONLY];

	printf("%llu samples (%llu lost), deepest %llu; %llu frames of libdwfl, %llu equal (%.4f %%), %llu more are ours alone\n",
		(unsigned long long)o->samples, (unsigned long long)o->lost, (unsigned long long)o->deepest, (unsigned long long)o->frames,
		(unsigned long long)o->equal, o->frames ? 100.0 * (double)o->equal / (double)o->frames : 0,
		(unsigned long long)o->ours_alone);
	printf("warm, a frame: ours %.0f ns, libdwfl %.0f ns\n", o->our_frames ? (double)o->our_ns / (double)o->our_frames : 0,
		o->frames ? (double)o->their_ns / (double)o->frames : 0);
	for (int i = 0; i < AP_STACK_END_COUNT; i++)
		if (o->ends[i])
			printf("  %8llu stacks end: %s\n", (unsigned long long)o->ends[i], ap_stack_end_text((enum ap_stack_end)i));
	for (size_t i = 0; i < o->n_classes; i++)
		printf("  %8llu stacks, %llu frames: %s; first in %s\n", (unsigned long long)o->classes[i].stacks,
			(unsigned long long)o->classes[i].frames, o->classes[i].what, o->classes[i].example);
	printf("result samples=%llu whole_ppm=%llu frames=%llu equal_ppm=%llu\n", (unsigned long long)o->samples,
		(unsigned long long)(o->samples ? whole * 1000000 / o->samples : 0), (unsigned long long)o->frames,
		(unsigned long long)(o->frames ? o->equal * 1000000 / o->frames : 0));
}

static int run(struct oracle *o, const struct ap_source_config *cfg, struct ap_child *child, uint64_t until)
{
	const struct ap_source_ops *ops = &ap_source_perf;
	const struct ap_sink sink = {.put = put, .ctx = o};
	struct ap_source *s = NULL;
	struct ap_why why = {""};
	struct pollfd fd;
	int more = 0;

	if (ops->open(cfg, &s, &why) || ops->start(s, &why)) {
		printf("SKIP %s\n", why.text);
		ops->free(s);
		return 77;
	}
	for (size_t i = 0; child->pid < 0 && i < cfg->n_pids; i++)
		ap_tracker_scan(o->tracker, (uint32_t)cfg->pids[i]);
	if (child->pid > 0 && ap_child_release(child)) {
		printf("SKIP the command cannot be run\n");
		ops->free(s);
		return 77;
	}
	fd = (struct pollfd){.fd = ops->fd(s), .events = POLLIN};
	while (more >= 0 && !(child->pid > 0 && ap_child_poll(child)) && ap_now_ns() < until) {
		poll(&fd, 1, 10);
		more = ops->drain(s, &sink, BUDGET);
	}
	ops->stop(s);
	while ((more = ops->drain(s, &sink, BUDGET)) > 0)
		;
	ops->free(s);
	return more < 0;
}

int main(int argc, char **argv)
{
	struct ap_source_config cfg = {.frequency_hz = 499, .call_graph = AP_CALL_GRAPH_DWARF};
	static const char *const events[] = {"cpu-clock"};
	struct ap_tracker_config tc = {.rows.ctx = NULL};
	struct oracle *o = calloc(1, sizeof *o);
	struct ap_child child = AP_CHILD_NONE;
	struct ap_why why = {""};
	sigset_t ignored; /* none */
	uint64_t seconds = 60;
	pid_t pid = 0;
	int c, rc;

	sigemptyset(&ignored);
	cfg.events = events;
	cfg.n_events = 1;
	while ((c = getopt(argc, argv, "+F:s:l:d:p:v")) != -1) {
		if (c == 'F')
			cfg.frequency_hz = strtoull(optarg, NULL, 10);
		else if (c == 's')
			cfg.stack_dump_bytes = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l' && o)
			o->live_bytes = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'd')
			seconds = strtoull(optarg, NULL, 10);
		else if (c == 'p')
			pid = (pid_t)strtol(optarg, NULL, 10);
		else if (c == 'v' && o)
			o->verbose = true;
		else
			return 1;
	}
	if (!o || ap_tracker_new(&tc, &o->tracker, &why) || ap_tables_new(TABLE_BYTES, &o->tables))
		return 1;
	if (!pid) {
		if (!argv[optind] || ap_child_fork(argv + optind, &ignored, &child, &why))
			return 1;
		pid = child.pid;
		cfg.enable_on_exec = true;
	}
	cfg.pids = &pid;
	cfg.n_pids = 1;
	rc = run(o, &cfg, &child, ap_now_ns() + seconds * 1000000000u);
	if (!rc)
		print(o);
	if (child.pid > 0 && !child.reaped)
		kill(child.pid, SIGTERM);
	ap_child_done(&child);
	for (size_t i = 0; i < o->n_walks; i++)
		dwfl_walk_free(o->walks[i]);
	ap_tables_free(o->tables);
	ap_tracker_free(o->tracker);
	free(o);
	return rc;
}
