/* What a page is written from. */
#ifndef AP_REPORT_FLAME_H
#define AP_REPORT_FLAME_H

#include "report/flame_select.h"
#include "report/flame_tree.h"

struct flame {
	const struct ap_report_options *o;
	const struct ap_view *view, *base_view; /* base_view NULL: none */
	struct flame_tree tree;
	struct flame_selection selection, base; /* the events and groups of both are in `selection` */
	size_t sides;                           /* 1, or 2 with a base */
	uint64_t factor[FLAME_EVENTS_MAX];      /* weight of each sample, where all are alike; 0: they are not */
	bool skip[4 * FLAME_EVENTS_MAX];        /* by column: [event][side][samples, weight] */
};

/* The whole page, of at most FLAME_PAGE_MAX bytes. */
enum { FLAME_PAGE_MAX = 2 << 20 };
int flame_write(sqlite3 *db, const struct flame *f, FILE *out, struct ap_why *why);

#endif
