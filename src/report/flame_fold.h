/* The part of a tree that fits a page, as text. */
#ifndef AP_REPORT_FLAME_FOLD_H
#define AP_REPORT_FLAME_FOLD_H

#include "report/flame_tree.h"

enum { FLAME_NODES_MAX = 225000 }; /* in a page: what a browser lays out in well under a second */

struct flame_text {
	struct ap_buf strings; /* JSON strings, comma-separated */
	struct ap_buf frames;  /* five numbers each: kind, name, module, file, line; see flame_number */
	struct ap_buf nodes;   /* in preorder: 2 * levels up from the node before + whether values follow; frame; the values */
	uint32_t *string_no;   /* by the tree's string: its number here + 1, 0 not written */
	size_t n_frames, n_nodes; /* numbers written: without frame 0, without the root */
	size_t n_folded;       /* nodes left out; each parent has one box that stands for them, of frame 0 */
	double folded_share;   /* of the whole: the largest over the columns */
};

/* Appends v: digits of base 45, lowest first, each but the last plus 45. The 90 characters need no escape in JSON nor in HTML. */
int flame_number(struct ap_buf *b, uint64_t v);

/* Writes as many nodes as fit `room` bytes of text, the largest. `skip`: by column, those not written (their values follow from others). */
int flame_fold(const struct flame_tree *t, const bool *skip, size_t room, struct flame_text *ret_text);
void flame_text_done(struct flame_text *x);

#endif
