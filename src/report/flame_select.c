/* One scan of the samples: a hash sums by (thread of a run, event, stack). The groups are chosen when it is known how many there are. */
#include "report/flame_select.h"

#include "report/filter.h"
#include "report/view.h"

#include <errno.h>
#include <string.h>

struct thread {
	int64_t id, pid, tid;
	const char *comm;
};
struct event_row {
	int64_t id;
	uint32_t event; /* in the selection */
	int64_t period; /* what a sample weighs whose row has no weight */
};
struct pair { /* a thread in a run */
	int64_t run, thread;
	uint32_t group;
};
struct scan {
	struct flame_selection *s;
	struct ap_index sum_index, pair_index, group_index;
	struct thread *threads; /* in order of id */
	size_t n_threads, threads_cap;
	struct event_row *event_rows; /* in order of id */
	size_t n_event_rows, event_rows_cap;
	struct pair *pairs;
	size_t n_pairs, pairs_cap;
	bool *pass; /* by stack id; NULL: all */
	enum flame_detail detail;
	int64_t whole; /* of all weights: no sum can pass the range */
};

static uint64_t sum_key(const struct flame_sum *s)
{
	return ap_hash_u64((uint64_t)s->stack << 32 ^ (uint64_t)s->group << 8 ^ s->event);
}

static uint64_t sum_hash(const void *ctx, uint32_t slot)
{
	return sum_key(&((const struct scan *)ctx)->s->sums[slot]);
}

static bool sum_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct flame_sum *a = &((const struct scan *)ctx)->s->sums[slot], *b = key;

	return a->stack == b->stack && a->group == b->group && a->event == b->event;
}

static uint64_t pair_key(const struct pair *p)
{
	return ap_hash_pair((uint64_t)p->run, (uint64_t)p->thread);
}

static uint64_t pair_hash(const void *ctx, uint32_t slot)
{
	return pair_key(&((const struct scan *)ctx)->pairs[slot]);
}

static bool pair_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct pair *a = &((const struct scan *)ctx)->pairs[slot], *b = key;

	return a->run == b->run && a->thread == b->thread;
}

static uint64_t group_key(const struct flame_group *g)
{
	return ap_hash_bytes(g->comm, strlen(g->comm), ap_hash_pair((uint64_t)g->run, (uint64_t)g->pid << 32 ^ (uint64_t)g->tid));
}

static uint64_t group_hash(const void *ctx, uint32_t slot)
{
	return group_key(&((const struct scan *)ctx)->s->groups[slot]);
}

static bool group_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct flame_group *a = &((const struct scan *)ctx)->s->groups[slot], *b = key;

	return a->run == b->run && a->pid == b->pid && a->tid == b->tid && !strcmp(a->comm, b->comm);
}

static const char *keep(struct scan *c, sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return ap_arena_strndup(&c->s->strings, s ? s : "", s ? strlen(s) : 0);
}

static int run_row(struct scan *c, sqlite3_stmt *st)
{
	struct flame_run *v = ap_grow(&c->s->runs, &c->s->runs_cap, c->s->n_runs, sizeof *v);

	if (!v)
		return -ENOMEM;
	v += c->s->n_runs++;
	*v = (struct flame_run){sqlite3_column_int64(st, 0), keep(c, st, 1), keep(c, st, 2), sqlite3_column_int64(st, 3)};
	return v->command && v->host ? 0 : -ENOMEM;
}

static int thread_row(struct scan *c, sqlite3_stmt *st)
{
	struct thread *v = ap_grow(&c->threads, &c->threads_cap, c->n_threads, sizeof *v);

	if (!v)
		return -ENOMEM;
	v += c->n_threads++;
	*v = (struct thread){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), keep(c, st, 3)};
	return v->comm ? 0 : -ENOMEM;
}

static int event_row(struct scan *c, sqlite3_stmt *st)
{
	struct flame_selection *s = c->s;
	struct event_row *v = ap_grow(&c->event_rows, &c->event_rows_cap, c->n_event_rows, sizeof *v);
	const char *name = keep(c, st, 1), *unit = keep(c, st, 2), *reason = keep(c, st, 3);
	uint32_t i = 0;

	if (!v || !name || !unit || !reason)
		return -ENOMEM;
	while (i < s->n_events && (strcmp(s->events[i].name, name) || strcmp(s->events[i].unit, unit)))
		i++;
	if (i == FLAME_EVENTS_MAX)
		return -E2BIG;
	if (i == s->n_events)
		s->events[s->n_events++] = (struct flame_event){sqlite3_column_int64(st, 0), name, unit, reason};
	v[c->n_event_rows++] = (struct event_row){sqlite3_column_int64(st, 0), i, sqlite3_column_int64(st, 4)};
	return 0;
}

static int each(struct scan *c, sqlite3 *db, const char *sql, int (*row)(struct scan *c, sqlite3_stmt *st), struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL), err = 0;

	if (rc)
		return ap_why(why, EIO, "cannot read the file: %s", sqlite3_errmsg(db));
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(c, st);
	if (err == -E2BIG)
		err = ap_why(why, E2BIG, "there are more than %d events; choose some with --event", FLAME_EVENTS_MAX);
	else if (err)
		err = ap_why(why, -err, "out of memory");
	else if (rc != SQLITE_DONE)
		err = ap_why(why, EIO, "cannot read the file: %s", sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return err;
}

static int load(struct scan *c, sqlite3 *db, struct ap_why *why)
{
	int err = each(c, db, "SELECT r.id, r.command, h.name, r.start_realtime_ns FROM run r JOIN host h ON h.id = r.host ORDER BY r.id",
		run_row, why);

	if (!err)
		err = each(c, db, "SELECT t.id, p.pid, t.tid, t.comm FROM thread t JOIN process p ON p.id = t.process ORDER BY t.id",
			thread_row, why);
	if (!err)
		err = each(c, db, "SELECT id, name, unit, why, coalesce(period, 0) FROM event ORDER BY id", event_row, why);
	return err;
}

static int by_id(const void *key, const void *row)
{
	int64_t a = *(const int64_t *)key, b = *(const int64_t *)row; /* the id is each row's first member */

	return a < b ? -1 : a > b;
}

/* Without a filter the samples are read as they are: five joins a row would cost more than all the rest. */
static int prepare(struct scan *c, sqlite3 *db, const struct ap_report_filter *f, sqlite3_stmt **ret, struct ap_why *why)
{
	static const char columns[] = "SELECT s.run, s.thread, s.event, s.stack, s.weight";
	struct ap_report_filter all = *f;
	struct ap_buf events = {0}, sql = {0};
	int err = 0;

	if (!f->host && !f->run && !f->pid && !f->tid && !f->comm && !f->cpu && !f->event && !(f->labels && *f->labels) && !f->from &&
		!f->to) {
		err = ap_buf_printf(&sql, "%s FROM sample_row s", columns) ? ap_why(why, ENOMEM, "out of memory") : 0;
		if (!err && sqlite3_prepare_v2(db, sql.data, -1, ret, NULL))
			err = ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
		ap_buf_done(&sql);
		return err;
	}
	/* every event, where none is asked for; a name holds no comma, since -e separates at them */
	for (size_t i = 0; i < c->s->n_events && !f->event && !err; i++)
		err = ap_buf_printf(&events, "%s%s", i ? "," : "", c->s->events[i].name);
	if (!f->event)
		all.event = events.data;
	err = err ? ap_why(why, ENOMEM, "out of memory") : report_filter_prepare(db, columns, &all, "", ret, why);
	ap_buf_done(&events);
	return err;
}

static int find_pair(struct scan *c, int64_t run, int64_t thread, uint32_t *pair)
{
	struct pair key = {run, thread, 0}, *v = c->pairs;
	int err;

	if (c->n_pairs && v[*pair].run == run && v[*pair].thread == thread) /* as the row before */
		return 0;
	*pair = ap_index_find(&c->pair_index, pair_key(&key), pair_same, c, &key);
	if (*pair != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&c->pairs, &c->pairs_cap, c->n_pairs, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[c->n_pairs] = key;
	err = ap_index_add(&c->pair_index, pair_key(&key), (uint32_t)c->n_pairs, pair_hash, c);
	if (!err)
		*pair = (uint32_t)c->n_pairs++;
	return err;
}

static int add(struct scan *c, const struct flame_sum *key)
{
	struct flame_selection *s = c->s;
	uint64_t hash = sum_key(key);
	uint32_t slot = ap_index_find(&c->sum_index, hash, sum_same, c, key);
	struct flame_sum *v;

	if (slot != (uint32_t)AP_INDEX_NONE) {
		s->sums[slot].n++;
		s->sums[slot].weight += key->weight; /* within the whole, which was checked */
		return 0;
	}
	v = ap_grow(&s->sums, &s->cap, s->n, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[s->n] = *key;
	return ap_index_add(&c->sum_index, hash, (uint32_t)s->n++, sum_hash, c);
}

static int read_samples(struct scan *c, sqlite3 *db, const struct ap_report_filter *f, size_t n_stacks, struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	struct event_row *event = NULL;
	uint32_t pair = 0;
	int rc = SQLITE_DONE, err = prepare(c, db, f, &st, why);

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 2), stack = sqlite3_column_int64(st, 3), weight;

		if (!event || event->id != id)
			event = bsearch(&id, c->event_rows, c->n_event_rows, sizeof *event, by_id);
		weight = event && sqlite3_column_type(st, 4) == SQLITE_NULL ? event->period : sqlite3_column_int64(st, 4);
		if (!event || stack < 0 || (size_t)stack > n_stacks || weight < 0 || __builtin_add_overflow(c->whole, weight, &c->whole)) {
			err = ap_why(why, EBADMSG, "cannot read the samples: they are not well-formed");
			break;
		}
		if (c->pass && !c->pass[stack])
			continue;
		err = find_pair(c, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), &pair);
		if (!err)
			err = add(c, &(struct flame_sum){pair, event->event, stack, 1, weight});
		if (err)
			err = ap_why(why, -err, "out of memory");
	}
	if (!err && rc != SQLITE_DONE)
		err = ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return err;
}

static int find_group(struct scan *c, const struct pair *p, uint32_t *ret)
{
	const struct thread *t = c->n_threads ? bsearch(&p->thread, c->threads, c->n_threads, sizeof *t, by_id) : NULL;
	struct flame_group key = {.comm = t ? t->comm : "", .run = c->detail <= FLAME_BY_RUN ? p->run : 0}, *v;
	int err;

	if (c->s->n_groups >= FLAME_GROUPS_MAX - 1)
		key.comm = "[other commands]";
	if (t && c->detail == FLAME_BY_THREAD) {
		key.pid = t->pid;
		key.tid = t->tid;
	}
	*ret = ap_index_find(&c->group_index, group_key(&key), group_same, c, &key);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&c->s->groups, &c->s->groups_cap, c->s->n_groups, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[c->s->n_groups] = key;
	err = ap_index_add(&c->group_index, group_key(&key), (uint32_t)c->s->n_groups, group_hash, c);
	if (!err)
		*ret = (uint32_t)c->s->n_groups++;
	return err;
}

/* Less detail until there are not too many groups. */
static int choose_groups(struct scan *c, enum flame_detail least)
{
	static const size_t most[] = {
		[FLAME_BY_THREAD] = FLAME_THREADS_MAX, [FLAME_BY_RUN] = FLAME_RUNS_MAX, [FLAME_BY_COMMAND] = FLAME_GROUPS_MAX};
	int err = 0;

	for (c->detail = least;; c->detail++) {
		c->s->n_groups = 0;
		ap_index_done(&c->group_index);
		for (size_t i = 0; i < c->n_pairs && c->s->n_groups <= most[c->detail] && !err; i++)
			err = find_group(c, &c->pairs[i], &c->pairs[i].group);
		if (err || c->s->n_groups <= most[c->detail])
			return err;
	}
}

/* A stable counting sort by numbers below `n`. */
static int sort_by(struct flame_selection *s, size_t n, size_t (*number)(const struct flame_sum *sum))
{
	AP_AUTO_FREE size_t *at = calloc(n + 1, sizeof *at);
	struct flame_sum *sorted = malloc((s->n + 1) * sizeof *sorted);

	if (!at || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->n; i++)
		at[number(&s->sums[i]) + 1]++;
	for (size_t i = 1; i <= n; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < s->n; i++)
		sorted[at[number(&s->sums[i])]++] = s->sums[i];
	free(s->sums);
	s->sums = sorted;
	return 0;
}

static size_t stack_of(const struct flame_sum *sum)
{
	return (size_t)sum->stack;
}

static size_t group_of(const struct flame_sum *sum)
{
	return sum->group;
}

/* By group, then by stack: stacks that are near each other in the file share ancestors, and those are then still in a cache. */
static int sort_sums(struct scan *c, size_t n_stacks)
{
	for (size_t i = 0; i < c->s->n; i++)
		c->s->sums[i].group = c->pairs[c->s->sums[i].group].group;
	return sort_by(c->s, n_stacks + 1, stack_of) || sort_by(c->s, c->s->n_groups, group_of) ? -ENOMEM : 0;
}

int flame_select(sqlite3 *db, const struct ap_report_filter *f, const struct report_names *names, enum flame_detail least,
	struct flame_selection *ret_selection, struct ap_why *why)
{
	struct flame_selection s = {0};
	struct scan c = {.s = &s};
	int err = load(&c, db, why);

	if (!err)
		err = report_matching_stacks(names, f, &c.pass, why);
	if (!err)
		err = read_samples(&c, db, f, names->n_stacks, why);
	if (!err && (choose_groups(&c, least) || sort_sums(&c, names->n_stacks)))
		err = ap_why(why, ENOMEM, "out of memory");
	ap_index_done(&c.sum_index);
	ap_index_done(&c.pair_index);
	ap_index_done(&c.group_index);
	free(c.threads);
	free(c.event_rows);
	free(c.pairs);
	free(c.pass);
	if (err)
		flame_selection_done(&s);
	else
		*ret_selection = s;
	return err;
}

void flame_selection_done(struct flame_selection *s)
{
	free(s->sums);
	free(s->groups);
	free(s->runs);
	ap_arena_done(&s->strings);
	memset(s, 0, sizeof *s);
}
