/* A private copy of a file that cannot be opened where it is: on a file system or in a folder that is not ours to write, with a log or a
 * journal of a writer that died. */
#ifndef AP_STORE_SNAPSHOT_H
#define AP_STORE_SNAPSHOT_H

#include "base/why.h"

#include <sqlite3.h>

/* Copies path and what lies beside it into a folder of its own under $TMPDIR or /tmp, opens that, recovers it, and removes the names: it is
 * gone when the connection closes. */
int ap_snapshot_open(const char *path, sqlite3 **ret_db, struct ap_why *why);

#endif
