/* The derived tables: a file's stacks as a tree in arrays, and the sums over it. Nothing of the file is believed. */
#ifndef AP_STORE_TOTALS_H
#define AP_STORE_TOTALS_H

#include "store/feed.h"

/* The stacks and the functions of their frames. */
struct ap_tree;
/* Ids past max_id are refused: memory is bounded by it. 0, -EBADMSG (not well-formed), -ENOMEM, -EIO. */
int ap_tree_load(sqlite3 *db, uint64_t max_id, struct ap_tree **ret_tree);
struct ap_tree *ap_tree_free(struct ap_tree *t);

/* From the tree's ids to those of the file that is written; index 0 is 0. Past n, or a value below 1: not well-formed. to NULL: the same
 * ids. */
struct ap_id_map {
	const int32_t *to;
	int64_t n;
};
struct ap_totals_config {
	const struct ap_tree *tree;
	struct ap_feed *feed; /* on the connection that is written; tables are found by their plain names, temp first */
	struct ap_id_map stacks, functions, executables;
	uint64_t max_bytes; /* of sums that are not written yet, or one (run, event); 0: the default */
};

struct ap_totals;
int ap_totals_new(const struct ap_totals_config *cfg, struct ap_totals **ret_totals);
struct ap_totals *ap_totals_free(struct ap_totals *t);
/* One sample: run, event and thread in the ids of the file that is written, stack in the tree's. 0; -EAGAIN: not taken, ap_totals_write
 * must come first; -EBADMSG (no such stack, a negative weight, too great a sum); -ENOMEM. */
int ap_totals_add(struct ap_totals *t, int64_t run, int64_t event, int64_t thread, int64_t stack, int64_t weight);
/* Adds what was summed to the tables, and forgets it. Sums add up: it may be called at any time. 0 or negative errno. */
int ap_totals_write(struct ap_totals *t);

#endif
