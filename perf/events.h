/* From the names that -e takes to what perf_event_open takes. */
#ifndef AP_PERF_EVENTS_H
#define AP_PERF_EVENTS_H

#include "base/why.h"

#include <linux/perf_event.h>
#include <stdbool.h>

/* Fills type, config, config1, config2, precise_ip and the exclude bits. Software and generic hardware events by the kernel's names
 * (cpu-clock, page-faults, cycles, ...), all others by libpfm4; modifiers :u, :k, :P, :p..:ppp. 0, or -EINVAL and why. */
int ap_perf_event_parse(const char *name, struct perf_event_attr *ret_attr, struct ap_why *why);

#endif
