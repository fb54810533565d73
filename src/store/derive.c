/* The derived tables of a file from its samples, whole. */
#include "store/private.h"

#include "store/periods.h"
#include "store/sql_text.h"
#include "store/totals.h"

#include <errno.h>
#include <string.h>

static int sum_samples(sqlite3 *db, struct ap_totals *t)
{
	struct ap_periods periods = {0};
	int rc = SQLITE_ERROR, err = ap_periods_load(db, &periods);
	sqlite3_stmt *st = NULL;
	int64_t event;

	if (!err && sqlite3_prepare_v2(db, "SELECT run, event, thread, stack, weight FROM sample_row", -1, &st, NULL))
		err = -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW)
		do {
			if (err && (err = ap_totals_write(t)))
				break;
			event = sqlite3_column_int64(st, 1);
			err = ap_totals_add(t, sqlite3_column_int64(st, 0), event, sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
				sqlite3_column_type(st, 4) == SQLITE_NULL ? ap_periods_of(&periods, event) : sqlite3_column_int64(st, 4));
		} while (err == -EAGAIN);
	sqlite3_finalize(st);
	ap_periods_done(&periods);
	return err ? err : rc == SQLITE_DONE ? ap_totals_write(t) : -EIO;
}

static int derive(sqlite3 *db, struct ap_feed *feed)
{
	struct ap_totals_config cfg = {.feed = feed};
	struct ap_totals *totals = NULL;
	struct ap_tree *tree = NULL;
	int err = sqlite3_exec(db, ap_sql_reset_totals, NULL, NULL, NULL) ? -EIO : 0;

	if (!err)
		err = ap_tree_load(db, ap_store_max_id(db), &tree);
	cfg.tree = tree;
	if (!err)
		err = ap_totals_new(&cfg, &totals);
	if (!err)
		err = sum_samples(db, totals);
	ap_totals_free(totals);
	ap_tree_free(tree);
	return err;
}

int ap_store_mark_totals(sqlite3 *db)
{
	return sqlite3_exec(db, ap_sql_mark_totals, NULL, NULL, NULL);
}

static int derive_whole(sqlite3 *db, bool mark, struct ap_why *why)
{
	struct ap_feed feed = {0};
	int err = sqlite3_exec(db, "SAVEPOINT derive", NULL, NULL, NULL) ? -EIO : ap_feed_open(&feed, db);

	if (!err)
		err = derive(db, &feed);
	if (!err && mark && ap_store_mark_totals(db))
		err = -EIO;
	if (err)
		ap_why(why, -err, "cannot compute the totals: %s",
			err == -EBADMSG ? "the stacks or weights of the file are not well-formed"
			: err == -EIO   ? sqlite3_errmsg(db)
					: strerror(-err));
	ap_feed_close(&feed);
	if (sqlite3_exec(db, err ? "ROLLBACK TO derive; RELEASE derive" : "RELEASE derive", NULL, NULL, NULL) && !err)
		err = ap_why(why, EIO, "cannot store the totals: %s", sqlite3_errmsg(db));
	return err;
}

int ap_store_derive(sqlite3 *db, struct ap_why *why)
{
	return derive_whole(db, true, why);
}

int ap_store_derive_unmarked(sqlite3 *db, struct ap_why *why)
{
	return derive_whole(db, false, why);
}

bool ap_store_totals_fresh(sqlite3 *db)
{
	return ap_store_number(db, ap_sql_totals_fresh) > 0;
}
