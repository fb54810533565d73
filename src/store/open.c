/* Opening what somebody else may have written: our mark, our version, our schema, nothing else; and a connection that cannot be led astray.
 * A reader never writes to the file. What it lacks (the totals of a recording that has not ended, the views of an older version) is made in
 * the connection's own temporary database. */
#include "store/private.h"

#include "store/schema.h"
#include "store/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 2000, BYTES_A_ROW = 4, SMALL_IDS = 1 << 16 };

int64_t ap_store_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

uint64_t ap_store_max_id(sqlite3 *db)
{
	int64_t pages = ap_store_number(db, "PRAGMA main.page_count"), size = ap_store_number(db, "PRAGMA main.page_size");

	return pages < 0 || size < 0 ? SMALL_IDS : (uint64_t)pages * (uint64_t)size / BYTES_A_ROW + SMALL_IDS;
}

static void set_up(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
	sqlite3_busy_timeout(db, BUSY_MS);
}

static int open_db(const char *path, int flags, sqlite3 **ret_db, struct ap_why *why)
{
	struct stat st;
	sqlite3 *db;

	if (stat(path, &st))
		return ap_why(why, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ap_why(why, EBADMSG, "%s: not a regular file", path);
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL)) {
		int error = access(path, R_OK) ? errno : EIO;

		ap_why(why, error, "%s: cannot open: %s", path, error == EIO ? sqlite3_errmsg(db) : strerror(error));
		sqlite3_close(db);
		return -error;
	}
	set_up(db);
	*ret_db = db;
	return 0;
}

/* The first page cannot be had because of what lies, or cannot be made, beside the file. */
static bool needs_copy(sqlite3 *db)
{
	int rc = sqlite3_exec(db, "SELECT 1 FROM sqlite_master LIMIT 1", NULL, NULL, NULL) & 0xff;

	return rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY;
}

static int open_anywhere(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	sqlite3 *db;
	int err = open_db(path, SQLITE_OPEN_READONLY, &db, why);

	if (!err && needs_copy(db)) {
		sqlite3_close(db);
		err = ap_snapshot_open(path, &db, why);
		if (!err)
			set_up(db);
	}
	if (!err)
		*ret_db = db;
	return err;
}

static int complete(sqlite3 *db, const struct ap_schema *schema, const char *path, bool totals, struct ap_why *why)
{
	if (schema == &ap_schemas.all[ap_schemas.n - 1] && ap_store_totals_fresh(db))
		return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) ? ap_why(why, EIO, "%s: %s", path, sqlite3_errmsg(db)) : 0;
	if (ap_schema_shadow(db, &ap_schemas, schema))
		return ap_why(why, ENOMEM, "%s: cannot make its totals: %s", path, sqlite3_errmsg(db));
	return totals ? ap_store_derive_unmarked(db, why) : 0;
}

int ap_store_open_raw(const char *path, sqlite3 **ret_db, const struct ap_schema **ret_schema, struct ap_why *why)
{
	sqlite3 *db;
	int err = open_anywhere(path, &db, why);

	if (err)
		return err;
	/* one state of a file that may be growing */
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	err = ap_schema_check(db, &ap_schemas, path, ret_schema, why);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	*ret_db = db;
	return 0;
}

static int open_reader(const char *path, bool totals, sqlite3 **ret_db, struct ap_why *why)
{
	const struct ap_schema *schema;
	sqlite3 *db;
	int err = ap_store_open_raw(path, &db, &schema, why);

	if (err)
		return err;
	err = complete(db, schema, path, totals, why);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	sqlite3_exec(db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	*ret_db = db;
	return 0;
}

int ap_store_open_read(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	return open_reader(path, true, ret_db, why);
}

int ap_store_open_plain(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	return open_reader(path, false, ret_db, why);
}

/* Out of the log of a recording that was killed; one that goes on holds a lock for as long. */
static int fold_log(sqlite3 *db, const char *path, struct ap_why *why)
{
	int rc = sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);

	if (!rc)
		return 0;
	if (rc == SQLITE_BUSY)
		return ap_why(why, EBUSY, "%s: it is still being written or read; try again when that has ended", path);
	if (rc == SQLITE_READONLY)
		return ap_why(why, EROFS, "%s: it, or its folder, cannot be written", path);
	return ap_why(why, ap_store_errno(db, rc), "%s: cannot be opened for writing: %s", path, sqlite3_errmsg(db));
}

int ap_store_open_write(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	const struct ap_schema *schema;
	sqlite3 *db;
	int err = open_db(path, SQLITE_OPEN_READWRITE, &db, why);

	if (err)
		return err;
	err = ap_schema_check(db, &ap_schemas, path, &schema, why);
	if (!err && sqlite3_db_readonly(db, "main"))
		err = ap_why(why, EROFS, "%s: it cannot be written here", path);
	if (!err)
		err = fold_log(db, path, why);
	if (!err)
		err = ap_schema_migrate(db, &ap_schemas, schema, path, why);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	*ret_db = db;
	return 0;
}

int ap_store_open_names(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	return ap_store_open_write(path, ret_db, why);
}
