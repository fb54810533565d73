/* Every row of a table, without a call into SQLite for each row and each column: the loop is SQLite's, and the columns come as values that
 * need no lock. Half the cost of stepping a statement. In no order that may be relied on. */
#ifndef AP_REPORT_EACH_H
#define AP_REPORT_EACH_H

#include <sqlite3.h>

typedef int (*report_each_fn)(void *ctx, sqlite3_value **columns); /* non-zero stops and is returned */

/* `columns` and `table` are SQL of ours: "id, name", "function". 0, what `each` returned, -ENOMEM or -EIO. */
int report_each(sqlite3 *db, const char *columns, const char *table, report_each_fn each, void *ctx);

/* Every row of a statement without parameters, in its order. 0, what `row` returned, or -EIO. */
typedef int (*report_row_fn)(void *ctx, sqlite3_stmt *st); /* non-zero stops and is returned */
int report_each_row(sqlite3 *db, const char *sql, report_row_fn row, void *ctx);

#endif
