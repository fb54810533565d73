/* The perf_event source: one mmap ring per CPU for all events. */
#ifndef AP_PERF_PERF_H
#define AP_PERF_PERF_H

#include "event/source.h"

extern const struct ap_source_ops ap_source_perf;

#endif
