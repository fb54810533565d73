/* Merging: the ledger (run.uuid) says what is new; a file beside the output takes it all and is renamed over it at the end, so that a failure
 * leaves the output as it was. */
#include "store/merge.h"

#include "base/mem.h"
#include "store/sql_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many runs in has, and how many of them out (NULL: none) knows. */
static int ledger(sqlite3 *out, sqlite3 *in, const char *path, uint64_t *ret_new, uint64_t *ret_known, struct ap_why *why)
{
	sqlite3_stmt *runs = NULL, *find = NULL;
	int rc = SQLITE_ERROR;

	*ret_new = *ret_known = 0;
	if (!sqlite3_prepare_v2(in, "SELECT uuid FROM run", -1, &runs, NULL) &&
		(!out || !sqlite3_prepare_v2(out, "SELECT 1 FROM run WHERE uuid = ?", -1, &find, NULL)))
		while ((rc = sqlite3_step(runs)) == SQLITE_ROW) {
			bool known;

			sqlite3_bind_value(find, 1, sqlite3_column_value(runs, 0));
			known = find && sqlite3_step(find) == SQLITE_ROW;
			sqlite3_reset(find);
			*(known ? ret_known : ret_new) += 1;
		}
	sqlite3_finalize(runs);
	sqlite3_finalize(find);
	return rc == SQLITE_DONE ? 0 : ap_why(why, EBADMSG, "%s: damaged: its runs cannot be read", path);
}

static int quick_check(sqlite3 *in, const char *path, struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	bool ok = !sqlite3_prepare_v2(in, "PRAGMA quick_check(1)", -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW &&
		!strcmp((const char *)sqlite3_column_text(st, 0), "ok");

	sqlite3_finalize(st);
	return ok ? 0 : ap_why(why, EBADMSG, "%s: damaged or cut short: refused", path);
}

static int copy_old(sqlite3 *db, sqlite3 *old)
{
	sqlite3_backup *b = sqlite3_backup_init(db, "main", old, "main");

	if (!b)
		return -1;
	sqlite3_backup_step(b, -1);
	return sqlite3_backup_finish(b);
}

static int start(const char *temp, sqlite3 *old, sqlite3 **ret_db, struct ap_why *why)
{
	int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd < 0)
		return ap_why(why, errno, "%s: cannot create it: %s", temp, strerror(errno));
	close(fd);
	rc = sqlite3_open_v2(temp, ret_db, SQLITE_OPEN_READWRITE, NULL);
	if (!rc)
		rc = sqlite3_exec(*ret_db, "PRAGMA page_size=16384; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536", NULL, NULL, NULL);
	if (!rc && old)
		rc = copy_old(*ret_db, old);
	if (!rc)
		rc = sqlite3_exec(*ret_db, "PRAGMA journal_mode=MEMORY; BEGIN", NULL, NULL, NULL);
	if (!rc && !old)
		rc = sqlite3_exec(*ret_db, ap_sql_schema, NULL, NULL, NULL);
	if (!rc && !old)
		rc = sqlite3_exec(*ret_db, ap_sql_views, NULL, NULL, NULL);
	return rc ? ap_why(why, rc == SQLITE_FULL ? ENOSPC : EIO, "%s: cannot prepare it: %s", temp, sqlite3_errmsg(*ret_db)) : 0;
}

static int add_file(sqlite3 *db, const char *path, struct ap_merge_stats *stats, struct ap_why *why)
{
	uint64_t fresh, known;
	sqlite3 *in;
	int err = ap_store_open_read(path, &in, why);

	if (err)
		return err;
	err = ledger(db, in, path, &fresh, &known, why);
	if (!err)
		err = quick_check(in, path, why);
	if (!err && fresh)
		err = ap_merge_rows(db, in, path, stats, why);
	else if (!err)
		stats->runs_known += known;
	stats->files++;
	sqlite3_close(in);
	return err;
}

/* Closes db whatever happens. */
static int finish(sqlite3 *db, const char *temp, struct ap_why *why)
{
	AP_AUTO_CLOSE int fd = -1;
	int err = ap_store_derive(db, why);

	if (!err && (sqlite3_exec(db, ap_sql_indexes, NULL, NULL, NULL) ||
			    sqlite3_exec(db, "COMMIT; PRAGMA journal_mode=DELETE", NULL, NULL, NULL)))
		err = ap_why(why, EIO, "%s: cannot finish it: %s", temp, sqlite3_errmsg(db));
	sqlite3_close(db);
	if (err)
		return err;
	fd = open(temp, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? ap_why(why, errno, "%s: fsync failed: %s", temp, strerror(errno)) : 0;
}

static int replace(const char *temp, const char *out, struct ap_why *why)
{
	AP_AUTO_FREE char *folder = strdup(out);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	AP_AUTO_CLOSE int fd = -1;
	struct ap_buf wal = {0};
	int busy = !ap_buf_printf(&wal, "%s-wal", out) && !access(wal.data, F_OK);

	ap_buf_done(&wal);
	if (busy)
		return ap_why(why, EBUSY, "%s: it is still being written; merge when its recording has ended", out);
	if (rename(temp, out))
		return ap_why(why, errno, "%s: cannot put the merged file there: %s", out, strerror(errno));
	if (slash)
		*(slash == folder ? slash + 1 : slash) = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
	return 0;
}

static int all_known(sqlite3 *old, const char *const *paths, size_t n, bool *ret, struct ap_merge_stats *stats, struct ap_why *why)
{
	uint64_t fresh = 0, known;
	int err = 0;

	for (size_t i = 0; i < n && !err && !fresh; i++) {
		sqlite3 *in;

		err = ap_store_open_read(paths[i], &in, why);
		if (err)
			return err;
		err = ledger(old, in, paths[i], &fresh, &known, why);
		stats->files++;
		stats->runs_known += known;
		sqlite3_close(in);
	}
	*ret = !fresh;
	return err;
}

static int merge_new(const char *out, const char *temp, sqlite3 **old, const char *const *paths, size_t n, struct ap_merge_stats *stats,
	struct ap_why *why)
{
	sqlite3 *db = NULL;
	int err = start(temp, *old, &db, why);

	sqlite3_close(AP_STEAL(*old)); /* the log of the old file is folded in now */
	for (size_t i = 0; i < n && !err; i++)
		err = add_file(db, paths[i], stats, why);
	if (err)
		sqlite3_close(db);
	else
		err = finish(db, temp, why);
	if (!err)
		err = replace(temp, out, why);
	if (err && err != -EEXIST)
		unlink(temp);
	return err;
}

int ap_store_merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *ret_stats, struct ap_why *why)
{
	AP_AUTO_FREE char *temp = NULL;
	sqlite3 *old = NULL;
	bool known = false;
	int err = 0;

	*ret_stats = (struct ap_merge_stats){0};
	if (!access(out, F_OK)) {
		err = ap_store_open_read(out, &old, why);
		if (!err)
			err = all_known(old, paths, n, &known, ret_stats, why);
	}
	if (!err && !known) {
		*ret_stats = (struct ap_merge_stats){0};
		if (asprintf(&temp, "%s.merge-%d", out, (int)getpid()) < 0)
			err = ap_why(why, ENOMEM, "%s: out of memory", out);
		else
			err = merge_new(out, temp, &old, paths, n, ret_stats, why);
	}
	sqlite3_close(old);
	return err;
}
