/* stack_total and function_total from the samples, in C: one pass over the samples into arrays by stack id for each (run, event), one pass
 * down the ids (parent < id) for the totals, and one walk to the root for each stack that has samples, where a stamp keeps a function that
 * recurs from being counted twice. Cost: samples + distinct stacks x depth. */
#include "store/private.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/sql_text.h"

#include <errno.h>
#include <string.h>

struct key { /* a function in an executable; function 0: the frames without a name */
	int64_t function, executable;
};
struct totals {
	int64_t run, event;
	int64_t *self, *total, *self_n, *total_n; /* by stack id */
};
struct derive {
	sqlite3 *db;
	size_t n_stacks, n_frames; /* highest ids */
	uint32_t *parent, *frame;  /* by stack id */
	uint32_t *first;	   /* by frame id: its keys are lines[first[f] .. first[f + 1]) */
	uint32_t *lines;
	size_t n_lines, lines_cap;
	struct key *keys;
	size_t n_keys, keys_cap;
	struct ap_index index;
	struct totals *groups;
	size_t n_groups, groups_cap;
};

static uint64_t key_hash(const void *ctx, uint32_t slot)
{
	const struct key *k = &((const struct derive *)ctx)->keys[slot];

	return ap_hash_pair((uint64_t)k->function, (uint64_t)k->executable);
}

static bool key_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct key *a = &((const struct derive *)ctx)->keys[slot], *b = key;

	return a->function == b->function && a->executable == b->executable;
}

static int key_id(struct derive *d, struct key k, uint32_t *ret)
{
	uint64_t hash = ap_hash_pair((uint64_t)k.function, (uint64_t)k.executable);
	struct key *v;

	*ret = ap_index_find(&d->index, hash, key_same, d, &k);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&d->keys, &d->keys_cap, d->n_keys, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[d->n_keys] = k;
	*ret = (uint32_t)d->n_keys;
	if (ap_index_add(&d->index, hash, *ret, key_hash, d))
		return -ENOMEM;
	d->n_keys++;
	return 0;
}

static int load_stacks(struct derive *d)
{
	int64_t highest = ap_store_number(d->db, "SELECT coalesce(max(id), 0) FROM stack"), id, parent;
	sqlite3_stmt *st;
	int rc, err = 0;

	if (highest < 0 || highest > INT32_MAX)
		return -EBADMSG;
	d->n_stacks = (size_t)highest;
	d->parent = calloc(d->n_stacks + 1, sizeof *d->parent);
	d->frame = calloc(d->n_stacks + 1, sizeof *d->frame);
	if (!d->parent || !d->frame)
		return -ENOMEM;
	if (sqlite3_prepare_v2(d->db, "SELECT id, parent_id, frame_id FROM stack", -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = sqlite3_column_int64(st, 0);
		parent = sqlite3_column_int64(st, 1);
		if (id < 1 || id > highest || parent < 0 || parent >= id)
			err = -EBADMSG;
		else
			d->parent[id] = (uint32_t)parent, d->frame[id] = (uint32_t)sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static int add_line(struct derive *d, struct key k)
{
	uint32_t *v = ap_grow(&d->lines, &d->lines_cap, d->n_lines, sizeof *v);

	return v && !key_id(d, k, &v[d->n_lines]) ? (d->n_lines++, 0) : -ENOMEM;
}

static int load_frames(struct derive *d)
{
	int64_t highest = ap_store_number(d->db, "SELECT coalesce(max(id), 0) FROM frame"), id;
	size_t filled = 0;
	sqlite3_stmt *st;
	int rc, err = 0;

	if (highest < 0 || highest > INT32_MAX)
		return -EBADMSG;
	d->n_frames = (size_t)highest;
	d->first = calloc(d->n_frames + 2, sizeof *d->first);
	if (!d->first)
		return -ENOMEM;
	if (sqlite3_prepare_v2(d->db, ap_sql_frame_functions, -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = sqlite3_column_int64(st, 0);
		if (id < 1 || id > highest) {
			err = -EBADMSG;
			break;
		}
		while (filled < (size_t)id)
			d->first[++filled] = (uint32_t)d->n_lines;
		err = add_line(d, (struct key){sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2)});
	}
	while (filled < d->n_frames + 1)
		d->first[++filled] = (uint32_t)d->n_lines;
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static struct totals *group_of(struct derive *d, int64_t run, int64_t event)
{
	struct totals *g;

	for (size_t i = d->n_groups; i-- > 0;)
		if (d->groups[i].run == run && d->groups[i].event == event)
			return &d->groups[i];
	g = ap_grow(&d->groups, &d->groups_cap, d->n_groups, sizeof *g);
	if (!g)
		return NULL;
	g += d->n_groups;
	*g = (struct totals){.run = run, .event = event};
	g->self = calloc((d->n_stacks + 1) * 4, sizeof *g->self);
	if (!g->self)
		return NULL;
	g->total = g->self + d->n_stacks + 1;
	g->self_n = g->total + d->n_stacks + 1;
	g->total_n = g->self_n + d->n_stacks + 1;
	d->n_groups++;
	return g;
}

static int sum_samples(struct derive *d)
{
	struct totals *g = NULL;
	int64_t run, event, stack;
	sqlite3_stmt *st;
	int rc, err = 0;

	if (sqlite3_prepare_v2(d->db, "SELECT run, event, stack, weight FROM sample", -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		run = sqlite3_column_int64(st, 0);
		event = sqlite3_column_int64(st, 1);
		stack = sqlite3_column_int64(st, 2);
		if (!g || g->run != run || g->event != event)
			g = group_of(d, run, event);
		if (!g)
			err = -ENOMEM;
		else if (stack < 0 || (size_t)stack > d->n_stacks)
			err = -EBADMSG;
		else
			g->self[stack] += sqlite3_column_int64(st, 3), g->self_n[stack]++;
	}
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static void sum_up(const struct derive *d, struct totals *g)
{
	memcpy(g->total, g->self, (d->n_stacks + 1) * sizeof *g->self);
	memcpy(g->total_n, g->self_n, (d->n_stacks + 1) * sizeof *g->self_n);
	for (size_t id = d->n_stacks; id > 0; id--) {
		g->total[d->parent[id]] += g->total[id];
		g->total_n[d->parent[id]] += g->total_n[id];
	}
}

static int insert(sqlite3_stmt *st, const int64_t *values, int n)
{
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(st, i + 1, values[i]);
	sqlite3_step(st);
	return sqlite3_reset(st) ? -EIO : 0;
}

static int write_stacks(const struct derive *d, const struct totals *g, sqlite3_stmt *st)
{
	int err = 0;

	for (size_t id = 0; id <= d->n_stacks && !err; id++)
		if (g->total_n[id])
			err = insert(st,
				(const int64_t[]){g->run, g->event, (int64_t)id, g->self[id], g->total[id], g->self_n[id], g->total_n[id]}, 7);
	return err;
}

/* Adds one stack's self weight to every function on its way to the root, each once. */
static void walk(const struct derive *d, const struct totals *g, size_t id, int64_t *sums, size_t *stamp)
{
	size_t at, line;

	for (at = id; at; at = d->parent[at]) {
		uint32_t f = d->frame[at];

		for (line = d->first[f]; f <= d->n_frames && line < d->first[f + 1]; line++) {
			int64_t *sum = sums + 4 * d->lines[line];

			if (at == id && line == d->first[f]) {
				sum[0] += g->self[id];
				sum[2] += g->self_n[id];
			}
			if (stamp[d->lines[line]] == id)
				continue;
			stamp[d->lines[line]] = id;
			sum[1] += g->self[id];
			sum[3] += g->self_n[id];
		}
	}
}

static int write_functions(const struct derive *d, const struct totals *g, sqlite3_stmt *st)
{
	AP_AUTO_FREE int64_t *sums = calloc(d->n_keys * 4 + 1, sizeof *sums);
	AP_AUTO_FREE size_t *stamp = calloc(d->n_keys + 1, sizeof *stamp);
	int err = sums && stamp ? 0 : -ENOMEM;

	for (size_t id = 1; id <= d->n_stacks && !err; id++)
		if (g->self_n[id])
			walk(d, g, id, sums, stamp);
	for (size_t k = 0; k < d->n_keys && !err; k++)
		if (sums[4 * k + 3])
			err = insert(st, (const int64_t[]){g->run, g->event, d->keys[k].function, d->keys[k].executable, sums[4 * k],
						 sums[4 * k + 1], sums[4 * k + 2], sums[4 * k + 3]}, 8);
	return err;
}

static int write_all(struct derive *d)
{
	sqlite3_stmt *stacks = NULL, *functions = NULL;
	int err = 0;

	if (sqlite3_exec(d->db, ap_sql_reset_totals, NULL, NULL, NULL) ||
		sqlite3_prepare_v2(d->db, "INSERT INTO stack_total VALUES (?,?,?,?,?,?,?)", -1, &stacks, NULL) ||
		sqlite3_prepare_v2(d->db, "INSERT INTO function_total VALUES (?,?,?,?,?,?,?,?)", -1, &functions, NULL))
		err = -EIO;
	for (size_t i = 0; i < d->n_groups && !err; i++) {
		sum_up(d, &d->groups[i]);
		err = write_stacks(d, &d->groups[i], stacks);
		if (!err)
			err = write_functions(d, &d->groups[i], functions);
	}
	sqlite3_finalize(stacks);
	sqlite3_finalize(functions);
	return err;
}

int ap_store_derive(sqlite3 *db, struct ap_why *why)
{
	struct derive d = {.db = db};
	int err = sqlite3_exec(db, "SAVEPOINT derive", NULL, NULL, NULL) ? -EIO : 0;

	if (!err)
		err = load_stacks(&d);
	if (!err)
		err = load_frames(&d);
	if (!err)
		err = sum_samples(&d);
	if (!err)
		err = write_all(&d);
	if (err)
		ap_why(why, -err, "cannot compute the totals: %s", err == -EBADMSG ? "the stacks of the file are not well-formed"
			: err == -EIO ? sqlite3_errmsg(db) : strerror(-err));
	if (sqlite3_exec(db, err ? "ROLLBACK TO derive; RELEASE derive" : "RELEASE derive", NULL, NULL, NULL) && !err)
		err = ap_why(why, EIO, "cannot store the totals: %s", sqlite3_errmsg(db));
	for (size_t i = 0; i < d.n_groups; i++)
		free(d.groups[i].self);
	free(d.groups);
	free(d.parent);
	free(d.frame);
	free(d.first);
	free(d.lines);
	free(d.keys);
	ap_index_done(&d.index);
	return err;
}
