/* (name, module) to small numbers, so that reports compare and hash numbers and not texts; one table may serve two files. Texts are kept by
 * pointer: they must outlive the table. */
#ifndef AP_REPORT_LABELS_H
#define AP_REPORT_LABELS_H

#include "base/hash.h"
#include "report/view.h"

struct report_label {
	const char *name, *module; /* raw bytes, never NULL */
};
struct report_labels {
	struct report_label *v;
	size_t n, cap;
	struct ap_index index;
	struct ap_arena strings; /* for texts made on the way */
};

int report_label(struct report_labels *l, const char *name, const char *module, uint32_t *ret_label);
void report_labels_done(struct report_labels *l);

/* The label of each line of the names, in the order of names.lines. */
enum report_labelling {
	LABEL_FUNCTIONS, /* name and module; the frames of a module that have no name share one, "[module]" */
	LABEL_FRAMES,    /* name and module, each frame without a name on its own */
	LABEL_FOLDED,    /* the name alone, escaped for folded */
};
int report_label_lines(struct report_labels *l, const struct report_names *n, enum report_labelling how, uint32_t **ret_of_line);

#endif
