/* --from and --to. */
#ifndef AP_REPORT_WHEN_H
#define AP_REPORT_WHEN_H

#include "base/why.h"

#include <stdbool.h>
#include <stdint.h>

struct report_when {
	bool given;
	bool absolute; /* ns is CLOCK_REALTIME, else ns since the start of each run */
	int64_t ns;
};

/* "1.5s", "200ms", "3" (seconds) since the start of a run; or an RFC 3339 time, "2026-11-24T10:00:00.5Z" or with +01:00, the zone UTC where
 * it is left out. NULL: not given. -EINVAL with a sentence naming the option. */
int report_when_parse(const char *option, const char *s, struct report_when *ret_when, struct ap_why *why);

#endif
