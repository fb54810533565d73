/* The merged tree of a flame graph: one node a distinct (parent, function, module, kind). A parent has a lower index than its children. */
#ifndef AP_REPORT_FLAME_TREE_H
#define AP_REPORT_FLAME_TREE_H

#include "base/hash.h"
#include "report/names.h"

/* How a box is coloured; flame.js has the same list. */
enum flame_kind { FLAME_USER, FLAME_KERNEL, FLAME_INLINED, FLAME_JIT, FLAME_CUT, FLAME_OTHER, FLAME_COMMAND };

struct flame_node {
	uint32_t parent; /* of the root: itself, 0 */
	uint32_t function, module, file; /* numbers of strings */
	int kind;
	int64_t line; /* of the first sample that came this way */
	int64_t self, total; /* samples */
};
struct flame_tree {
	struct flame_node *nodes;
	size_t n, cap;
	const char **strings;
	size_t n_strings, strings_cap;
	struct ap_index index, string_index;
	struct ap_arena arena;
};

int flame_tree_init(struct flame_tree *t); /* makes the root; the strings given to add are copied */
int flame_tree_add(struct flame_tree *t, const struct report_names *names, const struct ap_selection_row *row);
void flame_tree_sum(struct flame_tree *t); /* totals; once, after the last add */
void flame_tree_done(struct flame_tree *t);

#endif
