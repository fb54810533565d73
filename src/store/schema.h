/* The versions of the file's schema: what each consists of, whether a file is exactly that, and the way to the newest. */
#ifndef AP_STORE_SCHEMA_H
#define AP_STORE_SCHEMA_H

#include "base/why.h"

#include <sqlite3.h>
#include <stddef.h>

enum { AP_SCHEMA_PIECES = 8 };
/* The tables are those of the pieces together; `added` makes the version before into this one (NULL for the first). */
struct ap_schema {
	int version; /* PRAGMA user_version */
	const char *tables[AP_SCHEMA_PIECES];
	const char *views;
	const char *added;
	const char *shown; /* NULL, or views that show this version's tables as the newest has them */
};
struct ap_schemas {
	const struct ap_schema *all; /* oldest first, versions rising by one */
	size_t n;
};
extern const struct ap_schemas ap_schemas; /* the last is what is written */

/* The schema of the file, which must be one of these word for word: tables, views and indexes, nothing else, nothing missing (an index may
 * be). 0 and *ret; -EPROTONOSUPPORT (newer), -EBADMSG. */
int ap_schema_check(sqlite3 *db, const struct ap_schemas *known, const char *path, const struct ap_schema **ret, struct ap_why *why);
/* Makes the newest in an empty database. An SQLite code. */
int ap_schema_create(sqlite3 *db, const struct ap_schemas *known);
/* From `from` to the newest, in one transaction: what was added, and the views anew. */
int ap_schema_migrate(sqlite3 *db, const struct ap_schemas *known, const struct ap_schema *from, const char *path, struct ap_why *why);
/* Builds the indexes that are missing. An SQLite code. */
int ap_schema_index(sqlite3 *db);
/* Shows an older version's tables as the newest has them, in temp. An SQLite code. */
int ap_schema_show(sqlite3 *db, const struct ap_schema *from);
/* For a reader that may not write: the derived tables empty, and the newest views over them and the file's tables, all in temp, where names
 * are looked up first. An SQLite code. */
int ap_schema_shadow(sqlite3 *db, const struct ap_schemas *known, const struct ap_schema *from);

#endif
