/* What a sample weighs whose row has no weight: the period of its event. For who reads `sample_row` itself; the view `sample` does the same
 * for SQL, at a look-up a row. */
#ifndef AP_STORE_PERIODS_H
#define AP_STORE_PERIODS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct ap_period {
	int64_t event, period;
};
struct ap_periods {
	struct ap_period *v; /* by event id, rising */
	size_t n, last;      /* last: of the sample before */
};
/* Of the file's events; zeroed before. 0, -ENOMEM or -EIO; ap_periods_done in any case. */
int ap_periods_load(sqlite3 *db, struct ap_periods *p);
void ap_periods_done(struct ap_periods *p);
/* 0: no such event, or one without a period, as SUM leaves NULL out. */
int64_t ap_periods_of(struct ap_periods *p, int64_t event);

#endif
