/* The inside of merging the names of frames. */
#ifndef AP_STORE_MERGE_LINES_H
#define AP_STORE_MERGE_LINES_H

#include "store/merge.h"

/* A statement is on a row of frame, depth, function, file, line. *ret: the function's id in the merged file. 0 or -EBADMSG. */
int ap_lines_map(const struct ap_id_map *functions, sqlite3_stmt *st, int64_t *ret);
/* Of the lines so far and this one, whose function has that id in the merged file. Never 0. */
uint64_t ap_lines_hash(uint64_t hash, sqlite3_stmt *st, int64_t function);

/* The statements for frames that two files name otherwise; zeroed before. */
struct ap_settle {
	sqlite3_stmt *theirs, *ours, *text, *drop, *add;
};
int ap_settle_open(struct ap_settle *k, sqlite3 *in, sqlite3 *out); /* 0 or -EIO; ap_settle_close in any case */
void ap_settle_close(struct ap_settle *k);
/* Leaves the better lines of `frame` in the input and `to` in the merged file, and their hash. 0, -EBADMSG: not well-formed, or another
 * negative errno. */
int ap_settle(struct ap_settle *k, int64_t frame, int64_t to, const struct ap_id_map *functions, uint64_t *ret_hash, bool *ret_same);

#endif
