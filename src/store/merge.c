/* Merging: on a copy of the output that takes its place at the end, so that on any failure the output is as it was. A file is first opened as any file is (our mark, our
 * version, our schema word for word) and checked for damage; then it is attached and its rows come over by natural keys through maps from its
 * ids to ours. Only stacks are walked in C: in the order of their ids a parent comes before its children. A run that the output has already is
 * left out, and a file without a new run is not even attached. */
#include "store/store.h"

#include "store/sql_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static int db_error(sqlite3 *db, const char *path, struct ap_why *why)
{
	int code = sqlite3_errcode(db) & 0xff;

	return ap_why(why, code == SQLITE_FULL ? ENOSPC : code == SQLITE_NOMEM ? ENOMEM : EIO, "%s: cannot be merged: %s", path, sqlite3_errmsg(db));
}

/* How many runs of the file the output lacks; negative errno for a file that is refused. */
static int64_t new_runs(sqlite3 *out, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	sqlite3_stmt *uuids = NULL, *have = NULL;
	int64_t fresh = 0, known = 0;
	sqlite3 *db;
	int rc, err = ap_store_open_read(path, &db, why);

	if (err)
		return err;
	if (sqlite3_prepare_v2(db, "SELECT uuid FROM run", -1, &uuids, NULL) ||
		sqlite3_prepare_v2(out, "SELECT 1 FROM run WHERE uuid = ?1", -1, &have, NULL))
		err = db_error(db, path, why);
	while (!err && (rc = sqlite3_step(uuids)) == SQLITE_ROW) {
		sqlite3_bind_value(have, 1, sqlite3_column_value(uuids, 0));
		if (sqlite3_step(have) == SQLITE_ROW)
			known++;
		else
			fresh++;
		sqlite3_reset(have);
	}
	if (!err && rc != SQLITE_DONE)
		err = ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
	if (!err && fresh && number(db, "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'") != 0)
		err = ap_why(why, EBADMSG, "%s: damaged, its pages are not consistent: refused", path);
	sqlite3_finalize(uuids);
	sqlite3_finalize(have);
	sqlite3_close(db);
	stats->runs_known += (uint64_t)known;
	stats->runs_added += (uint64_t)fresh;
	return err ? err : fresh;
}

static int64_t lookup(sqlite3_stmt *map, int64_t key)
{
	int64_t v = -1;

	sqlite3_bind_int64(map, 1, key);
	if (sqlite3_step(map) == SQLITE_ROW)
		v = sqlite3_column_int64(map, 0);
	sqlite3_reset(map);
	return v;
}

struct stack_copy {
	sqlite3_stmt *from, *frame, *have, *add, *map, *mapped;
};

static int one_stack(sqlite3 *db, struct stack_copy *c, const char *path, struct ap_why *why)
{
	int64_t id = sqlite3_column_int64(c->from, 0), parent = sqlite3_column_int64(c->from, 1), frame, ours;

	frame = lookup(c->frame, sqlite3_column_int64(c->from, 2));
	if (parent >= id || parent < 0 || frame < 0 || (parent && (parent = lookup(c->mapped, parent)) < 0))
		return ap_why(why, EBADMSG, "%s: its stacks are not well-formed: refused", path);
	sqlite3_bind_int64(c->have, 1, parent);
	sqlite3_bind_int64(c->have, 2, frame);
	ours = sqlite3_step(c->have) == SQLITE_ROW ? sqlite3_column_int64(c->have, 0) : -1;
	sqlite3_reset(c->have);
	if (ours < 0) {
		sqlite3_bind_int64(c->add, 1, parent);
		sqlite3_bind_int64(c->add, 2, frame);
		sqlite3_step(c->add);
		if (sqlite3_reset(c->add))
			return db_error(db, path, why);
		ours = sqlite3_last_insert_rowid(db);
	}
	sqlite3_bind_int64(c->map, 1, id);
	sqlite3_bind_int64(c->map, 2, ours);
	sqlite3_step(c->map);
	return sqlite3_reset(c->map) ? db_error(db, path, why) : 0;
}

static int copy_stacks(sqlite3 *db, const char *path, struct ap_why *why)
{
	struct stack_copy c = {NULL};
	int rc = SQLITE_DONE, err = 0;

	if (sqlite3_prepare_v2(db, "SELECT id, parent_id, frame_id FROM src.stack ORDER BY id", -1, &c.from, NULL) ||
		sqlite3_prepare_v2(db, "SELECT dst FROM m_frame WHERE src = ?1", -1, &c.frame, NULL) ||
		sqlite3_prepare_v2(db, "SELECT id FROM main.stack WHERE parent_id = ?1 AND frame_id = ?2", -1, &c.have, NULL) ||
		sqlite3_prepare_v2(db, "INSERT INTO main.stack(parent_id, frame_id) VALUES (?1, ?2)", -1, &c.add, NULL) ||
		sqlite3_prepare_v2(db, "INSERT INTO m_stack VALUES (?1, ?2)", -1, &c.map, NULL) ||
		sqlite3_prepare_v2(db, "SELECT dst FROM m_stack WHERE src = ?1", -1, &c.mapped, NULL) ||
		sqlite3_exec(db, "INSERT INTO m_stack VALUES (0, 0)", NULL, NULL, NULL))
		err = db_error(db, path, why);
	while (!err && (rc = sqlite3_step(c.from)) == SQLITE_ROW)
		err = one_stack(db, &c, path, why);
	if (!err && rc != SQLITE_DONE)
		err = db_error(db, path, why);
	sqlite3_finalize(c.from);
	sqlite3_finalize(c.frame);
	sqlite3_finalize(c.have);
	sqlite3_finalize(c.add);
	sqlite3_finalize(c.map);
	sqlite3_finalize(c.mapped);
	return err;
}

/* Inside the transaction, with the file attached. Rows that name what the file does not have would be left out silently: they refuse it. */
static int copy_file(sqlite3 *db, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	int64_t copied, theirs;
	int err;

	if (sqlite3_exec(db, ap_sql_merge_maps, NULL, NULL, NULL))
		return db_error(db, path, why);
	err = copy_stacks(db, path, why);
	if (err)
		return err;
	theirs = number(db, "SELECT count(*) FROM src.sample WHERE run IN (SELECT src FROM m_run)");
	copied = number(db, "SELECT count(*) FROM src.sample s JOIN m_run r ON r.src = s.run JOIN m_event e ON e.src = s.event "
		"JOIN m_thread t ON t.src = s.thread JOIN m_stack k ON k.src = s.stack");
	if (theirs != copied || number(db, "SELECT count(*) FROM src.sample WHERE run NOT IN (SELECT id FROM src.run)"))
		return ap_why(why, EBADMSG, "%s: it has samples that name no run, thread or stack: refused", path);
	if (sqlite3_exec(db, ap_sql_merge_rows, NULL, NULL, NULL) || sqlite3_exec(db, ap_sql_merge_done, NULL, NULL, NULL))
		return db_error(db, path, why);
	stats->samples_added += (uint64_t)copied;
	return 0;
}

static int attach(sqlite3 *db, const char *path, struct ap_why *why)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(db, "ATTACH ?1 AS src", -1, &st, NULL);

	if (!rc)
		rc = sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
	if (!rc && sqlite3_step(st) != SQLITE_DONE)
		rc = SQLITE_ERROR;
	sqlite3_finalize(st);
	return rc ? db_error(db, path, why) : 0;
}

/* One file. The output is a copy of the user's, so a failure here leaves nothing behind. */
static int merge_one(sqlite3 *db, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	int64_t fresh = new_runs(db, path, stats, why);
	int err;

	stats->files++;
	if (fresh <= 0)
		return (int)fresh;
	err = attach(db, path, why);
	if (err)
		return err;
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL))
		err = db_error(db, path, why);
	if (!err)
		err = copy_file(db, path, stats, why);
	if (!err && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL))
		err = db_error(db, path, why);
	if (err)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(db, "DETACH src", NULL, NULL, NULL);
	return err;
}

static int make_empty(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	sqlite3 *db;

	if (fd < 0)
		return ap_why(why, errno, "%s: cannot create it: %s", path, strerror(errno));
	close(fd);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) || sqlite3_exec(db, "PRAGMA page_size=16384; PRAGMA synchronous=OFF", NULL, NULL, NULL)) {
		ap_why(why, EIO, "%s: %s", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return -EIO;
	}
	*ret_db = db;
	return 0;
}

/* A copy of the output, or a new file where there is none. */
static int make_copy(const char *out, const char *copy, sqlite3 **ret_db, struct ap_why *why)
{
	sqlite3 *from = NULL, *db = NULL;
	sqlite3_backup *b;
	int err = 0;

	if (!access(out, F_OK))
		err = ap_store_open_read(out, &from, why);
	if (!err)
		err = make_empty(copy, &db, why);
	if (err) {
		sqlite3_close(from);
		return err;
	}
	if (from) {
		b = sqlite3_backup_init(db, "main", from, "main");
		if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
			err = ap_why(why, EIO, "%s: cannot copy it: %s", out, sqlite3_errmsg(db));
		sqlite3_backup_finish(b);
	} else if (sqlite3_exec(db, ap_sql_schema, NULL, NULL, NULL) || sqlite3_exec(db, ap_sql_views, NULL, NULL, NULL)) {
		err = db_error(db, out, why);
	}
	sqlite3_close(from);
	if (err)
		sqlite3_close(db);
	else
		*ret_db = db;
	return err;
}

static int put_in_place(const char *copy, const char *out, struct ap_why *why)
{
	int fd = open(copy, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || fsync(fd) || rename(copy, out))
		err = ap_why(why, errno, "%s: cannot be replaced by the merged file: %s", out, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* True: the output has every run of every file. */
static bool all_known(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *stats)
{
	struct ap_why why;
	sqlite3 *db = NULL;
	bool known = !access(out, F_OK) && !ap_store_open_read(out, &db, &why);

	if (!known)
		return false;
	for (size_t i = 0; i < n && known; i++, stats->files++)
		known = new_runs(db, paths[i], stats, &why) == 0;
	sqlite3_close(db);
	return known;
}

int ap_store_merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *ret_stats, struct ap_why *why)
{
	struct ap_merge_stats stats = {0};
	char *copy = NULL;
	sqlite3 *db = NULL;
	int err = 0;

	if (all_known(out, paths, n, &stats)) {
		*ret_stats = stats;
		return 0;
	}
	memset(&stats, 0, sizeof stats);
	if (asprintf(&copy, "%s.merge-%d", out, (int)getpid()) < 0)
		return ap_why(why, ENOMEM, "out of memory");
	err = make_copy(out, copy, &db, why);
	for (size_t i = 0; i < n && !err; i++)
		err = merge_one(db, paths[i], &stats, why);
	if (!err)
		err = ap_store_derive(db, why);
	if (!err && sqlite3_exec(db, ap_sql_indexes, NULL, NULL, NULL))
		err = db_error(db, out, why);
	sqlite3_close(db);
	if (!err)
		err = put_in_place(copy, out, why);
	if (err)
		unlink(copy);
	else
		*ret_stats = stats;
	free(copy);
	return err;
}
