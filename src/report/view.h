/* A view: what a filter leaves of a file, as one row a distinct (stack, thread name). Every report is made from one. */
#ifndef AP_REPORT_VIEW_H
#define AP_REPORT_VIEW_H

#include "report/names.h"
#include "report/scope.h"

struct report_row {
	uint32_t stack, comm; /* comm: in scope.comms */
	int64_t weight, n;    /* n: samples */
};
struct report_part {
	uint32_t event, thread; /* rows in scope; thread REPORT_NO_ROW: none */
};
struct ap_view {
	struct report_names names;
	struct report_scope scope;
	struct report_row *rows; /* in order of stack, then of the thread's name */
	size_t n_rows;
	/* AP_VIEW_PAGE: of all events that the filter lets through, in order of stack, then of part; `comm` is a place in parts */
	struct report_row *sums; /* NULL: not kept */
	size_t n_sums;
	struct report_part *parts;
	size_t n_parts;
	bool one_event; /* the filter names it */
	struct ap_quality quality;
	int64_t file_samples; /* read, before any filter */
};

static inline uint32_t report_comm_of(const struct report_scope *s, uint32_t thread)
{
	return thread == (uint32_t)REPORT_NO_ROW ? 0 : s->threads[thread].comm;
}

/* Sums of the samples that pass, by thread name, or by part (made in v->parts). `stacks`: which, by id; NULL: all. The caller frees. */
int report_view_scan(sqlite3 *db, struct ap_view *v, const bool *stacks, bool parts, struct report_row **ret_rows, size_t *ret_n);

/* Which stacks have a function or a module that the filter asks for, by stack id; NULL where it asks for none. The caller frees. */
int report_matching_stacks(const struct report_names *n, const struct ap_report_filter *f, bool **ret_stacks, struct ap_why *why);
/* quality of a view whose rows are there. */
int report_quality_fill(sqlite3 *db, struct ap_view *v, struct ap_why *why);

#endif
