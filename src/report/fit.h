/* Names on a terminal: escaped, and as wide as there is room. */
#ifndef AP_REPORT_FIT_H
#define AP_REPORT_FIT_H

#include "report/report.h"

/* Appends the name, escaped, cut in its middle to at most `columns` (0: whole), and says how many columns it takes. */
int report_fit(struct ap_buf *b, const char *name, size_t columns, size_t *ret_width);

#endif
