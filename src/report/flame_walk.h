/* The stacks of one file on their way into the tree. For each group: flame_walk_group, flame_walk_take for its stacks, flame_walk_plant;
 * then node says where each stack ends. */
#ifndef AP_REPORT_FLAME_WALK_H
#define AP_REPORT_FLAME_WALK_H

#include "report/flame_tree.h"

struct flame_walk {
	const struct report_names *names;
	uint32_t *first, *frames; /* the tree's frames of file frame f: frames[first[f]] .. frames[first[f + 1] - 1], outermost first */
	uint32_t *node;           /* by stack id, in this group; 0: not taken; UINT32_MAX: not planted yet */
	uint32_t *todo;           /* the stacks taken and all above them */
	uint32_t *room;		  /* as todo, for putting it in order */
	uint32_t *depth, deepest; /* by stack id */
	uint32_t *count;	  /* by depth */
	size_t n;
	uint32_t group_node;
};

int flame_walk_init(struct flame_walk *w, struct flame_tree *t, const struct report_names *names);
void flame_walk_done(struct flame_walk *w); /* also after an init that failed */
int flame_walk_group(struct flame_walk *w, struct flame_tree *t, uint32_t group);
void flame_walk_take(struct flame_walk *w, uint32_t stack); /* an id of names, or 0 */
int flame_walk_plant(struct flame_walk *w, struct flame_tree *t);

#endif
