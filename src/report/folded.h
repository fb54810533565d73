/* The lines of --folded, put in order (folded.c) and then printed (folded_print.c). */
#ifndef AP_REPORT_FOLDED_H
#define AP_REPORT_FOLDED_H

#include "report/table.h"
#include "report/trie.h"

struct folded_line {
	uint32_t command; /* its rank among the labels */
	uint32_t place;   /* of its node, depth first */
	uint32_t node, label;
	int64_t now, n, then; /* weight and samples; weight in the base */
};
struct folded_spot {
	uint32_t parent, label, depth; /* parent: a place */
};
struct folded {
	struct report_labels labels;
	struct report_trie trie;
	uint32_t *rank;            /* of each label in the order of their texts */
	struct folded_spot *spots; /* the nodes of the tree by place: a walk to the root stays near */
	size_t *length;            /* of each label's text */
	struct folded_line *lines;
	size_t n, cap;
	double scale; /* of the base */
	bool both;
	struct report_table *table; /* JSON and CSV; NULL: text */
};

int report_folded_print(const struct folded *f, FILE *out); /* the rows; 0, or a negative errno */

#endif
