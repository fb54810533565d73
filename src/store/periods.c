/* Events are few: a sorted array, and mostly the event is that of the sample before. */
#include "store/periods.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ap_periods_load(sqlite3 *db, struct ap_periods *p)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	int rc, err = 0;

	if (sqlite3_prepare_v2(db, "SELECT id, coalesce(period, 0) FROM event ORDER BY id", -1, &st, NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct ap_period *v = ap_grow(&p->v, &cap, p->n, sizeof *v);

		if (v)
			v[p->n++] = (struct ap_period){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)};
		else
			err = -ENOMEM;
	}
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

void ap_periods_done(struct ap_periods *p)
{
	free(p->v);
	memset(p, 0, sizeof *p);
}

int64_t ap_periods_of(struct ap_periods *p, int64_t event)
{
	size_t low = 0, high = p->n, mid;

	if (p->last < p->n && p->v[p->last].event == event)
		return p->v[p->last].period;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (p->v[mid].event < event)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == p->n || p->v[low].event != event)
		return 0;
	p->last = low;
	return p->v[low].period;
}
