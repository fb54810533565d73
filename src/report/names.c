/* Plain scans of one table each, joined here by position: executables and functions into arrays in order of their ids, frames by id, and
 * frame_line, which the file keeps in order of (frame, depth), merged with them. A frame without a name gets one made of its module and
 * address. Cost: one pass over each table. */
#include "report/names.h"

#include "agg/stacks.h"
#include "base/stack_end.h"
#include "report/each.h"
#include "report/idmap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ids may have holes, but not so many that an array by id costs more than the rows are worth. */
enum { HOLES = 64, HOLES_MIN = 1 << 20 };

const char *report_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static const char *keep(struct report_names *n, const void *s)
{
	return ap_arena_strndup(&n->strings, s ? s : "", s ? strlen(s) : 0);
}

static const char *keep_column(struct report_names *n, sqlite3_stmt *st, int column)
{
	return keep(n, sqlite3_column_text(st, column));
}

static const char *made_name(struct report_names *n, const struct report_frame *f)
{
	char text[512];

	if (f->kind == AP_FRAME_CUT)
		snprintf(text, sizeof text, "[cut: %s]", ap_stack_end_text((enum ap_stack_end)f->address));
	else if (f->module[0])
		snprintf(text, sizeof text, "%s+0x%" PRIx64, report_basename(f->module), (uint64_t)f->address);
	else
		snprintf(text, sizeof text, "[unknown]");
	return keep(n, text);
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* The highest id of a table that is indexed by id here, -1 where that would ask for memory that its rows do not justify. Rows are counted
 * as far as that needs. */
static int64_t highest(sqlite3 *db, const char *table)
{
	char sql[128];
	int64_t max, wanted;

	snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) FROM %s", table);
	max = number(db, sql);
	wanted = (max - HOLES_MIN) / HOLES;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %" PRId64 ")", table, wanted > 0 ? wanted : 0);
	return max > INT32_MAX - 2 || (wanted > 0 && number(db, sql) < wanted) ? -1 : max;
}

typedef int (*row_fn)(struct report_names *n, sqlite3_stmt *st, void *ctx);

static int each_row(struct report_names *n, sqlite3 *db, const char *sql, row_fn row, void *ctx)
{
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = row(n, st, ctx);
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static int add_executable(struct report_names *n, sqlite3_stmt *st, void *ctx)
{
	size_t *room = ctx;
	struct report_executable *e;

	if (n->n_executables == *room)
		return -EBADMSG;
	e = &n->executables[n->n_executables];
	n->executable_ids[n->n_executables++] = sqlite3_column_int64(st, 0);
	*e = (struct report_executable){keep_column(n, st, 1), keep_column(n, st, 2), keep_column(n, st, 3), sqlite3_column_int(st, 4)};
	return e->path && e->build_id && e->why ? 0 : -ENOMEM;
}

static int add_function(struct report_names *n, sqlite3_stmt *st, void *ctx)
{
	size_t *room = ctx;

	if (n->n_functions == *room)
		return -EBADMSG;
	n->function_ids[n->n_functions] = sqlite3_column_int64(st, 0);
	n->functions[n->n_functions] = keep_column(n, st, 1);
	n->start_only[n->n_functions] = sqlite3_column_int(st, 2);
	return n->functions[n->n_functions++] ? 0 : -ENOMEM;
}

static int load_executables(struct report_names *n, sqlite3 *db)
{
	int64_t count = number(db, "SELECT count(*) FROM executable");
	size_t room = count < 0 ? 0 : (size_t)count;

	n->executables = calloc(room + 1, sizeof *n->executables);
	n->executable_ids = calloc(room + 1, sizeof *n->executable_ids);
	if (count < 0 || !n->executables || !n->executable_ids)
		return count < 0 ? -EIO : -ENOMEM;
	return each_row(n, db, "SELECT id, path, build_id, why, kind FROM executable ORDER BY id", add_executable, &room);
}

static int load_functions(struct report_names *n, sqlite3 *db)
{
	int64_t count = number(db, "SELECT count(*) FROM function");
	size_t room = count < 0 ? 0 : (size_t)count;

	n->functions = calloc(room + 1, sizeof *n->functions);
	n->function_ids = calloc(room + 1, sizeof *n->function_ids);
	n->start_only = calloc(room + 1, sizeof *n->start_only);
	if (count < 0 || !n->functions || !n->function_ids || !n->start_only)
		return count < 0 ? -EIO : -ENOMEM;
	return each_row(n, db, "SELECT id, name, start_only FROM function ORDER BY id", add_function, &room);
}

static int add_frame(struct report_names *n, sqlite3_stmt *st, void *ctx)
{
	int64_t id = sqlite3_column_int64(st, 0);
	struct report_frame *f;

	if (id < 1 || (size_t)id > n->n_frames)
		return -EBADMSG;
	f = &n->frames[id];
	f->kind = sqlite3_column_int(st, 1);
	f->address = sqlite3_column_int64(st, 2);
	f->executable = report_row_of(n->executable_ids, n->n_executables, sqlite3_column_int64(st, 3));
	f->module = f->executable == (uint32_t)REPORT_NO_ROW ? "" : n->executables[f->executable].path;
	return 0;
}

/* Files come in long rows of the same one. */
static const char *keep_file(struct report_names *n, const char *file)
{
	const char *last = n->n_lines ? n->lines[n->n_lines - 1].file : "";

	if (!file || !file[0])
		return "";
	return !strcmp(last, file) ? last : keep(n, file);
}

static int add_line(struct report_names *n, sqlite3_stmt *st, void *ctx)
{
	int64_t id = sqlite3_column_int64(st, 0);
	struct report_line *l = ap_grow(&n->lines, &n->lines_cap, n->n_lines, sizeof *l);
	struct report_frame *f = id < 1 || (size_t)id > n->n_frames ? NULL : &n->frames[id];

	if (!l)
		return -ENOMEM;
	if (!f || !f->module || n->n_lines >= UINT32_MAX - 1)
		return f && f->module ? -EBADMSG : 0; /* a name for a frame that is not there */
	l += n->n_lines;
	l->number = report_row_of(n->function_ids, n->n_functions, sqlite3_column_int64(st, 1));
	if (l->number == (uint32_t)REPORT_NO_ROW)
		return 0;
	if (!f->n)
		f->first = (uint32_t)n->n_lines;
	f->named = !n->start_only[l->number];
	f->n++;
	l->function = n->functions[l->number];
	l->file = keep_file(n, (const char *)sqlite3_column_text(st, 2));
	l->line = sqlite3_column_int64(st, 3);
	n->n_lines++;
	return l->file ? 0 : -ENOMEM;
}

static int name_the_rest(struct report_names *n)
{
	for (size_t i = 0; i <= n->n_frames; i++) {
		struct report_frame *f = &n->frames[i];
		struct report_line *l;

		if (!f->module) /* no such row; 0 is none's */
			f->module = "", f->executable = REPORT_NO_ROW;
		else if (!f->n) {
			l = ap_grow(&n->lines, &n->lines_cap, n->n_lines, sizeof *l);
			if (!l)
				return -ENOMEM;
			l += n->n_lines;
			*l = (struct report_line){made_name(n, f), "", 0, REPORT_NO_ROW};
			f->first = (uint32_t)n->n_lines++;
			f->n = 1;
			if (!l->function)
				return -ENOMEM;
		}
	}
	return 0;
}

static int add_stack(void *ctx, sqlite3_value **columns)
{
	struct report_names *n = ctx;
	int64_t id = sqlite3_value_int64(columns[0]), parent = sqlite3_value_int64(columns[1]), frame = sqlite3_value_int64(columns[2]);

	if (id < 1 || (size_t)id > n->n_stacks || parent < 0 || parent >= id || frame < 0 || (size_t)frame > n->n_frames)
		return -EBADMSG;
	n->parent[id] = (uint32_t)parent;
	n->frame_of[id] = (uint32_t)frame;
	return 0;
}

static int load(sqlite3 *db, struct report_names *n)
{
	int64_t stacks = highest(db, "stack"), frames = highest(db, "frame");
	int err;

	if (stacks < 0 || frames < 0)
		return -EBADMSG;
	n->n_stacks = (size_t)stacks;
	n->n_frames = (size_t)frames;
	n->parent = calloc(n->n_stacks + 1, sizeof *n->parent);
	n->frame_of = calloc(n->n_stacks + 1, sizeof *n->frame_of);
	n->frames = calloc(n->n_frames + 1, sizeof *n->frames);
	err = n->parent && n->frame_of && n->frames ? load_executables(n, db) : -ENOMEM;
	if (!err)
		err = load_functions(n, db);
	if (!err)
		err = each_row(n, db, "SELECT id, kind, address, executable FROM frame", add_frame, NULL);
	if (!err)
		err = each_row(n, db, "SELECT frame, function, file, line FROM frame_line ORDER BY frame, depth", add_line, NULL);
	if (!err)
		err = name_the_rest(n);
	return err ? err : report_each(db, "id, parent_id, frame_id", "stack", add_stack, n);
}

int report_names_load(sqlite3 *db, struct report_names *n, struct ap_why *why)
{
	int err;

	memset(n, 0, sizeof *n);
	err = load(db, n);
	if (err) {
		report_names_done(n);
		return ap_why(why, -err, "cannot read the stacks: %s",
			err == -EIO       ? sqlite3_errmsg(db)
			: err == -EBADMSG ? "they are not well-formed"
					  : strerror(-err));
	}
	return 0;
}

void report_names_done(struct report_names *n)
{
	free(n->parent);
	free(n->frame_of);
	free(n->frames);
	free(n->lines);
	free(n->functions);
	free(n->function_ids);
	free(n->start_only);
	free(n->executables);
	free(n->executable_ids);
	ap_arena_done(&n->strings);
	memset(n, 0, sizeof *n);
}
