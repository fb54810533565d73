/* Copying one file's new runs into the merged file. */
#ifndef AP_STORE_MERGE_H
#define AP_STORE_MERGE_H

#include "store/store.h"

/* Adds what in has and out has not; out is in a transaction. path names in, for the sentence. */
int ap_merge_rows(sqlite3 *out, sqlite3 *in, const char *path, struct ap_merge_stats *stats, struct ap_why *why);

#endif
