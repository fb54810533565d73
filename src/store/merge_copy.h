/* The inside of copying a file's tables into the merged file. */
#ifndef AP_STORE_MERGE_COPY_H
#define AP_STORE_MERGE_COPY_H

#include "store/merge.h"

enum { AP_MERGE_MAX_ID = 1 << 28, AP_MERGE_KINDS = 128 /* letters */ };

struct ap_merge {
	sqlite3 *out;
	struct ap_feed feed;
	struct ap_ids ids[AP_MERGE_KINDS]; /* by letter */
	sqlite3_stmt *insert[AP_MERGE_TABLES];
	struct ap_merge_lines lines;
};

/* One file at hand, and the table of it that is copied. */
struct ap_copy {
	struct ap_merge *m;
	sqlite3 *in;
	const char *path;
	const struct ap_merge_table *t;
	sqlite3_stmt *read;
	char types[AP_FEED_COLUMNS]; /* I, T, or * by the declaration */
	int n_columns;
	uint64_t rows, max_rows;
	int64_t last_id;
	struct ap_id_map maps[AP_MERGE_KINDS];
	int32_t *ids_of[AP_MERGE_KINDS];
	struct ap_merge_stats *stats;
	struct ap_why *why;
};

enum { AP_COPY_SKIP = 2 };
/* The id that the merged file has for one of the file at hand, into a cell; `letter`: of merge.h. 0; AP_COPY_SKIP: the row belongs to a run
 * that is known; -EBADMSG. */
int ap_copy_map_id(const struct ap_copy *c, sqlite3_value *v, char letter, struct ap_cell *cell);
/* For the feed, with a struct ap_copy: the next row that is to be added. 1; 0: no more; negative errno. */
int ap_copy_next_row(void *ctx, struct ap_cell *cells);

#endif
