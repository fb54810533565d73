/* What runs already when a recording begins. */
#ifndef AP_RECORD_TARGETS_H
#define AP_RECORD_TARGETS_H

#include "event/source.h"
#include "proc/tracker.h"

/* Lets the tracker read /proc of every target: -p and -t, the command (pid > 0 when it runs already), or all. Those that have gone
 * meanwhile are no failure. */
void ap_targets_scan(struct ap_tracker *t, const struct ap_source_config *cfg, pid_t command);

#endif
