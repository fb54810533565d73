/* The inside of a tree, for the sums over it. Ids are checked: parent[id] < id, frame[id] and lines may be followed without another look.
 */
#ifndef AP_STORE_TREE_H
#define AP_STORE_TREE_H

#include "base/hash.h"
#include "store/totals.h"

struct ap_tree_key { /* a function in an executable; function 0: the frames without a name */
	int64_t function, executable;
	bool named; /* of its own, not by its start alone; no part of the key */
};
struct ap_tree {
	size_t n_stacks, n_frames; /* highest ids */
	uint32_t *parent, *frame;  /* by stack id; frame 0: one that the file lacks */
	uint32_t *child, *sibling; /* by stack id: first child, next sibling; 0: none */
	uint32_t *first; /* by frame id: its keys are lines[first[f] .. first[f + 1]), innermost first; none: a mark, or no frame */
	uint32_t *lines;
	size_t n_lines, lines_cap;
	struct ap_tree_key *keys;
	size_t n_keys, keys_cap;
	struct ap_index index;
};

#endif
