/* Opening what somebody else may have written: our mark, our version, our schema, nothing else; and a connection that cannot be led astray. */
#include "store/private.h"

#include "store/sql_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 1095783508, SCHEMA_VERSION = 1 };

int64_t ap_store_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	if (!sqlite3_prepare_v2(db, sql, -1, &st, NULL) && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* Every table, view and index of the file is one of ours, word for word. */
static int same_schema(sqlite3 *db, const char *path, struct ap_why *why)
{
	sqlite3_stmt *theirs = NULL, *ours_of = NULL;
	sqlite3 *ours = NULL;
	int err = 0, rc = SQLITE_ERROR;

	if (sqlite3_open(":memory:", &ours) || sqlite3_exec(ours, ap_sql_schema, NULL, NULL, NULL) ||
		sqlite3_exec(ours, ap_sql_views, NULL, NULL, NULL) || sqlite3_exec(ours, ap_sql_indexes, NULL, NULL, NULL) ||
		sqlite3_prepare_v2(ours, "SELECT 1 FROM sqlite_master WHERE type = ?1 AND name = ?2 AND sql IS ?3", -1, &ours_of, NULL))
		err = ap_why(why, ENOMEM, "%s: cannot check its schema: %s", path, ours ? sqlite3_errmsg(ours) : "out of memory");
	else if (sqlite3_prepare_v2(db, "SELECT type, name, sql FROM sqlite_master", -1, &theirs, NULL))
		err = ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
	while (!err && (rc = sqlite3_step(theirs)) == SQLITE_ROW) {
		for (int i = 0; i < 3; i++)
			sqlite3_bind_value(ours_of, i + 1, sqlite3_column_value(theirs, i));
		if (sqlite3_step(ours_of) != SQLITE_ROW)
			err = ap_why(why, EBADMSG, "%s: its %s is not Aperture's: refused", path, (const char *)sqlite3_column_text(theirs, 1));
		sqlite3_reset(ours_of);
	}
	if (!err && rc != SQLITE_DONE)
		err = ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
	sqlite3_finalize(theirs);
	sqlite3_finalize(ours_of);
	sqlite3_close(ours);
	return err;
}

static int check(sqlite3 *db, const char *path, struct ap_why *why)
{
	int64_t id = ap_store_number(db, "PRAGMA application_id"), version = ap_store_number(db, "PRAGMA user_version");

	if (id < 0)
		return ap_why(why, EBADMSG, "%s: not an Aperture file, or damaged: %s", path, sqlite3_errmsg(db));
	if (id != APPLICATION_ID)
		return ap_why(why, EBADMSG, "%s: not an Aperture file", path);
	if (version > SCHEMA_VERSION)
		return ap_why(why, EPROTONOSUPPORT, "%s: written by a newer Aperture (schema %lld, this one knows %d): update aperture", path,
			(long long)version, SCHEMA_VERSION);
	return same_schema(db, path, why);
}

static int open_db(const char *path, int flags, sqlite3 **ret_db, struct ap_why *why)
{
	struct stat st;
	sqlite3 *db;
	int err;

	if (stat(path, &st))
		return ap_why(why, errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ap_why(why, EBADMSG, "%s: not a regular file", path);
	if (sqlite3_open_v2(path, &db, flags, NULL)) {
		ap_why(why, EIO, "%s: cannot open: %s", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return -EIO;
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0", NULL, NULL, NULL);
	sqlite3_busy_timeout(db, 2000);
	err = check(db, path, why);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	*ret_db = db;
	return 0;
}

int ap_store_open_read(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	sqlite3 *db;
	/* read-write where allowed, so that the log of a killed recording can be read; query_only keeps the content as it is */
	int flags = access(path, W_OK) ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err = open_db(path, flags, &db, why);

	if (err)
		return err;
	/* A recording that was killed or ran out of disk has no totals yet: they are made where the file may be written; without, the views that need them are empty. */
	if (flags == SQLITE_OPEN_READWRITE && ap_store_number(db, "SELECT EXISTS (SELECT 1 FROM sample) AND (NOT EXISTS (SELECT 1 FROM stack_total) OR "
		"EXISTS (SELECT 1 FROM run WHERE end_reason IS NULL))") > 0)
		err = ap_store_derive(db, why);
	if (err) {
		sqlite3_close(db);
		return err;
	}
	sqlite3_exec(db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	*ret_db = db;
	return 0;
}

int ap_store_open_names(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	return open_db(path, SQLITE_OPEN_READWRITE, ret_db, why);
}
