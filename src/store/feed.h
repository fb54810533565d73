/* temp.feed: a virtual table whose rows a C function makes one at a time, so that INSERT ... SELECT takes them without a statement a row.
 */
#ifndef AP_STORE_FEED_H
#define AP_STORE_FEED_H

#include "base/mem.h"
#include "store/rows.h"

#include <sqlite3.h>

enum { AP_FEED_COLUMNS = 20 }; /* c0, c1, ...; no table of ours is wider */

struct ap_cell {
	int64_t number;       /* where value is NULL; AP_NULL: SQL NULL */
	sqlite3_value *value; /* valid until the next row is made */
};
/* 1: a row is in cells; 0: the end; negative errno stops the insertion. */
typedef int (*ap_feed_fn)(void *ctx, struct ap_cell *cells);

struct ap_feed {
	sqlite3 *db; /* NULL: not opened */
	ap_feed_fn next;
	void *ctx;
	int error; /* of next, 0 or negative errno */
	struct ap_cell cells[AP_FEED_COLUMNS];
};

/* Makes temp.feed on the connection, which must not be closed before ap_feed_close. 0 or negative errno. */
int ap_feed_open(struct ap_feed *f, sqlite3 *db);
void ap_feed_close(struct ap_feed *f); /* also where it was never opened; statements on it must be finalised */
/* `INSERT INTO table SELECT COLUMNS FROM temp.feed` and what follows it (ON CONFLICT ...). Columns: a letter each, '.' for the feed's own
 * (c0 is the first of them, c1 the next), '=' for one that is the same in all rows of a run, and costs less: a parameter (?1 is the first).
 * 0 or negative errno. */
int ap_feed_prepare(struct ap_feed *f, const char *table, const char *columns, const char *tail, sqlite3_stmt **ret_st);
/* Sets a parameter; AP_NULL: SQL NULL. It stays from run to run. 0 or negative errno. */
int ap_feed_bind(sqlite3_stmt *st, int parameter, int64_t v);
/* Runs it over all rows that next makes. 0; what next returned; or -EBADMSG for a constraint, -ENOSPC, -ENOMEM, -EIO. */
int ap_feed_insert(struct ap_feed *f, sqlite3_stmt *st, ap_feed_fn next, void *ctx);

#endif
