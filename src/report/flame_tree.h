/* The merged tree of a flame graph: below the root one node a group (a thread or a command), below those one node a distinct (parent,
 * function, module, kind). A parent has a lower index than its children. Every node has one value a column: samples and weight of each
 * event, and the same again for the file that is compared with. */
#ifndef AP_REPORT_FLAME_TREE_H
#define AP_REPORT_FLAME_TREE_H

#include "base/hash.h"
#include "report/names.h"

/* How a box is coloured; flame_data.js has the same list. */
enum flame_kind { FLAME_USER, FLAME_KERNEL, FLAME_INLINED, FLAME_JIT, FLAME_CUT, FLAME_OTHER };

struct flame_node {
	uint32_t parent; /* of the root: itself, 0 */
	uint32_t frame;  /* of a child of the root: the group's number */
};
struct flame_frame {
	uint32_t name, module, file; /* numbers of strings */
	int kind;
	int64_t line; /* of the first stack that came this way */
};
struct flame_cell {
	uint32_t node; /* + 1; 0: free */
	uint32_t tag;  /* of the hash: mostly says without a look at the node that it is another one */
};
struct flame_tree {
	struct flame_node *nodes;
	size_t n, cap;
	int64_t *values; /* self until flame_tree_sum, then `totals` beside it; node * columns + column */
	int64_t *totals; /* NULL until flame_tree_sum */
	size_t values_cap, columns;
	struct flame_frame *frames;
	size_t n_frames, frames_cap;
	const char **strings;
	size_t n_strings, strings_cap;
	struct flame_cell *cells; /* open addressing; a power of two, at most half full */
	size_t n_cells;
	struct ap_index frame_index, string_index;
	struct ap_arena arena;
};

/* Makes the root; strings given are copied. `expected`: nodes, as a guess. */
int flame_tree_init(struct flame_tree *t, size_t columns, size_t expected);
void flame_tree_done(struct flame_tree *t);
int flame_tree_string(struct flame_tree *t, const char *s, uint32_t *ret);
uint32_t flame_tree_find(const struct flame_tree *t, const char *s); /* the string's number, or AP_INDEX_NONE */

int flame_tree_frame(struct flame_tree *t, const struct report_line *l, const char *module, int kind, uint32_t *ret_frame);
/* From *at to its child with that frame, made if it is not there. */
int flame_tree_child(struct flame_tree *t, uint32_t frame, uint32_t *at);
/* That child is asked for soon. */
static inline void flame_tree_fetch(const struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	__builtin_prefetch(&t->cells[ap_hash_u64((uint64_t)parent << 32 | frame) & (t->n_cells - 1)]);
}

int flame_tree_sum(struct flame_tree *t); /* fills totals; once, after the last add */

#endif
