/* One module for all tables: a virtual table knows its table's columns, a cursor is a row number. A scan costs no copy: text is handed over
 * as SQLITE_STATIC, since a batch outlives its insertion. */
#include "store/vtab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_I(column) {#column, 'I', offsetof(AP_ROW_HERE, column)},
#define COLUMN_T(column) {#column, 'T', offsetof(AP_ROW_HERE, column)},

#define AP_ROW_HERE struct ap_row_event
static const struct ap_column columns_event[] = {AP_ROW_EVENT(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_process
static const struct ap_column columns_process[] = {AP_ROW_PROCESS(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_process_exec
static const struct ap_column columns_process_exec[] = {AP_ROW_PROCESS_EXEC(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_thread
static const struct ap_column columns_thread[] = {AP_ROW_THREAD(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_executable
static const struct ap_column columns_executable[] = {AP_ROW_EXECUTABLE(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_mapping
static const struct ap_column columns_mapping[] = {AP_ROW_MAPPING(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_function
static const struct ap_column columns_function[] = {AP_ROW_FUNCTION(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_frame
static const struct ap_column columns_frame[] = {AP_ROW_FRAME(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_frame_line
static const struct ap_column columns_frame_line[] = {AP_ROW_FRAME_LINE(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_stack
static const struct ap_column columns_stack[] = {AP_ROW_STACK(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_sample_row
static const struct ap_column columns_sample_row[] = {AP_ROW_SAMPLE_ROW(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_loss
static const struct ap_column columns_loss[] = {AP_ROW_LOSS(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_account
static const struct ap_column columns_account[] = {AP_ROW_ACCOUNT(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE
#define AP_ROW_HERE struct ap_row_clock
static const struct ap_column columns_clock[] = {AP_ROW_CLOCK(COLUMN_I, COLUMN_T)};
#undef AP_ROW_HERE

enum { CONFLICT_INSERT, CONFLICT_REPLACE };
const struct ap_table_info ap_tables_info[AP_TABLE_COUNT] = {
#define X(NAME, name, conflict)                                                                                                            \
	{#name, CONFLICT_##conflict == CONFLICT_REPLACE, sizeof(struct ap_row_##name), AP_ARRAY_LEN(columns_##name), columns_##name},
	AP_ROWS(X)
#undef X
};

struct registration {
	struct ap_batch *const *current;
	enum ap_table table;
};
struct vtab {
	sqlite3_vtab base;
	const struct registration *r;
};
struct cursor {
	sqlite3_vtab_cursor base;
	const struct ap_batch_table *rows;
	size_t at;
};

static int vtab_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **error)
{
	const struct registration *r = aux;
	const struct ap_table_info *info = &ap_tables_info[r->table];
	struct ap_buf sql = {0};
	struct vtab *v = sqlite3_malloc(sizeof *v);
	int rc = v ? SQLITE_OK : SQLITE_NOMEM;

	if (ap_buf_puts(&sql, "CREATE TABLE x("))
		rc = SQLITE_NOMEM;
	for (size_t i = 0; i < info->n_columns && !rc; i++)
		if (ap_buf_printf(&sql, "%s\"%s\"", i ? "," : "", info->columns[i].name))
			rc = SQLITE_NOMEM;
	if (!rc && ap_buf_puts(&sql, ")"))
		rc = SQLITE_NOMEM;
	if (!rc)
		rc = sqlite3_declare_vtab(db, sql.data);
	ap_buf_done(&sql);
	if (rc) {
		sqlite3_free(v);
		return rc;
	}
	memset(v, 0, sizeof *v);
	v->r = r;
	*ret = &v->base;
	return SQLITE_OK;
}

static int vtab_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

static int vtab_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	info->estimatedCost = 1e6;
	return SQLITE_OK;
}

static int vtab_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	struct cursor *c = sqlite3_malloc(sizeof *c);

	if (!c)
		return SQLITE_NOMEM;
	memset(c, 0, sizeof *c);
	*ret = &c->base;
	return SQLITE_OK;
}

static int vtab_close(sqlite3_vtab_cursor *c)
{
	sqlite3_free(c);
	return SQLITE_OK;
}

static int vtab_filter(sqlite3_vtab_cursor *base, int number, const char *string, int argc, sqlite3_value **argv)
{
	const struct registration *r = ((struct vtab *)base->pVtab)->r;
	struct cursor *c = (struct cursor *)base;

	c->rows = &(*r->current)->tables[r->table];
	c->at = 0;
	return SQLITE_OK;
}

static int vtab_next(sqlite3_vtab_cursor *c)
{
	((struct cursor *)c)->at++;
	return SQLITE_OK;
}

static int vtab_eof(sqlite3_vtab_cursor *base)
{
	const struct cursor *c = (const struct cursor *)base;

	return c->at >= c->rows->n;
}

static int vtab_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int i)
{
	const struct ap_table_info *info = &ap_tables_info[((struct vtab *)base->pVtab)->r->table];
	const struct cursor *c = (const struct cursor *)base;
	const char *field = c->rows->rows + c->at * info->row_size + info->columns[i].offset;
	const char *text;
	int64_t v;

	if (info->columns[i].type == 'I') {
		memcpy(&v, field, sizeof v);
		if (v == AP_NULL)
			sqlite3_result_null(ctx);
		else
			sqlite3_result_int64(ctx, v);
		return SQLITE_OK;
	}
	memcpy(&text, field, sizeof text);
	if (text)
		sqlite3_result_text(ctx, text, -1, SQLITE_STATIC);
	else
		sqlite3_result_null(ctx);
	return SQLITE_OK;
}

static int vtab_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)((struct cursor *)c)->at;
	return SQLITE_OK;
}

static const sqlite3_module MODULE = {
	.iVersion = 0,
	.xCreate = vtab_connect,
	.xConnect = vtab_connect,
	.xBestIndex = vtab_best_index,
	.xDisconnect = vtab_disconnect,
	.xDestroy = vtab_disconnect,
	.xOpen = vtab_open,
	.xClose = vtab_close,
	.xFilter = vtab_filter,
	.xNext = vtab_next,
	.xEof = vtab_eof,
	.xColumn = vtab_column,
	.xRowid = vtab_rowid,
};

int ap_vtab_register(sqlite3 *db, struct ap_batch *const *current)
{
	char sql[128], module[64];
	struct registration *r;
	int rc = SQLITE_OK;

	for (int i = 0; i < AP_TABLE_COUNT && !rc; i++) {
		r = malloc(sizeof *r);
		if (!r)
			return SQLITE_NOMEM;
		*r = (struct registration){current, (enum ap_table)i};
		snprintf(module, sizeof module, "ap_batch_%s", ap_tables_info[i].name);
		rc = sqlite3_create_module_v2(db, module, &MODULE, r, free);
		snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE temp.batch_%s USING %s", ap_tables_info[i].name, module);
		if (!rc)
			rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return rc;
}
