/* A view: what a filter leaves of a file, as one row a distinct (stack, thread name). Every report is made from one. */
#ifndef AP_REPORT_VIEW_H
#define AP_REPORT_VIEW_H

#include "report/names.h"
#include "report/scope.h"

struct report_row {
	uint32_t stack, comm; /* comm: in scope.comms */
	int64_t weight, n;    /* n: samples */
};
struct ap_view {
	struct report_names names;
	struct report_scope scope;
	struct report_row *rows; /* in order of stack, then of the thread's name */
	size_t n_rows;
	struct ap_quality quality;
	int64_t file_samples; /* read, before any filter */
};

/* Which stacks have a function or a module that the filter asks for, by stack id; NULL where it asks for none. The caller frees. */
int report_matching_stacks(const struct report_names *n, const struct ap_report_filter *f, bool **ret_stacks, struct ap_why *why);
/* quality of a view whose rows are there. */
int report_quality_fill(sqlite3 *db, struct ap_view *v, struct ap_why *why);

#endif
