/* A filter as a condition of SQL, for a reader that walks the samples itself. */
#ifndef AP_REPORT_FILTER_H
#define AP_REPORT_FILTER_H

#include "report/report.h"

/* Prepares `select` FROM sample_row s WHERE the filter lets it through, then `tail`. --function and --module are not looked at: they are of
 * stacks. f->event may be a comma-separated list here; NULL: the one event that a report would show. One such statement at a time on a
 * connection: the next call, and closing the connection, free what this one resolved. */
int report_filter_prepare(
	sqlite3 *db, const char *select, const struct ap_report_filter *f, const char *tail, sqlite3_stmt **ret, struct ap_why *why);

#endif
