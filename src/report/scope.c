/* Runs, processes, threads and events are read in order of id, each row beside its id (idmap.h), and each says whether it passes. */
#include "report/scope.h"

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
typedef int (*row_fn)(struct loading *l, sqlite3_stmt *st);

static const char *keep(struct loading *l, sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return ap_arena_strndup(&l->s->strings, s ? s : "", s ? strlen(s) : 0);
}

static int each_row(struct loading *l, const char *sql, row_fn row)
{
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(l->db, sql, -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(l, st);
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
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

static int run_row(struct loading *l, sqlite3_stmt *st)
{
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

static int process_row(struct loading *l, sqlite3_stmt *st)
{
	struct report_process *p = ADD_ROW(l->s->processes, l->s->process_ids, l->s->n_processes, st);

	if (!p)
		return -ENOMEM;
	p->pass = report_ranges_have(&l->pids, sqlite3_column_int64(st, 1));
	return 0;
}

/* The names are kept in order of the threads until number_comms sorts them. */
static int thread_row(struct loading *l, sqlite3_stmt *st)
{
	struct report_scope *s = l->s;
	struct report_thread *t = ADD_ROW(s->threads, s->thread_ids, s->n_threads, st);
	const char **comms = t ? ap_grow(&s->comms, &s->comms_cap, s->n_comms, sizeof *comms) : NULL;

	if (!comms || !(comms[s->n_comms] = keep(l, st, 3)))
		return -ENOMEM;
	t->process = report_row_of(s->process_ids, s->n_processes, sqlite3_column_int64(st, 1));
	t->pass = report_ranges_have(&l->tids, sqlite3_column_int64(st, 2)) && report_names_have(l->f->comm, comms[s->n_comms]) &&
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

static int event_row(struct loading *l, sqlite3_stmt *st)
{
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

static bool in_passing_run(const struct report_scope *s, const struct report_event *e)
{
	return e->run != (uint32_t)REPORT_NO_ROW && s->runs[e->run].pass;
}

/* The filter's event, or the one that is first in most of the runs. */
static const struct report_event *chosen_event(const struct report_scope *s, const char *name)
{
	const struct report_event *best = NULL;
	size_t best_n = 0;

	for (size_t i = 0; i < s->n_events; i++) {
		const struct report_event *e = &s->events[i];
		size_t n = 0;

		if (!in_passing_run(s, e) || (name ? strcmp(e->name, name) != 0 : e->seq != 0))
			continue;
		for (size_t k = 0; k < s->n_events && !name; k++)
			n += in_passing_run(s, &s->events[k]) && s->events[k].seq == 0 && !strcmp(s->events[k].name, e->name);
		if (!best || n > best_n)
			best = e, best_n = n;
		if (name || n == s->n_runs)
			break;
	}
	return best;
}

static void choose_event(struct report_scope *s, const char *name, bool all)
{
	const struct report_event *chosen = all && !name ? NULL : chosen_event(s, name);

	for (size_t i = 0; i < s->n_events; i++) {
		struct report_event *e = &s->events[i];

		/* never two units in one sum */
		e->pass = in_passing_run(s, e) &&
			  ((all && !name) || (chosen && !strcmp(e->name, chosen->name) && !strcmp(e->unit, chosen->unit)));
	}
	if (chosen) {
		s->event = chosen->name;
		s->unit = chosen->unit;
	}
}

/* Labels become bits: a sample needs all of them, each from its run or from its process. */
static int mark_labels(struct loading *l, const char *sql, const char *label, uint64_t bit, bool of_runs)
{
	size_t key = strcspn(label, "=");
	sqlite3_stmt *st;
	uint32_t row;
	int rc;

	if (sqlite3_prepare_v2(l->db, sql, -1, &st, NULL))
		return -EIO;
	sqlite3_bind_text(st, 1, label, (int)key, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, label + key + 1, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0);

		row = of_runs ? report_row_of(l->s->run_ids, l->s->n_runs, id) : report_row_of(l->s->process_ids, l->s->n_processes, id);
		if (row != (uint32_t)REPORT_NO_ROW)
			*(of_runs ? &l->s->runs[row].labels : &l->s->processes[row].labels) |= bit;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int load_labels(struct loading *l)
{
	int err = 0;

	for (size_t i = 0; !err && l->f->labels && l->f->labels[i]; i++) {
		l->s->labels |= (uint64_t)1 << i;
		err = mark_labels(l, "SELECT run FROM run_label WHERE key = ?1 AND value = ?2", l->f->labels[i], (uint64_t)1 << i, true);
		if (!err)
			err = mark_labels(l, "SELECT process FROM process_label WHERE key = ?1 AND value = ?2", l->f->labels[i],
				(uint64_t)1 << i, false);
	}
	return err;
}

static int check_labels(const struct ap_report_filter *f, struct ap_why *why)
{
	for (size_t i = 0; f->labels && f->labels[i]; i++) {
		if (i == AP_REPORT_LABELS_MAX)
			return ap_why(why, E2BIG, "--label: more than %d", AP_REPORT_LABELS_MAX);
		if (!strchr(f->labels[i], '=') || f->labels[i][0] == '=')
			return ap_why(why, EINVAL, "--label %s: give KEY=VALUE", f->labels[i]);
	}
	return 0;
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
	return err ? err : check_labels(f, why);
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
	err = each_row(l,
		"SELECT r.id, r.uuid, r.start_ns, r.start_realtime_ns, r.end_ns, r.end_reason, h.name, h.key FROM run r "
		"LEFT JOIN host h ON h.id = r.host ORDER BY r.id",
		run_row);
	if (!err)
		err = each_row(l, "SELECT id, pid FROM process ORDER BY id", process_row);
	if (!err)
		err = each_row(l, "SELECT id, process, tid, comm FROM thread ORDER BY id", thread_row);
	if (!err)
		err = number_comms(l);
	if (!err)
		err = each_row(l, "SELECT id, run, seq, name, unit, source, why FROM event ORDER BY id", event_row);
	if (!err)
		err = load_labels(l);
	if (!err)
		choose_event(s, f->event, all_events);
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
