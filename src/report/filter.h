/* The WHERE part of a filter over `sample s JOIN thread t JOIN process p JOIN run r JOIN host h JOIN event ev`. */
#ifndef AP_REPORT_FILTER_H
#define AP_REPORT_FILTER_H

#include "report/report.h"

/* Prepares `select` + joins + WHERE + `tail` with everything bound. The event is the filter's, or the first of each run. */
int report_filter_prepare(sqlite3 *db, const char *select, const struct ap_report_filter *f, const char *tail, sqlite3_stmt **ret, struct ap_why *why);

#endif
