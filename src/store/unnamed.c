/* One pass over the unnamed frames in order of executable and address gives a group an executable. */
#include "store/unnamed.h"

#include "base/mem.h"
#include "store/sql_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct group {
	uint64_t *addresses;
	uint32_t *frames;
	size_t n, addresses_cap, frames_cap;
};

struct ap_namer {
	sqlite3 *db;
	sqlite3_stmt *add_function, *find_function, *add_line, *set_why;
};

static int db_error(sqlite3 *db, struct ap_why *why)
{
	return ap_why(why, EIO, "cannot read or write names: %s", sqlite3_errmsg(db));
}

static int add_to_group(struct group *g, uint32_t frame, uint64_t address)
{
	uint64_t *a = ap_grow(&g->addresses, &g->addresses_cap, g->n, sizeof *a);
	uint32_t *f = ap_grow(&g->frames, &g->frames_cap, g->n, sizeof *f);

	if (!a || !f)
		return -ENOMEM;
	a[g->n] = address;
	f[g->n++] = frame;
	return 0;
}

/* The rows of one executable from the statement's current row on; leaves it on the next executable's first row. */
static int one_group(sqlite3_stmt *st, struct group *g, ap_unnamed_fn fn, void *ctx, int *step)
{
	struct ap_unnamed u = {.executable = sqlite3_column_int64(st, 0), .kind = sqlite3_column_int(st, 1)};
	AP_AUTO_FREE char *build_id = strdup((const char *)sqlite3_column_text(st, 2));
	AP_AUTO_FREE char *path = strdup((const char *)sqlite3_column_text(st, 3));
	int err = build_id && path ? 0 : -ENOMEM;

	g->n = 0;
	while (!err && *step == SQLITE_ROW && sqlite3_column_int64(st, 0) == u.executable) {
		err = add_to_group(g, (uint32_t)sqlite3_column_int64(st, 4), (uint64_t)sqlite3_column_int64(st, 5));
		*step = sqlite3_step(st);
	}
	if (err)
		return err;
	u.build_id = build_id;
	u.path = path;
	u.addresses = g->addresses;
	u.frames = g->frames;
	u.n = g->n;
	return fn(ctx, &u);
}

int ap_store_unnamed(sqlite3 *db, ap_unnamed_fn fn, void *ctx, struct ap_why *why)
{
	struct group g = {0};
	sqlite3_stmt *st;
	int step, err = 0;

	if (sqlite3_prepare_v2(db, ap_sql_unnamed_frames, -1, &st, NULL))
		return db_error(db, why);
	step = sqlite3_step(st);
	while (!err && step == SQLITE_ROW)
		err = one_group(st, &g, fn, ctx, &step);
	if (!err && step != SQLITE_DONE)
		err = db_error(db, why);
	sqlite3_finalize(st);
	free(g.addresses);
	free(g.frames);
	return err;
}

int ap_namer_new(sqlite3 *db, struct ap_namer **ret_namer, struct ap_why *why)
{
	struct ap_namer *n = calloc(1, sizeof *n);

	if (!n)
		return ap_why(why, ENOMEM, "cannot add names: out of memory");
	n->db = db;
	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ||
		sqlite3_prepare_v2(db, ap_sql_add_function, -1, &n->add_function, NULL) ||
		sqlite3_prepare_v2(db, ap_sql_find_function, -1, &n->find_function, NULL) ||
		sqlite3_prepare_v2(db, ap_sql_add_frame_line, -1, &n->add_line, NULL) ||
		sqlite3_prepare_v2(db, ap_sql_set_executable_why, -1, &n->set_why, NULL)) {
		db_error(db, why);
		ap_namer_end(n, 0);
		return -EIO;
	}
	*ret_namer = n;
	return 0;
}

static int run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

static void bind_function(sqlite3_stmt *st, const struct ap_namer_line *l)
{
	sqlite3_bind_text(st, 1, l->function, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, l->linkage_name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, l->function_file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, l->function_line);
}

int ap_namer_add(struct ap_namer *n, uint32_t frame, size_t depth, const struct ap_namer_line *l)
{
	int64_t id = 0;
	int err;

	bind_function(n->add_function, l);
	sqlite3_bind_int(n->add_function, 5, l->start_only);
	err = run(n->add_function);
	if (err)
		return err;
	bind_function(n->find_function, l);
	if (sqlite3_step(n->find_function) == SQLITE_ROW)
		id = sqlite3_column_int64(n->find_function, 0);
	sqlite3_reset(n->find_function);
	if (!id)
		return -EIO;
	sqlite3_bind_int64(n->add_line, 1, frame);
	sqlite3_bind_int64(n->add_line, 2, (int64_t)depth);
	sqlite3_bind_int64(n->add_line, 3, id);
	sqlite3_bind_text(n->add_line, 4, l->file[0] ? l->file : NULL, -1, SQLITE_STATIC);
	if (l->line)
		sqlite3_bind_int64(n->add_line, 5, l->line);
	else
		sqlite3_bind_null(n->add_line, 5);
	return run(n->add_line);
}

int ap_namer_why(struct ap_namer *n, int64_t executable, const char *why)
{
	sqlite3_bind_int64(n->set_why, 1, executable);
	sqlite3_bind_text(n->set_why, 2, why, -1, SQLITE_STATIC);
	return run(n->set_why);
}

int ap_namer_end(struct ap_namer *n, int keep)
{
	int err = 0;

	if (!n)
		return 0;
	sqlite3_finalize(n->add_function);
	sqlite3_finalize(n->find_function);
	sqlite3_finalize(n->add_line);
	sqlite3_finalize(n->set_why);
	if (sqlite3_exec(n->db, keep ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL))
		err = -EIO;
	free(n);
	return err;
}
