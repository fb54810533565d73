/* A table while it is built: rows in ascending order, each distinct rule once. Private to src/unwind. */
#ifndef AP_UNWIND_ROWS_H
#define AP_UNWIND_ROWS_H

#include "base/hash.h"
#include "unwind/table.h"

struct ap_rows {
	struct ap_unwind_table *t; /* NULL before init */
	struct ap_index index;     /* of rules */
	uint64_t max_bytes;        /* 0: none */
	uint64_t until;            /* where the last range ends; a gap behind it has no rule */
	bool any;
};

int ap_rows_init(struct ap_rows *r, uint64_t max_bytes); /* 0, -ENOMEM */
/* The rule of [start, end), which begins where the range before ends or later. 0, -ENOMEM, -E2BIG past max_bytes or a named limit. */
int ap_rows_range(struct ap_rows *r, uint64_t start, uint64_t end, const struct ap_rule *rule);
/* The table, trimmed: 0; -ENODATA when there was no range. */
int ap_rows_finish(struct ap_rows *r, struct ap_unwind_table **ret_table);
void ap_rows_done(struct ap_rows *r);

#endif
