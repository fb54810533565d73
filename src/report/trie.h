/* A tree of labels: one node a distinct path. A parent's index is lower than its children's; node 0 is the root. */
#ifndef AP_REPORT_TRIE_H
#define AP_REPORT_TRIE_H

#include "base/hash.h"
#include "report/labels.h"

struct report_node {
	uint32_t parent, label;
	uint32_t child, next;    /* first child, next sibling; 0: none */
	int64_t self, total;     /* weight; the caller's to fill */
	int64_t self_n, total_n; /* samples */
};
struct report_trie {
	struct report_node *v;
	size_t n, cap;
	struct ap_index index;
};

int report_trie_init(struct report_trie *t);
/* The child of `at` with that label, made if it is not there. */
int report_trie_child(struct report_trie *t, uint32_t at, uint32_t label, uint32_t *ret_node);
void report_trie_sum(struct report_trie *t); /* totals from self; once */
/* Puts the children of every node in the order of `compare`, which takes two nodes and a context. */
int report_trie_sort(struct report_trie *t, int (*compare)(const void *a, const void *b, void *ctx), void *ctx);
void report_trie_done(struct report_trie *t);

/* Adds the stacks of a view, from the root; inverted: leaf first. Says for each of the view's rows where its path ends (the caller frees).
 */
int report_trie_plant(struct report_trie *t, const struct ap_view *view, const uint32_t *of_line, bool invert, uint32_t **ret_node_of_row);

#endif
