/* The virtual tables temp.batch_NAME, one a table, that show the batch at hand to INSERT ... SELECT. */
#ifndef AP_STORE_VTAB_H
#define AP_STORE_VTAB_H

#include "store/batch.h"

#include <sqlite3.h>

/* *current is read at each scan; it must outlive the connection. 0 or an SQLite code. */
int ap_vtab_register(sqlite3 *db, struct ap_batch *const *current);

#endif
