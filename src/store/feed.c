/* One scan is one pass of the callback: a cursor is at the end once the callback said so, and cannot go back. */
#include "store/feed.h"

#include "store/private.h"

#include <errno.h>
#include <string.h>

struct feed_vtab {
	sqlite3_vtab base;
	struct ap_feed *feed;
};
struct feed_cursor {
	sqlite3_vtab_cursor base;
	sqlite3_int64 row;
	int state; /* 1: on a row; 0: at the end */
};

static int feed_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **error)
{
	struct feed_vtab *v = sqlite3_malloc(sizeof *v);
	struct ap_buf sql = {0};
	int err = v ? ap_buf_puts(&sql, "CREATE TABLE x(") : -ENOMEM, rc;

	for (int i = 0; i < AP_FEED_COLUMNS && !err; i++)
		err = ap_buf_printf(&sql, "%sc%d", i ? "," : "", i);
	if (!err)
		err = ap_buf_puts(&sql, ")");
	rc = err ? SQLITE_NOMEM : sqlite3_declare_vtab(db, sql.data);
	ap_buf_done(&sql);
	if (rc) {
		sqlite3_free(v);
		return rc;
	}
	memset(v, 0, sizeof *v);
	v->feed = aux;
	*ret = &v->base;
	return SQLITE_OK;
}

static int feed_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	info->estimatedCost = 1e6;
	return SQLITE_OK;
}

static int feed_cursor_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	struct feed_cursor *c = sqlite3_malloc(sizeof *c);

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof *c);
	*ret = &c->base;
	return SQLITE_OK;
}

static int feed_cursor_close(sqlite3_vtab_cursor *c)
{
	sqlite3_free(c);
	return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *base)
{
	struct ap_feed *f = ((struct feed_vtab *)base->pVtab)->feed;
	struct feed_cursor *c = (struct feed_cursor *)base;

	c->row++;
	c->state = f->next(f->ctx, f->cells);
	if (c->state >= 0)
		return SQLITE_OK;
	f->error = c->state;
	c->state = 0;
	return SQLITE_ERROR;
}

static int feed_filter(sqlite3_vtab_cursor *c, int number, const char *string, int argc, sqlite3_value **argv)
{
	return feed_next(c);
}

static int feed_eof(sqlite3_vtab_cursor *c)
{
	return !((struct feed_cursor *)c)->state;
}

static int feed_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i)
{
	const struct ap_cell *cell = &((struct feed_vtab *)base->pVtab)->feed->cells[i];

	if (cell->value)
		sqlite3_result_value(ctx, cell->value);
	else if (cell->number == AP_NULL)
		sqlite3_result_null(ctx);
	else
		sqlite3_result_int64(ctx, cell->number);
	return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
	*ret = ((struct feed_cursor *)c)->row;
	return SQLITE_OK;
}

static const sqlite3_module MODULE = {
	.iVersion = 0,
	.xCreate = feed_connect,
	.xConnect = feed_connect,
	.xBestIndex = feed_best_index,
	.xDisconnect = feed_disconnect,
	.xDestroy = feed_disconnect,
	.xOpen = feed_cursor_open,
	.xClose = feed_cursor_close,
	.xFilter = feed_filter,
	.xNext = feed_next,
	.xEof = feed_eof,
	.xColumn = feed_column,
	.xRowid = feed_rowid,
};

int ap_feed_open(struct ap_feed *f, sqlite3 *db)
{
	int rc;

	memset(f, 0, sizeof *f);
	rc = sqlite3_create_module_v2(db, "ap_feed", &MODULE, f, NULL);
	if (!rc)
		rc = sqlite3_exec(db, "CREATE VIRTUAL TABLE temp.feed USING ap_feed", NULL, NULL, NULL);
	if (rc)
		return -ap_store_errno(db, rc);
	f->db = db;
	return 0;
}

void ap_feed_close(struct ap_feed *f)
{
	if (f->db) /* a table that stays behind would show a feed that is gone */
		sqlite3_exec(f->db, "DROP TABLE temp.feed", NULL, NULL, NULL);
	f->db = NULL;
}

int ap_feed_prepare(struct ap_feed *f, const char *table, const char *columns, const char *tail, sqlite3_stmt **ret_st)
{
	struct ap_buf sql = {0};
	int err = ap_buf_printf(&sql, "INSERT INTO %s SELECT ", table), n_fed = 0, n_same = 0, rc;

	for (int i = 0; columns[i] && !err; i++)
		err = ap_buf_printf(&sql, columns[i] == '=' ? "%s?%d" : "%sc%d", i ? "," : "", columns[i] == '=' ? ++n_same : n_fed++);
	/* "true" keeps ON CONFLICT from being read as a join's */
	if (!err)
		err = ap_buf_printf(&sql, " FROM temp.feed WHERE true %s", tail);
	if (!err && (rc = sqlite3_prepare_v2(f->db, sql.data, -1, ret_st, NULL)))
		err = -ap_store_errno(f->db, rc);
	ap_buf_done(&sql);
	return err;
}

int ap_feed_bind(sqlite3_stmt *st, int parameter, int64_t v)
{
	int rc = v == AP_NULL ? sqlite3_bind_null(st, parameter) : sqlite3_bind_int64(st, parameter, v);

	return rc ? -ENOMEM : 0;
}

int ap_feed_insert(struct ap_feed *f, sqlite3_stmt *st, ap_feed_fn next, void *ctx)
{
	int rc;

	f->next = next;
	f->ctx = ctx;
	f->error = 0;
	sqlite3_step(st);
	rc = sqlite3_reset(st);
	if (f->error)
		return f->error;
	if (rc == SQLITE_OK)
		return 0;
	return (rc & 0xff) == SQLITE_CONSTRAINT ? -EBADMSG : -ap_store_errno(f->db, rc);
}
