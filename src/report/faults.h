/* What is missing from a view, the worst first, each with the remedy that a user can apply. */
#ifndef AP_REPORT_FAULTS_H
#define AP_REPORT_FAULTS_H

#include "report/view.h"

enum { FAULTS_PER_KIND = 3, FAULTS_MAX = 3 * FAULTS_PER_KIND };
enum report_fault_kind { FAULT_LOST, FAULT_CUT, FAULT_UNNAMED };

struct report_fault {
	enum report_fault_kind kind;
	int64_t n;            /* samples lost, stacks cut, frames without a name; counted over the samples */
	double pct;           /* of the samples with the lost ones, of the stacks, of the frames */
	const char *what;     /* the cause, the reason or the module's path; raw bytes */
	struct ap_why remedy; /* "" when there is none */
};
struct report_faults {
	struct report_fault v[FAULTS_MAX];
	size_t n;
	struct ap_arena strings;
};

int report_faults_find(sqlite3 *db, const struct ap_view *v, struct report_faults *ret_faults); /* 0, -ENOMEM, -EIO */
void report_faults_done(struct report_faults *f);

#endif
