/* What runs already when a recording begins. */
#ifndef AP_RECORD_TARGETS_H
#define AP_RECORD_TARGETS_H

#include "event/source.h"
#include "proc/tracker.h"

/* All processes, read in slices while events come: a machine with a thousand takes longer than the rings hold. Zeroed: none. */
struct ap_targets {
	uint32_t *pids; /* NULL: none are left */
	size_t n, cap, at;
};

/* Lets the tracker read /proc of -p, -t and the command (pid > 0 when it runs already); with -a it only lists them. Those that have gone
 * meanwhile are no failure, nor are those for which there is no memory: what a sample names is read when it comes. */
void ap_targets_scan(struct ap_targets *all, struct ap_tracker *t, const struct ap_source_config *cfg, pid_t command);
/* A few milliseconds' worth of the list. True: there is more. */
bool ap_targets_step(struct ap_targets *all, struct ap_tracker *t);
void ap_targets_done(struct ap_targets *all);

#endif
