/* The oracle: records a program (or a process) through the perf source and unwinds every sample twice, by ap_unwind and by libdwfl, from
 * the same registers and the same copy of the stack. Prints how many frames are equal, and a table with one line a class of difference.
 *
 *	unwind_oracle [-F HZ] [-s DUMP_BYTES] [-l BYTES] [-d SECONDS] [-v] (-p PID | -- COMMAND ...)
 *
 * -l: ours gets only so much of the dump and reads the rest from the living process, as a recording does; libdwfl has the whole dump.
 *
 * bpf_oracle is the same of the eBPF source: ours are the frames that the kernel's program found, libdwfl's are from registers and stack
 * that it sends along. A sample of which it knew too little is not compared, but teaches it.
 *
 * The last line is for scripts: samples, whole, frames, equal (per million). Exit: 0 compared, 77 nothing can be recorded here, 1 failed.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "event/source.h"
#include ORACLE_HEADER
#include "record/child.h"
#include "record/tables.h"
#include "record/teach.h"
#include "tests/oracle.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { TABLE_BYTES = 512 << 20, BUDGET = 8 << 20 };

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
	ap_teach_met(&o->teach, m->binary);
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

/* By ap_unwind. False: it was for the source to unwind, which learns what it lacked. */
static bool unwind(
	struct oracle *o, const struct ap_unwind_request *rq, const struct ap_sample *s, size_t *ret_n, enum ap_stack_end *ret_end)
{
	uint64_t t0 = 0;

	ap_unwind(rq, o->ours, DEPTH, ret_end); /* builds what is missing, so that the second is timed warm */
	if (o->teach.ops) {
		ap_teach_sample(&o->teach, s->h.pid, s->h.time_ns);
		o->cold++;
		return false;
	}
	t0 = ap_cpu_time_ns();
	*ret_n = ap_unwind(rq, o->ours, DEPTH, ret_end);
	o->our_ns += ap_cpu_time_ns() - t0;
	o->our_frames += *ret_n;
	return true;
}

static void sample(struct oracle *o, const struct ap_sample *s)
{
	struct ap_sample_view v;
	struct ap_unwind_request rq;
	enum ap_stack_end end;
	struct dwfl_walk *w = walk_of(o, s->h.pid);
	const char *error;
	size_t n, m, before = SIZE_MAX;
	uint64_t t0 = 0;

	ap_sample_view(s, &v);
	ap_tracker_thread(o->tracker, s->h.pid, s->h.tid, s->h.time_ns);
	o->process = ap_tracker_process(o->tracker, s->h.pid, s->h.time_ns);
	if (!v.regs || !w || !o->process || s->h.flags & AP_SAMPLE_COMPAT) {
		o->without += s->n_user != 0; /* so deep that its stack had no room */
		return;
	}
	rq = (struct ap_unwind_request){.regs = v.regs, .stack = v.stack, .stack_size = s->stack_size, .find = find_site, .ctx = o};
	if (o->live_bytes) {
		rq.stack_size = s->stack_size < o->live_bytes ? s->stack_size : o->live_bytes;
		rq.read = read_live;
	}
	n = s->n_user;
	end = (enum ap_stack_end)s->end;
	memcpy(o->ours, v.user, n * sizeof *o->ours);
	if (!n && !unwind(o, &rq, s, &n, &end))
		return;
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
	oracle_compare(o, n, end, m, error);
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
	ap_teach_event(&o->teach, e);
}

static int run(struct oracle *o, const struct ap_source_config *cfg, struct ap_child *child, uint64_t until)
{
	const struct ap_source_ops *ops = &ORACLE_SOURCE;
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
	o->teach = (struct ap_teach){.ops = ops->learn ? ops : NULL, .source = s, .tracker = o->tracker, .tables = o->tables};
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
		if (o->teach.ops)
			ap_teach_flush(&o->teach);
	}
	ops->stop(s);
	while ((more = ops->drain(s, &sink, BUDGET)) > 0)
		;
	ops->free(s);
	return more < 0;
}

int main(int argc, char **argv)
{
	struct ap_source_config cfg = {.frequency_hz = 499, .call_graph = AP_CALL_GRAPH_DWARF, .keep_dump = true};
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
		oracle_print(o);
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
