/* Arrays by id, filled by two scans. A frame without a name gets one made of its module and address. */
#include "report/names.h"

#include "agg/stacks.h"
#include "base/stack_end.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char FRAMES_SQL[] = "SELECT f.id, f.kind, f.address, coalesce(e.path, ''), fn.name, l.file, l.line FROM frame f "
	"LEFT JOIN frame_line l ON l.frame = f.id LEFT JOIN function fn ON fn.id = l.function LEFT JOIN executable e ON e.id = f.executable "
	"ORDER BY f.id, l.depth";

const char *report_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static const char *keep(struct report_names *n, const void *s)
{
	return ap_arena_strndup(&n->strings, s ? s : "", s ? strlen(s) : 0);
}

static const char *made_name(struct report_names *n, int kind, int64_t address, const char *module)
{
	char text[512];

	if (kind == AP_FRAME_CUT)
		snprintf(text, sizeof text, "[cut: %s]", ap_stack_end_text((enum ap_stack_end)address));
	else if (module[0])
		snprintf(text, sizeof text, "%s+0x%" PRIx64, report_basename(module), (uint64_t)address);
	else
		snprintf(text, sizeof text, "[unknown]");
	return keep(n, text);
}

static int64_t highest(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v > INT32_MAX ? -1 : v;
}

static int add_row(struct report_names *n, sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0);
	struct report_line *l = ap_grow(&n->lines, &n->lines_cap, n->n_lines, sizeof *l);
	const char *function = (const char *)sqlite3_column_text(st, 4);
	struct report_frame *f;

	if (id < 1 || (size_t)id > n->n_frames)
		return -EBADMSG;
	f = &n->frames[id];
	if (!f->n) {
		f->first = (uint32_t)n->n_lines;
		f->kind = sqlite3_column_int(st, 1);
		f->module = keep(n, sqlite3_column_text(st, 3));
		f->named = function != NULL;
	}
	if (!l || !f->module)
		return -ENOMEM;
	l += n->n_lines++;
	f->n++;
	l->function = function ? keep(n, function) : made_name(n, f->kind, sqlite3_column_int64(st, 2), f->module);
	l->file = keep(n, sqlite3_column_text(st, 5));
	l->line = sqlite3_column_int64(st, 6);
	return l->function && l->file ? 0 : -ENOMEM;
}

static int load_stacks(struct report_names *n, sqlite3 *db)
{
	sqlite3_stmt *st;
	int64_t id, parent;
	int rc, err = 0;

	if (sqlite3_prepare_v2(db, "SELECT id, parent_id, frame_id FROM stack", -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = sqlite3_column_int64(st, 0);
		parent = sqlite3_column_int64(st, 1);
		if (id < 1 || (size_t)id > n->n_stacks || parent < 0 || parent >= id || sqlite3_column_int64(st, 2) < 0 ||
			(size_t)sqlite3_column_int64(st, 2) > n->n_frames)
			err = -EBADMSG;
		else
			n->parent[id] = (uint32_t)parent, n->frame_of[id] = (uint32_t)sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static int load_frames(struct report_names *n, sqlite3 *db)
{
	sqlite3_stmt *st;
	int rc, err = 0;

	if (sqlite3_prepare_v2(db, FRAMES_SQL, -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		err = add_row(n, st);
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

int report_names_load(sqlite3 *db, struct report_names *n, struct ap_why *why)
{
	int64_t stacks = highest(db, "SELECT coalesce(max(id), 0) FROM stack"), frames = highest(db, "SELECT coalesce(max(id), 0) FROM frame");
	int err = stacks < 0 || frames < 0 ? -EBADMSG : 0;

	memset(n, 0, sizeof *n);
	if (!err) {
		n->n_stacks = (size_t)stacks;
		n->n_frames = (size_t)frames;
		n->parent = calloc(n->n_stacks + 1, sizeof *n->parent);
		n->frame_of = calloc(n->n_stacks + 1, sizeof *n->frame_of);
		n->frames = calloc(n->n_frames + 1, sizeof *n->frames);
		err = n->parent && n->frame_of && n->frames ? load_stacks(n, db) : -ENOMEM;
	}
	if (!err)
		err = load_frames(n, db);
	if (err) {
		report_names_done(n);
		return ap_why(why, -err, "cannot read the stacks: %s", err == -EIO ? sqlite3_errmsg(db) : err == -EBADMSG ? "they are not well-formed" : strerror(-err));
	}
	return 0;
}

void report_names_done(struct report_names *n)
{
	free(n->parent);
	free(n->frame_of);
	free(n->frames);
	free(n->lines);
	ap_arena_done(&n->strings);
	memset(n, 0, sizeof *n);
}
