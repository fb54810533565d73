/* One generic copy for every table: the rows of the file at hand go through temp.feed, which merge_row.c fills. Tables go in order of
 * reference. Nothing of the input is believed: it cannot have more rows than its size has room for (a hostile tree of pages can be
 * endless). */
#include "store/merge_copy.h"

#include "store/private.h"

#include <errno.h>
#include <string.h>

static int refuse(struct ap_copy *c, const char *table)
{
	return ap_why(c->why, EBADMSG, "%s: its table %s is not well-formed: refused", c->path, table);
}

static int say(struct ap_copy *c, const char *table, int err)
{
	if (err == -EBADMSG)
		return refuse(c, table);
	return err ? ap_why(c->why, -err, "%s: cannot merge its table %s: %s", c->path, table,
			     err == -EIO ? sqlite3_errmsg(c->m->out) : strerror(-err))
		   : 0;
}

static int make_map(struct ap_copy *c)
{
	unsigned char kind = (unsigned char)c->t->kind;
	struct ap_buf sql = {0};
	int64_t highest = -1;

	if (!ap_buf_printf(&sql, "SELECT coalesce(max(id), 0) FROM %s", c->t->name))
		highest = ap_store_number(c->in, sql.data);
	ap_buf_done(&sql);
	if (highest < 0 || highest > AP_MERGE_MAX_ID || (uint64_t)highest > c->max_rows)
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

static int prepare_read(struct ap_copy *c)
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
static int prepare_write(struct ap_copy *c, sqlite3_stmt **insert)
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

static int copy_samples(struct ap_copy *c, sqlite3_stmt *insert)
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

static int copy_table(struct ap_copy *c, const struct ap_merge_table *t, sqlite3_stmt **insert)
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
		err = is_samples(t) ? copy_samples(c, *insert) : ap_feed_insert(&c->m->feed, *insert, ap_copy_next_row, c);
	sqlite3_finalize(AP_STEAL(c->read));
	return say(c, t->name, err);
}

/* Where two files differ in a process's parent, the greater pid and start stays. */
static const char SET_PARENT[] = "UPDATE process SET parent = ?2 WHERE id = ?1 AND (parent IS NULL OR EXISTS (SELECT 1 FROM process n, "
				 "process o WHERE n.id = ?2 AND "
				 "o.id = process.parent AND (n.pid, n.start_ns, n.boot) > (o.pid, o.start_ns, o.boot)))";

static int copy_parents(struct ap_copy *c)
{
	sqlite3_stmt *set = NULL;
	struct ap_cell id, parent;
	int err = 0, rc = SQLITE_DONE;

	if (sqlite3_prepare_v2(c->in, "SELECT id, parent FROM process WHERE parent IS NOT NULL AND parent <> 0", -1, &c->read, NULL))
		err = -EBADMSG;
	if (!err && sqlite3_prepare_v2(c->m->out, SET_PARENT, -1, &set, NULL))
		err = -EIO;
	while (!err && (rc = sqlite3_step(c->read)) == SQLITE_ROW) {
		if (ap_copy_map_id(c, sqlite3_column_value(c->read, 0), 'P', &id) ||
			ap_copy_map_id(c, sqlite3_column_value(c->read, 1), 'P', &parent)) {
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
	struct ap_copy c = {.m = m, .in = in, .path = path, .stats = stats, .why = why, .max_rows = ap_store_max_id(in)};
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
	for (size_t i = 0; i < AP_MERGE_KINDS; i++)
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
		for (size_t i = 0; i < AP_MERGE_KINDS; i++)
			ap_ids_done(&m->ids[i]);
		ap_merge_lines_done(&m->lines);
		ap_feed_close(&m->feed);
		free(m);
	}
	return NULL;
}
