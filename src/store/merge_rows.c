/* One generic copy for every table: a letter a column says what the column refers to, and an array a kind maps the ids of the file at hand
 * to those of the merged file. Tables go in order of reference. Nothing of the input is believed: its ids must be integers that its own
 * tables have. */
#include "store/merge.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* i: the id, mapped; _: an id that nothing refers to; . plain; k plain. The others are ids: run, event, thread, stack, process, x executable,
 * function, m frame, host, and q: the process's parent, done in a second pass. Upper case: part of the natural key. */
struct table {
	const char *name, *columns;
	char kind;   /* what its id is called above; 0: not referred to */
	bool shared; /* rows may be there already */
};
static const struct table TABLES[] = {
	{"host", "iK.......", 'h', true},
	{"executable", "iKK..", 'x', true},
	{"function", "iKKKK", 'f', true},
	{"frame", "iXKK", 'm', true},
	{"stack", "iSM", 's', true},
	{"frame_line", "MKf..", 0, true},
	{"process", "iHKKKq.......", 'p', true},
	{"process_exec", "PKx..", 0, true},
	{"process_label", "PK.", 0, true},
	{"thread", "iPKK..", 't', true},
	{"mapping", "_PK..xK.", 0, true},
	{"syscall_name", "KK.", 0, true},
	{"run", "iKh.............", 'r', true},
	{"run_label", "R..", 0, false},
	{"segment", "_R....", 0, false},
	{"event", "iRK.......", 'e', true},
	{"sample", "R..ets.", 0, false},
	{"off_cpu", "R..ts.ts", 0, false},
	{"lock_wait", "R..ts...ts", 0, false},
	{"syscall_hist", "Rp......", 0, false},
	{"syscall_slow", "R..ts...", 0, false},
	{"gpu_kernel", "R..ts..f.........", 0, false},
	{"gpu_memcpy", "R..ts....", 0, false},
	{"gpu_memset", "R..ts....", 0, false},
	{"gpu_memory", "R.ts....", 0, false},
	{"gpu_range", "R..tf.", 0, false},
	{"loss", "R.....", 0, false},
	{"account", "R.....", 0, false},
	{"clock", "R...", 0, false},
};
enum { KNOWN_RUN = -1, MAX_ID = 1 << 28 };

struct map {
	int32_t *to; /* by the file's id; 0: no such row */
	int64_t max;
};
struct copy {
	sqlite3 *in, *out;
	const char *path;
	struct map maps[128]; /* by letter */
	struct ap_merge_stats *stats;
	struct ap_why *why;
	sqlite3_stmt *read, *find, *insert;
};

static int refuse(struct copy *c, const struct table *t)
{
	return ap_why(c->why, EBADMSG, "%s: its table %s is not well-formed: refused", c->path, t->name);
}

static int out_error(struct copy *c, const struct table *t, int rc)
{
	int err = rc == SQLITE_FULL ? ENOSPC : rc == SQLITE_CONSTRAINT ? EBADMSG : rc == SQLITE_NOMEM ? ENOMEM : EIO;

	return ap_why(c->why, err, "%s: cannot merge its table %s: %s", c->path, t->name, sqlite3_errmsg(c->out));
}

static int make_map(struct copy *c, const struct table *t)
{
	struct map *m = &c->maps[(unsigned char)t->kind];
	struct ap_buf sql = {0};
	sqlite3_stmt *st = NULL;
	int err = -EBADMSG;

	if (!ap_buf_printf(&sql, "SELECT coalesce(max(id), 0), coalesce(min(id), 1) FROM %s", t->name) &&
		!sqlite3_prepare_v2(c->in, sql.data, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 1) >= 1) {
		m->max = sqlite3_column_int64(st, 0);
		err = m->max < 0 || m->max > MAX_ID ? -EBADMSG : 0;
	}
	sqlite3_finalize(st);
	ap_buf_done(&sql);
	if (err)
		return refuse(c, t);
	m->to = calloc((size_t)m->max + 1, sizeof *m->to);
	return m->to ? 0 : ap_why(c->why, ENOMEM, "%s: out of memory", c->path);
}

static bool is_key(char kind)
{
	return isupper((unsigned char)kind);
}

/* "a = ?2 AND b = ?3", or "a, b" */
static int keys(struct copy *c, const struct table *t, const char *fmt, const char *between, struct ap_buf *b)
{
	const char *sep = "";
	int err = 0;

	for (int i = 0; t->columns[i] && !err; i++)
		if (is_key(t->columns[i])) {
			err = ap_buf_printf(b, "%s\"%s\"", sep, sqlite3_column_name(c->read, i));
			if (!err && fmt[0])
				err = ap_buf_printf(b, "%s%d", fmt, i + 1);
			sep = between;
		}
	return err;
}

/* Where two files differ in what they say of one thing, the greater value stays, whatever the order; NULL gives way. */
static int on_conflict(struct copy *c, const struct table *t, struct ap_buf *b)
{
	const char *sep = " DO UPDATE SET ";
	int err = ap_buf_puts(b, " ON CONFLICT(");

	if (!err)
		err = keys(c, t, "", ", ", b);
	if (!err)
		err = ap_buf_puts(b, ")");
	for (int i = 0; t->columns[i] && !err; i++)
		if (t->columns[i] == '.') {
			const char *n = sqlite3_column_name(c->read, i);

			err = ap_buf_printf(b, "%s\"%s\" = CASE WHEN \"%s\" IS NULL OR excluded.\"%s\" > \"%s\" THEN excluded.\"%s\" ELSE \"%s\" END",
				sep, n, n, n, n, n, n);
			sep = ", ";
		}
	return !err && sep[0] == ' ' && sep[1] == 'D' ? ap_buf_puts(b, " DO NOTHING") : err;
}

static int prepare(struct copy *c, const struct table *t)
{
	struct ap_buf read = {0}, find = {0}, insert = {0};
	int err = ap_buf_printf(&read, "SELECT * FROM %s%s", t->name, t->columns[0] == 'i' ? " ORDER BY id" : "");

	if (!err && sqlite3_prepare_v2(c->in, read.data, -1, &c->read, NULL))
		err = -EBADMSG;
	if (!err && sqlite3_column_count(c->read) != (int)strlen(t->columns))
		err = -EBADMSG;
	if (!err)
		err = ap_buf_printf(&insert, "INSERT INTO %s VALUES(", t->name);
	for (int i = 0; !err && t->columns[i]; i++)
		err = ap_buf_printf(&insert, "%s?%d", i ? "," : "", i + 1);
	if (!err)
		err = ap_buf_puts(&insert, ")");
	if (!err && t->shared)
		err = on_conflict(c, t, &insert);
	if (!err && t->kind) {
		err = ap_buf_printf(&find, "SELECT id FROM %s WHERE ", t->name);
		if (!err)
			err = keys(c, t, " = ?", " AND ", &find);
		if (!err && sqlite3_prepare_v2(c->out, find.data, -1, &c->find, NULL))
			err = out_error(c, t, SQLITE_ERROR);
	}
	if (!err && sqlite3_prepare_v2(c->out, insert.data, -1, &c->insert, NULL))
		err = out_error(c, t, SQLITE_ERROR);
	ap_buf_done(&read);
	ap_buf_done(&find);
	ap_buf_done(&insert);
	return err == -EBADMSG ? refuse(c, t) : err;
}

/* 0; 1: the row belongs to a run that is known; -EBADMSG */
static int bind_id(struct copy *c, int column, char letter)
{
	char kind = (char)tolower((unsigned char)letter);
	const struct map *m = &c->maps[(unsigned char)kind];
	int type = sqlite3_column_type(c->read, column);
	int64_t id = sqlite3_column_int64(c->read, column), to = 0;

	if (type == SQLITE_NULL && !is_key(letter))
		return sqlite3_bind_null(c->insert, column + 1) ? -EBADMSG : 0;
	if (type != SQLITE_INTEGER || id < 0 || id > m->max)
		return -EBADMSG;
	if (id)
		to = m->to[id];
	if (kind == 'r' && to == KNOWN_RUN)
		return 1;
	if (to < 0 || (!to && (id || kind == 'r' || kind == 'h' || kind == 'p' || kind == 'e')))
		return -EBADMSG;
	sqlite3_bind_int64(c->insert, column + 1, to);
	if (c->find && is_key(letter))
		sqlite3_bind_int64(c->find, column + 1, to);
	return 0;
}

static int bind_row(struct copy *c, const struct table *t)
{
	int err = 0;

	for (int i = 0; t->columns[i] && !err; i++) {
		char k = t->columns[i];

		if (k == 'i' || k == '_' || k == 'q') {
			sqlite3_bind_null(c->insert, i + 1);
			continue;
		}
		if (k != '.' && k != 'K') {
			err = bind_id(c, i, k);
			continue;
		}
		sqlite3_bind_value(c->insert, i + 1, sqlite3_column_value(c->read, i));
		if (k == 'K' && c->find)
			sqlite3_bind_value(c->find, i + 1, sqlite3_column_value(c->read, i));
	}
	return err;
}

static int copy_row(struct copy *c, const struct table *t)
{
	struct map *m = &c->maps[(unsigned char)t->kind];
	int64_t old = t->kind ? sqlite3_column_int64(c->read, 0) : 0, id = 0;
	int err, rc;

	/* parent < id: the parent of a stack must be mapped when its row comes, which the order by id makes sure of */
	if (old < 0 || (t->kind && old > m->max))
		return refuse(c, t);
	err = bind_row(c, t);
	if (err == 1 && t->kind)
		m->to[old] = KNOWN_RUN;
	if (err)
		return err < 0 ? refuse(c, t) : 0;
	if (t->kind) {
		if (sqlite3_step(c->find) == SQLITE_ROW)
			id = sqlite3_column_int64(c->find, 0);
		sqlite3_reset(c->find);
		if (id && t->kind == 'r') {
			m->to[old] = KNOWN_RUN;
			c->stats->runs_known++;
			return 0;
		}
	}
	if (!id || !strchr("sfm", t->kind)) {
		sqlite3_step(c->insert);
		rc = sqlite3_reset(c->insert);
		if (rc)
			return out_error(c, t, rc);
	}
	if (!id && t->kind)
		id = sqlite3_last_insert_rowid(c->out);
	if (id > MAX_ID)
		return ap_why(c->why, EFBIG, "%s: the merged file would have too many rows in %s", c->path, t->name);
	if (t->kind)
		m->to[old] = (int32_t)id;
	c->stats->runs_added += t->kind == 'r';
	c->stats->samples_added += !strcmp(t->name, "sample");
	return 0;
}

static int copy_table(struct copy *c, const struct table *t)
{
	int err = t->kind ? make_map(c, t) : 0, rc = SQLITE_DONE;

	if (!err)
		err = prepare(c, t);
	while (!err && (rc = sqlite3_step(c->read)) == SQLITE_ROW)
		err = copy_row(c, t);
	if (!err && rc != SQLITE_DONE)
		err = refuse(c, t);
	sqlite3_finalize(c->read);
	sqlite3_finalize(c->find);
	sqlite3_finalize(c->insert);
	c->read = c->find = c->insert = NULL;
	return err;
}

static int copy_parents(struct copy *c)
{
	static const struct table process = {"process", "ip", 0, false};
	int err = 0;

	if (sqlite3_prepare_v2(c->in, "SELECT id, parent FROM process WHERE parent IS NOT NULL AND parent <> 0", -1, &c->read, NULL) ||
		sqlite3_prepare_v2(c->out, "UPDATE process SET parent = coalesce(parent, ?2) WHERE id = ?1", -1, &c->insert, NULL))
		err = refuse(c, &process);
	while (!err && sqlite3_step(c->read) == SQLITE_ROW) {
		if (bind_id(c, 0, 'P') || bind_id(c, 1, 'P'))
			err = refuse(c, &process);
		sqlite3_step(c->insert);
		if (sqlite3_reset(c->insert) && !err)
			err = out_error(c, &process, SQLITE_ERROR);
	}
	sqlite3_finalize(c->read);
	sqlite3_finalize(c->insert);
	return err;
}

int ap_merge_rows(sqlite3 *out, sqlite3 *in, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	struct copy c = {.in = in, .out = out, .path = path, .stats = stats, .why = why};
	int err = 0;

	for (size_t i = 0; i < AP_ARRAY_LEN(TABLES) && !err; i++)
		err = copy_table(&c, &TABLES[i]);
	if (!err)
		err = copy_parents(&c);
	for (size_t i = 0; i < AP_ARRAY_LEN(c.maps); i++)
		free(c.maps[i].to);
	return err;
}
