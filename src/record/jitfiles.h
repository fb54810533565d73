/* The files that a JIT leaves for profilers: /tmp/perf-PID.map and jitdump. */
#ifndef AP_RECORD_JITFILES_H
#define AP_RECORD_JITFILES_H

#include "proc/tracker.h"

/* The perf map of a process, in its own mount namespace and by its pid in its own pid namespace while it lives, else in ours. Opened with
 * care: a regular file, never blocking. -1: there is none. */
int ap_jit_open_map(uint32_t pid);
/* The jitdump that the process has mapped, whose descriptor stays the tracker's; -1: none. */
int ap_jit_find_dump(struct ap_binary *const *binaries, size_t n, uint32_t pid);

#endif
