/* One scan of the samples. A sample passes by looking into the arrays of the scope; what passes is summed by (stack, thread name), or by
 * (stack, part). A stack is mostly one program's, so the sum of its first key stands in an array by stack, and those of other keys hang on
 * it as a list, found through an index. Stacks come in no order and that array is larger than a cache: a few samples wait while their
 * places are fetched. Cost: about 0.2 us a sample, most of it SQLite's. */
#include "report/view.h"

#include "base/hash.h"
#include "report/each.h"
#include "report/large.h"
#include "store/periods.h"

#include <errno.h>

struct sum {
	struct report_row row; /* n == 0: none yet */
	uint32_t next;         /* in others, of the same stack; NONE ends */
};
enum { NONE = UINT32_MAX, WAITING = 32 };

struct scan {
	struct ap_view *v;
	const bool *stacks; /* NULL: all */
	struct sum *first;  /* by stack id */
	struct sum *others;
	size_t n_first, n_others, others_cap;
	struct ap_index index; /* of others */
	struct report_row waiting[WAITING];
	size_t n_waiting;
	bool parts; /* a sum is of (stack, part) and not of (stack, thread name) */
	struct ap_index part_index;
	size_t parts_cap;
	uint32_t last_part;
	struct ap_periods periods;
};

static uint64_t sum_hash(const void *ctx, uint32_t slot)
{
	const struct report_row *r = &((const struct scan *)ctx)->others[slot].row;

	return ap_hash_u64((uint64_t)r->stack << 32 | r->comm);
}

static bool sum_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct report_row *a = &((const struct scan *)ctx)->others[slot].row, *b = key;

	return a->stack == b->stack && a->comm == b->comm;
}

static void add_to(struct report_row *sum, const struct report_row *r)
{
	sum->weight = report_add(sum->weight, r->weight);
	sum->n++;
}

static int add_other(struct scan *s, const struct report_row *r)
{
	uint32_t slot = ap_index_find(&s->index, ap_hash_u64((uint64_t)r->stack << 32 | r->comm), sum_same, s, r);
	struct sum *v;

	if (slot != (uint32_t)NONE) {
		add_to(&s->others[slot].row, r);
		return 0;
	}
	v = ap_grow(&s->others, &s->others_cap, s->n_others, sizeof *v);
	if (!v)
		return -ENOMEM;
	slot = (uint32_t)s->n_others++;
	v[slot] = (struct sum){*r, s->first[r->stack].next};
	s->first[r->stack].next = slot;
	return ap_index_add(&s->index, sum_hash(s, slot), slot, sum_hash, s);
}

static int add_waiting(struct scan *s)
{
	int err = 0;

	for (size_t i = 0; i < s->n_waiting && !err; i++) {
		const struct report_row *r = &s->waiting[i];
		struct sum *first = &s->first[r->stack];

		if (!first->row.n) {
			*first = (struct sum){*r, NONE};
			s->n_first++;
		} else if (first->row.comm == r->comm) {
			add_to(&first->row, r);
		} else {
			err = add_other(s, r);
		}
	}
	s->n_waiting = 0;
	return err;
}

static uint64_t part_hash(const void *ctx, uint32_t slot)
{
	const struct report_part *p = &((const struct scan *)ctx)->v->parts[slot];

	return ap_hash_u64((uint64_t)p->event << 32 | p->thread);
}

static bool part_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct report_part *a = &((const struct scan *)ctx)->v->parts[slot], *b = key;

	return a->event == b->event && a->thread == b->thread;
}

/* Samples come in long rows of one thread. */
static int find_part(struct scan *s, const struct report_part *key, uint32_t *ret_part)
{
	struct ap_view *v = s->v;
	uint64_t hash = ap_hash_u64((uint64_t)key->event << 32 | key->thread);
	struct report_part *parts;
	int err = 0;

	if (!v->n_parts || !part_same(s, s->last_part, key)) {
		s->last_part = ap_index_find(&s->part_index, hash, part_same, s, key);
		if (s->last_part == (uint32_t)NONE) {
			parts = ap_grow(&v->parts, &s->parts_cap, v->n_parts, sizeof *parts);
			if (!parts)
				return -ENOMEM;
			s->last_part = (uint32_t)v->n_parts++;
			parts[s->last_part] = *key;
			err = ap_index_add(&s->part_index, hash, s->last_part, part_hash, s);
		}
	}
	*ret_part = s->last_part;
	return err;
}

static int add(struct scan *s, uint32_t stack, uint32_t comm, int64_t weight)
{
	s->waiting[s->n_waiting++] = (struct report_row){stack, comm, weight, 1};
	__builtin_prefetch(&s->first[stack], 1);
	return s->n_waiting == WAITING ? add_waiting(s) : 0;
}

enum { COLUMN_EVENT, COLUMN_THREAD, COLUMN_STACK, COLUMN_WEIGHT, COLUMN_TS, COLUMN_CPU };
static const char ALL_COLUMNS[] = "event, thread, stack, weight, ts, cpu", FEW_COLUMNS[] = "event, thread, stack, weight";

static int take(void *ctx, sqlite3_value **columns)
{
	struct scan *s = ctx;
	struct report_scope *sc = &s->v->scope;
	uint32_t event = report_row_of(sc->event_ids, sc->n_events, sqlite3_value_int64(columns[COLUMN_EVENT])), thread, key;
	struct report_run *r = event == (uint32_t)REPORT_NO_ROW || sc->events[event].run == (uint32_t)REPORT_NO_ROW
				       ? NULL
				       : &sc->runs[sc->events[event].run];
	int64_t stack = sqlite3_value_int64(columns[COLUMN_STACK]), ts, weight;
	int err = 0;

	s->v->file_samples++;
	if (stack < 0 || (size_t)stack > s->v->names.n_stacks)
		return -EBADMSG;
	if (!r || !r->pass)
		return 0;
	if (sc->by_time || r->end_ns < 0) {
		ts = sqlite3_value_int64(columns[COLUMN_TS]);
		r->last_ts = ts > r->last_ts ? ts : r->last_ts;
		if (ts < r->from || ts >= r->to)
			return 0;
	}
	if (sc->by_cpu && !report_ranges_have(&sc->cpus, sqlite3_value_int64(columns[COLUMN_CPU])))
		return 0;
	r->scope_n++;
	thread = report_row_of(sc->thread_ids, sc->n_threads, sqlite3_value_int64(columns[COLUMN_THREAD]));
	if (!report_thread_passes(sc, r, thread) || (s->stacks && !s->stacks[stack]))
		return 0;
	sc->events[event].scope_n++;
	if (sc->events[event].pass) {
		r->used = true;
		if (thread != (uint32_t)REPORT_NO_ROW)
			sc->threads[thread].used = true;
	} else if (!s->parts || s->v->one_event) {
		return 0;
	}
	weight = sqlite3_value_type(columns[COLUMN_WEIGHT]) == SQLITE_NULL ? ap_periods_of(&s->periods, sc->event_ids[event])
									   : sqlite3_value_int64(columns[COLUMN_WEIGHT]);
	if (s->parts)
		err = find_part(s, &(struct report_part){event, thread}, &key);
	else
		key = report_comm_of(sc, thread);
	return err ? err : add(s, (uint32_t)stack, key, weight < 0 ? 0 : weight);
}

static int by_key(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	return x->comm < y->comm ? -1 : x->comm > y->comm;
}

static int order(const struct scan *s, struct report_row **ret_rows, size_t *ret_n)
{
	struct report_row *rows = malloc((s->n_first + s->n_others + 1) * sizeof *rows);
	size_t first, n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t stack = 0; stack <= s->v->names.n_stacks; stack++) {
		if (!s->first[stack].row.n)
			continue;
		first = n;
		rows[n++] = s->first[stack].row;
		for (uint32_t i = s->first[stack].next; i != (uint32_t)NONE; i = s->others[i].next)
			rows[n++] = s->others[i].row;
		if (n - first > 1)
			qsort(rows + first, n - first, sizeof *rows, by_key);
	}
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}

/* Times and CPUs cost a column each: they are read where something asks for them. */
static bool wants_times(const struct report_scope *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].end_ns < 0)
			return true;
	return s->by_time || s->by_cpu;
}

int report_view_scan(sqlite3 *db, struct ap_view *v, const bool *stacks, bool parts, struct report_row **ret_rows, size_t *ret_n)
{
	struct scan s = {.v = v, .stacks = stacks, .parts = parts};
	int err;

	s.first = report_large_calloc(v->names.n_stacks + 1, sizeof *s.first);
	if (!s.first)
		return -ENOMEM;
	err = ap_periods_load(db, &s.periods);
	if (!err)
		err = report_each(db, wants_times(&v->scope) ? ALL_COLUMNS : FEW_COLUMNS, "sample_row", take, &s);
	if (!err)
		err = add_waiting(&s);
	if (!err)
		err = order(&s, ret_rows, ret_n);
	free(s.first);
	free(s.others);
	ap_index_done(&s.index);
	ap_index_done(&s.part_index);
	ap_periods_done(&s.periods);
	return err;
}
