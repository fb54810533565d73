/* The comma-separated values of a filter. */
#ifndef AP_REPORT_LISTS_H
#define AP_REPORT_LISTS_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_RANGES_MAX = 1024, REPORT_RUN_PREFIX_MIN = 4 };

struct report_ranges { /* of whole numbers, both ends in it; n == 0: everything */
	struct {
		int64_t first, last;
	} v[REPORT_RANGES_MAX];
	size_t n;
};

/* "1,5-8"; NULL: everything. -EINVAL with a sentence that begins with the option. */
int report_ranges_parse(const char *option, const char *list, struct report_ranges *ret_ranges, struct ap_why *why);
bool report_ranges_have(const struct report_ranges *r, int64_t v);

/* -EINVAL where a list of names is there and empty, so that `--comm "$UNSET"` is no report of everything. */
int report_names_check(const char *option, const char *list, struct ap_why *why);
bool report_names_have(const char *list, const char *name);    /* NULL list: everything */
bool report_prefixes_have(const char *list, const char *name); /* the same; a prefix of REPORT_RUN_PREFIX_MIN bytes or more is enough */

#endif
