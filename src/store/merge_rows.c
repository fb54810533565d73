/* One generic copy for every table: the rows of the file at hand go through temp.feed, their ids mapped on the way by an array a kind.
 * Tables go in order of reference. Nothing of the input is believed: its ids must be integers that its own tables have, its values of the
 * declared type, and it cannot have more rows than its size has room for (a hostile tree of pages can be endless). */
#include "store/merge.h"

#include "store/private.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { MAX_ID = 1 << 28, KINDS = 128, SKIP = 2 };

struct ap_merge {
	sqlite3 *out;
	struct ap_feed feed;
	struct ap_ids ids[KINDS]; /* by letter */
	sqlite3_stmt *insert[AP_MERGE_TABLES];
	struct ap_merge_lines lines;
};
struct copy {
	struct ap_merge *m;
	sqlite3 *in;
	const char *path;
	const struct ap_merge_table *t;
	sqlite3_stmt *read;
	char types[AP_FEED_COLUMNS]; /* I, T, or * by the declaration */
	int n_columns;
	uint64_t rows, max_rows;
	int64_t last_id;
	struct ap_id_map maps[KINDS];
	int32_t *ids_of[KINDS];
	struct ap_merge_stats *stats;
	struct ap_why *why;
};

static int refuse(struct copy *c, const char *table)
{
	return ap_why(c->why, EBADMSG, "%s: its table %s is not well-formed: refused", c->path, table);
}

static int say(struct copy *c, const char *table, int err)
{
	if (err == -EBADMSG)
		return refuse(c, table);
	return err ? ap_why(c->why, -err, "%s: cannot merge its table %s: %s", c->path, table,
			     err == -EIO ? sqlite3_errmsg(c->m->out) : strerror(-err))
		   : 0;
}

static bool is_key(char letter)
{
	return isupper((unsigned char)letter);
}

static int make_map(struct copy *c)
{
	unsigned char kind = (unsigned char)c->t->kind;
	struct ap_buf sql = {0};
	int64_t highest = -1;

	if (!ap_buf_printf(&sql, "SELECT coalesce(max(id), 0) FROM %s", c->t->name))
		highest = ap_store_number(c->in, sql.data);
	ap_buf_done(&sql);
	if (highest < 0 || highest > MAX_ID || (uint64_t)highest > c->max_rows)
		return -EBADMSG;
	c->ids_of[kind] = calloc((size_t)highest + 1, sizeof *c->ids_of[kind]);
	if (!c->ids_of[kind])
		return -ENOMEM;
	c->maps[kind] = (struct ap_id_map){c->ids_of[kind], highest};
	return 0;
}

static bool is_samples(const struct ap_merge_table *t)
{
	return !strcmp(t->name, "sample_row");
}

static int prepare_read(struct copy *c)
{
	struct ap_buf sql = {0};
	int err = ap_buf_printf(&sql, "SELECT * FROM %s%s", c->t->name, c->t->columns[0] == 'i' ? " ORDER BY id" : "");

	if (!err && sqlite3_prepare_v2(c->in, sql.data, -1, &c->read, NULL))
		err = -EBADMSG;
	ap_buf_done(&sql);
	if (err)
		return err;
	c->n_columns = sqlite3_column_count(c->read);
	if (c->n_columns > (int)strlen(c->t->columns))
		return -EBADMSG;
	for (int i = 0; i < c->n_columns; i++) {
		const char *type = sqlite3_column_decltype(c->read, i);

		c->types[i] = type && !strcmp(type, "INTEGER") ? 'I' : type && !strcmp(type, "TEXT") ? 'T' : '*';
	}
	return 0;
}

/* The statement and the ids of a table, once for all files; the names are those of the newest schema. */
static int prepare_write(struct copy *c, sqlite3_stmt **insert)
{
	unsigned char kind = (unsigned char)c->t->kind;
	const char *names[AP_FEED_COLUMNS];
	sqlite3_stmt *st = NULL;
	struct ap_buf sql = {0};
	int err;

	if (*insert)
		return 0;
	err = ap_buf_printf(&sql, "SELECT * FROM %s", c->t->name);
	if (!err && sqlite3_prepare_v2(c->m->out, sql.data, -1, &st, NULL))
		err = -EIO;
	if (!err && sqlite3_column_count(st) != (int)strlen(c->t->columns))
		err = -EINVAL;
	for (int i = 0; !err && c->t->columns[i]; i++)
		names[i] = sqlite3_column_name(st, i);
	if (!err && kind && kind != 'r')
		err = ap_merge_open_ids(c->m->out, c->t, names, &c->m->ids[kind]);
	if (!err)
		err = ap_merge_prepare(&c->m->feed, c->t, names, insert);
	sqlite3_finalize(st);
	ap_buf_done(&sql);
	return err;
}

/* The mapped id into a cell. 0; SKIP: the row belongs to a run that is known; -EBADMSG */
static int map_id(const struct copy *c, sqlite3_value *v, char letter, struct ap_cell *cell)
{
	char kind = (char)tolower((unsigned char)letter);
	const struct ap_id_map *m = &c->maps[(unsigned char)kind];
	int type = sqlite3_value_type(v);
	int64_t id = sqlite3_value_int64(v);
	int32_t to = 0;

	*cell = (struct ap_cell){.number = AP_NULL};
	if (type == SQLITE_NULL && !is_key(letter))
		return 0; /* where the schema forbids it, the insertion fails */
	if (type != SQLITE_INTEGER || id < 0 || id > m->n)
		return -EBADMSG;
	if (id)
		to = m->to[id];
	if (kind == 'r' && to == AP_MERGE_KNOWN_RUN)
		return SKIP;
	if (to < 0 || (!to && (id || (kind != 's' && kind != 't' && kind != 'x' && kind != 'f'))))
		return -EBADMSG;
	cell->number = to;
	return 0;
}

/* A number is handed on as such, which costs less than a value; the one that stands for NULL is not. */
static int plain(sqlite3_value *v, char want, struct ap_cell *cell)
{
	int type = sqlite3_value_type(v);

	if (type != SQLITE_NULL && ((want == 'I' && type != SQLITE_INTEGER) || (want == 'T' && type != SQLITE_TEXT)))
		return -EBADMSG;
	*cell = (struct ap_cell){.number = sqlite3_value_int64(v), .value = v};
	if (type == SQLITE_INTEGER && cell->number != AP_NULL)
		cell->value = NULL;
	return 0;
}

static int fill_cells(struct copy *c, struct ap_cell *cells)
{
	int err = 0;

	for (int i = 0; c->t->columns[i] && !err; i++) {
		char k = c->t->columns[i];

		if (i >= c->n_columns || k == 'i' || k == '_' || k == 'q')
			cells[i] = (struct ap_cell){.number = AP_NULL};
		else if (k == '.' || k == 'K')
			err = plain(sqlite3_column_value(c->read, i), c->types[i], &cells[i]);
		else
			err = map_id(c, sqlite3_column_value(c->read, i), k, &cells[i]);
	}
	return err;
}

/* A run's id comes from the ledger. */
static int find_run(struct copy *c, int64_t old, int32_t *ret_id, bool *ret_add)
{
	enum ap_run_state state;
	int64_t id;
	int err = ap_merge_run_state(c->m->out, c->in, old, &state, &id);

	if (err)
		return err;
	*ret_add = state != AP_RUN_KNOWN;
	c->stats->runs_known += state == AP_RUN_KNOWN;
	c->stats->runs_added += state != AP_RUN_KNOWN;
	if (state == AP_RUN_NEW)
		id = ap_store_number(c->m->out, "SELECT coalesce(max(id), 0) + 1 FROM run");
	else if (state == AP_RUN_FULLER && ap_merge_forget_run(c->m->out, id))
		return -EIO;
	if (id < 1 || id > MAX_ID)
		return -EFBIG;
	*ret_id = state == AP_RUN_KNOWN ? AP_MERGE_KNOWN_RUN : (int32_t)id;
	return 0;
}

static int find_id(struct copy *c, struct ap_cell *cells, int64_t old, int32_t *ret_id, bool *ret_add)
{
	struct ap_ids *ids = &c->m->ids[(unsigned char)c->t->kind];
	int err;

	if (c->t->kind == 'r')
		return find_run(c, old, ret_id, ret_add);
	err = ap_ids_find(ids, cells, ret_id);
	*ret_add = !*ret_id || !c->t->fixed;
	return !err && !*ret_id ? ap_ids_add(ids, ret_id) : err;
}

/* 0: the row is to be added; SKIP; negative errno. parent < id: the parent of a stack must be mapped when its row comes, which the order by
 * id makes sure of. */
static int take_row(struct copy *c, struct ap_cell *cells)
{
	unsigned char kind = (unsigned char)c->t->kind;
	int64_t old = kind ? sqlite3_column_int64(c->read, 0) : 0;
	int err = fill_cells(c, cells);
	int32_t id = 0;
	bool add;

	if (kind && (old <= c->last_id || old > c->maps[kind].n))
		return -EBADMSG;
	c->last_id = old;
	if (err == SKIP && kind)
		c->ids_of[kind][old] = AP_MERGE_KNOWN_RUN;
	if (err || !kind)
		return err;
	err = find_id(c, cells, old, &id, &add);
	if (err)
		return err;
	c->ids_of[kind][old] = id;
	cells[0].number = id;
	return add ? 0 : SKIP;
}

static int next_row(void *ctx, struct ap_cell *cells)
{
	struct copy *c = ctx;
	int err = SKIP, rc;

	while (err == SKIP) {
		rc = sqlite3_step(c->read);
		if (rc == SQLITE_DONE)
			return 0;
		if (rc != SQLITE_ROW || c->rows++ > c->max_rows)
			return -EBADMSG;
		err = take_row(c, cells);
	}
	return err ? err : 1;
}

static int copy_samples(struct copy *c, sqlite3_stmt *insert)
{
	struct ap_totals_config cfg = {.feed = &c->m->feed, .stacks = c->maps['s'], .functions = c->maps['f'], .executables = c->maps['x']};
	struct ap_merge_samples s = {.in = c->in,
		.insert = insert,
		.feed = &c->m->feed,
		.runs = c->maps['r'],
		.events = c->maps['e'],
		.threads = c->maps['t'],
		.stacks = c->maps['s']};
	struct ap_tree *tree = NULL;
	int err = ap_tree_load(c->in, c->max_rows, &tree);

	cfg.tree = tree;
	if (!err)
		err = ap_totals_new(&cfg, &s.totals);
	if (!err)
		err = ap_merge_samples(&s, &c->stats->samples_added);
	ap_totals_free(s.totals);
	ap_tree_free(tree);
	return err;
}

static int copy_table(struct copy *c, const struct ap_merge_table *t, sqlite3_stmt **insert)
{
	int err;

	c->t = t;
	c->rows = 0;
	c->last_id = 0;
	err = t->kind ? make_map(c) : 0;
	if (!err && !is_samples(t)) /* which have a reader of their own */
		err = prepare_read(c);
	if (!err)
		err = prepare_write(c, insert);
	if (!err)
		err = is_samples(t) ? copy_samples(c, *insert) : ap_feed_insert(&c->m->feed, *insert, next_row, c);
	sqlite3_finalize(AP_STEAL(c->read));
	return say(c, t->name, err);
}

/* Where two files differ in a process's parent, the greater pid and start stays. */
static const char SET_PARENT[] = "UPDATE process SET parent = ?2 WHERE id = ?1 AND (parent IS NULL OR EXISTS (SELECT 1 FROM process n, "
				 "process o WHERE n.id = ?2 AND "
				 "o.id = process.parent AND (n.pid, n.start_ns, n.boot) > (o.pid, o.start_ns, o.boot)))";

static int copy_parents(struct copy *c)
{
	sqlite3_stmt *set = NULL;
	struct ap_cell id, parent;
	int err = 0, rc = SQLITE_DONE;

	if (sqlite3_prepare_v2(c->in, "SELECT id, parent FROM process WHERE parent IS NOT NULL AND parent <> 0", -1, &c->read, NULL))
		err = -EBADMSG;
	if (!err && sqlite3_prepare_v2(c->m->out, SET_PARENT, -1, &set, NULL))
		err = -EIO;
	while (!err && (rc = sqlite3_step(c->read)) == SQLITE_ROW) {
		if (map_id(c, sqlite3_column_value(c->read, 0), 'P', &id) || map_id(c, sqlite3_column_value(c->read, 1), 'P', &parent)) {
			err = -EBADMSG;
			break;
		}
		sqlite3_bind_int64(set, 1, id.number);
		sqlite3_bind_int64(set, 2, parent.number);
		sqlite3_step(set);
		rc = sqlite3_reset(set);
		err = rc ? -ap_store_errno(c->m->out, rc) : 0;
	}
	if (!err && rc != SQLITE_DONE)
		err = -EBADMSG;
	sqlite3_finalize(AP_STEAL(c->read));
	sqlite3_finalize(set);
	return say(c, "process", err);
}

int ap_merge_rows(struct ap_merge *m, sqlite3 *in, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	struct copy c = {.m = m, .in = in, .path = path, .stats = stats, .why = why, .max_rows = ap_store_max_id(in)};
	int64_t known_frames = ap_store_number(m->out, "SELECT coalesce(max(id), 0) FROM frame");
	int err = 0;

	for (size_t i = 0; i < AP_MERGE_TABLES && !err; i++) {
		err = copy_table(&c, &ap_merge_tables[i], &m->insert[i]);
		if (!err && ap_merge_tables[i].kind == 'm')
			err = say(&c, "frame_line",
				ap_merge_lines(&m->lines, &m->feed, in, known_frames, &c.maps['m'], &c.maps['f'], c.max_rows));
	}
	if (!err)
		err = copy_parents(&c);
	for (size_t i = 0; i < KINDS; i++)
		free(c.ids_of[i]);
	return err;
}

int ap_merge_new(sqlite3 *out, struct ap_merge **ret_merge, struct ap_why *why)
{
	struct ap_merge *m = calloc(1, sizeof *m);
	int err = m ? 0 : -ENOMEM;

	if (!err) {
		m->out = out;
		m->lines.old_frames = ap_store_number(out, "SELECT coalesce(max(id), 0) FROM frame");
		err = ap_feed_open(&m->feed, out);
	}
	if (err) {
		free(m);
		return ap_why(why, -err, "cannot merge: %s", strerror(-err));
	}
	*ret_merge = m;
	return 0;
}

bool ap_merge_renamed(const struct ap_merge *m)
{
	return m->lines.renamed;
}

struct ap_merge *ap_merge_free(struct ap_merge *m)
{
	if (m) {
		for (size_t i = 0; i < AP_MERGE_TABLES; i++)
			sqlite3_finalize(m->insert[i]);
		for (size_t i = 0; i < KINDS; i++)
			ap_ids_done(&m->ids[i]);
		ap_merge_lines_done(&m->lines);
		ap_feed_close(&m->feed);
		free(m);
	}
	return NULL;
}
