/* Runs, processes, threads and events are read in order of id, each row beside its id (idmap.h), and each says whether it passes. */
#include "report/scope.h"

#include "report/each.h"
#include "report/when.h"

#include <errno.h>
#include <string.h>

struct loading {
	sqlite3 *db;
	const struct ap_report_filter *f;
	struct report_when from, to;
	struct report_ranges pids, tids;
	struct report_scope *s;
};
static const char *keep(struct loading *l, sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return ap_arena_strndup(&l->s->strings, s ? s : "", s ? strlen(s) : 0);
}

/* One more row and its id, in two arrays of one length. */
#define ADD_ROW(rows, ids, n, st) add_row((void **)&(rows), &(ids), &(n), sizeof *(rows), st)
static void *add_row(void **rows, int64_t **ids, size_t *n, size_t size, sqlite3_stmt *st)
{
	/* doubles at each power of two; the first is 64 */
	if (*n % 64 == 0 && (*n < 64 || (*n & (*n - 1)) == 0)) {
		size_t room = *n ? *n * 2 : 64;
		void *grown = realloc(*rows, room * size);
		int64_t *grown_ids;

		if (!grown)
			return NULL;
		*rows = grown;
		grown_ids = realloc(*ids, room * sizeof **ids);
		if (!grown_ids)
			return NULL;
		*ids = grown_ids;
	}
	memset((char *)*rows + *n * size, 0, size);
	(*ids)[*n] = sqlite3_column_int64(st, 0);
	return (char *)*rows + (*n)++ * size;
}

static int64_t clock_shift(const struct report_when *w, const struct report_run *r)
{
	int64_t ns;

	return !w->absolute ? w->ns : __builtin_sub_overflow(w->ns, r->start_realtime_ns, &ns) ? 0 : ns;
}

static int run_row(void *ctx, sqlite3_stmt *st)
{
	struct loading *l = ctx;
	struct report_run *r = ADD_ROW(l->s->runs, l->s->run_ids, l->s->n_runs, st);
	const char *name, *key;

	if (!r)
		return -ENOMEM;
	r->uuid = keep(l, st, 1);
	r->start_ns = sqlite3_column_int64(st, 2);
	r->start_realtime_ns = sqlite3_column_int64(st, 3);
	r->end_ns = sqlite3_column_type(st, 5) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 4);
	name = keep(l, st, 6);
	key = keep(l, st, 7);
	if (!r->uuid || !name || !key)
		return -ENOMEM;
	r->pass = report_prefixes_have(l->f->run, r->uuid) && (report_names_have(l->f->host, name) || report_names_have(l->f->host, key));
	r->from = l->from.given ? clock_shift(&l->from, r) : INT64_MIN;
	r->to = l->to.given ? clock_shift(&l->to, r) : INT64_MAX;
	return 0;
}

static int process_row(void *ctx, sqlite3_stmt *st)
{
	struct loading *l = ctx;
	struct report_process *p = ADD_ROW(l->s->processes, l->s->process_ids, l->s->n_processes, st);

	if (!p)
		return -ENOMEM;
	p->pid = sqlite3_column_int64(st, 1);
	p->pass = report_ranges_have(&l->pids, p->pid);
	return 0;
}

/* The names are kept in order of the threads until number_comms sorts them. */
static int thread_row(void *ctx, sqlite3_stmt *st)
{
	struct loading *l = ctx;
	struct report_scope *s = l->s;
	struct report_thread *t = ADD_ROW(s->threads, s->thread_ids, s->n_threads, st);
	const char **comms = t ? ap_grow(&s->comms, &s->comms_cap, s->n_comms, sizeof *comms) : NULL;

	if (!comms || !(comms[s->n_comms] = keep(l, st, 3)))
		return -ENOMEM;
	t->process = report_row_of(s->process_ids, s->n_processes, sqlite3_column_int64(st, 1));
	t->tid = sqlite3_column_int64(st, 2);
	t->pass = report_ranges_have(&l->tids, t->tid) && report_names_have(l->f->comm, comms[s->n_comms]) &&
		  (t->process == (uint32_t)REPORT_NO_ROW ? !l->pids.n : s->processes[t->process].pass);
	s->n_comms++;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the threads, each once, sorted; and each thread's place in them. Threads without a row read "". */
static int number_comms(struct loading *l)
{
	struct report_scope *s = l->s;
	AP_AUTO_FREE const char **of = calloc(s->n_threads + 1, sizeof *of);
	const char **grown, **found;
	size_t n = 0;

	grown = ap_grow(&s->comms, &s->comms_cap, s->n_comms, sizeof *grown);
	if (!of || !grown)
		return -ENOMEM;
	memcpy(of, s->comms, s->n_threads * sizeof *of);
	s->comms[s->n_comms++] = "";
	qsort(s->comms, s->n_comms, sizeof *s->comms, by_text);
	for (size_t i = 0; i < s->n_comms; i++)
		if (!n || strcmp(s->comms[n - 1], s->comms[i]))
			s->comms[n++] = s->comms[i];
	s->n_comms = n;
	for (size_t i = 0; i < s->n_threads; i++) {
		found = bsearch(&of[i], s->comms, n, sizeof *s->comms, by_text);
		s->threads[i].comm = (uint32_t)(found - s->comms);
	}
	return 0;
}

static int event_row(void *ctx, sqlite3_stmt *st)
{
	struct loading *l = ctx;
	struct report_event *e = ADD_ROW(l->s->events, l->s->event_ids, l->s->n_events, st);

	if (!e)
		return -ENOMEM;
	e->run = report_row_of(l->s->run_ids, l->s->n_runs, sqlite3_column_int64(st, 1));
	e->seq = sqlite3_column_int64(st, 2);
	e->name = keep(l, st, 3);
	e->unit = keep(l, st, 4);
	e->source = keep(l, st, 5);
	e->why = keep(l, st, 6);
	return e->name && e->unit && e->source && e->why ? 0 : -ENOMEM;
}

static int parse(struct loading *l, struct ap_why *why)
{
	const struct ap_report_filter *f = l->f;
	struct report_scope *s = l->s;
	int err = report_when_parse("--from", f->from, &l->from, why);

	if (!err)
		err = report_when_parse("--to", f->to, &l->to, why);
	if (!err && l->from.given && l->to.given && l->from.absolute == l->to.absolute && l->from.ns >= l->to.ns)
		err = ap_why(why, EINVAL, "--from %s is not before --to %s", f->from, f->to);
	if (!err)
		err = report_ranges_parse("--cpu", f->cpu, &s->cpus, why);
	if (!err)
		err = report_ranges_parse("--pid", f->pid, &l->pids, why);
	if (!err)
		err = report_ranges_parse("--tid", f->tid, &l->tids, why);
	if (!err)
		err = report_names_check("--host", f->host, why);
	if (!err)
		err = report_names_check("--run", f->run, why);
	if (!err)
		err = report_names_check("--comm", f->comm, why);
	if (!err)
		err = report_names_check("--event", f->event, why);
	s->by_time = l->from.given || l->to.given;
	s->by_cpu = s->cpus.n > 0;
	s->by_thread = l->pids.n || l->tids.n || f->comm;
	s->filtered = s->by_time || s->by_cpu || s->by_thread || f->host || f->run || f->function_regex || f->module_regex ||
		      (f->labels && f->labels[0]);
	return err ? err : report_labels_check(f->labels, why);
}

int report_scope_load(sqlite3 *db, const struct ap_report_filter *f, bool all_events, struct report_scope *s, struct ap_why *why)
{
	AP_AUTO_FREE struct loading *l = calloc(1, sizeof *l);
	int err;

	memset(s, 0, sizeof *s);
	if (!l)
		return ap_why(why, ENOMEM, "out of memory");
	l->db = db;
	l->f = f;
	l->s = s;
	err = parse(l, why);
	if (err)
		return err;
	err = report_each_row(db,
		"SELECT r.id, r.uuid, r.start_ns, r.start_realtime_ns, r.end_ns, r.end_reason, h.name, h.key FROM run r "
		"LEFT JOIN host h ON h.id = r.host ORDER BY r.id",
		run_row, l);
	if (!err)
		err = report_each_row(db, "SELECT id, pid FROM process ORDER BY id", process_row, l);
	if (!err)
		err = report_each_row(db, "SELECT id, process, tid, comm FROM thread ORDER BY id", thread_row, l);
	if (!err)
		err = number_comms(l);
	if (!err)
		err = report_each_row(db, "SELECT id, run, seq, name, unit, source, why FROM event ORDER BY id", event_row, l);
	if (!err)
		err = report_scope_labels(db, f->labels, s);
	if (!err)
		report_scope_choose_event(s, f->event, all_events);
	else
		ap_why(why, -err, "cannot read the runs of the file: %s", err == -EIO ? sqlite3_errmsg(db) : strerror(-err));
	if (err)
		report_scope_done(s);
	return err;
}

/* The process's and the thread's part. A recording that was killed may lack the row of its last thread: that one has no name. */
bool report_thread_passes(const struct report_scope *s, const struct report_run *r, uint32_t thread)
{
	static const struct report_thread unknown = {.process = REPORT_NO_ROW};
	const struct report_thread *t = thread == (uint32_t)REPORT_NO_ROW ? &unknown : &s->threads[thread];
	uint64_t labels = r->labels;

	if (t == &unknown)
		return !s->by_thread && (labels & s->labels) == s->labels;
	if (t->process != (uint32_t)REPORT_NO_ROW)
		labels |= s->processes[t->process].labels;
	return t->pass && (labels & s->labels) == s->labels;
}

void report_scope_done(struct report_scope *s)
{
	free(s->runs);
	free(s->run_ids);
	free(s->events);
	free(s->event_ids);
	free(s->threads);
	free(s->thread_ids);
	free(s->processes);
	free(s->process_ids);
	free(s->comms);
	ap_arena_done(&s->strings);
	memset(s, 0, sizeof *s);
}
