/* The unwind tables of the binaries seen, built when an address in them is first unwound, one a build ID, evicted by least use. A large
 * file's table is built on a thread of its own, so that no ring overflows meanwhile. All calls come from one thread. */
#ifndef AP_RECORD_TABLES_H
#define AP_RECORD_TABLES_H

#include "proc/tracker.h"
#include "unwind/unwind.h"

#include <stdbool.h>

struct ap_tables;

int ap_tables_new(uint64_t max_bytes, struct ap_tables **ret_tables); /* 0, -ENOMEM */
/* Before the tracker, whose binaries the thread may be reading. */
struct ap_tables *ap_tables_free(struct ap_tables *t);

/* Fills what ap_unwind wants to know of an address of this binary: kind, table, and the reason where there is none. True; or false while
 * the table is being built: ask again after ap_tables_collect has returned true. `now`: build it here and return true in any case. */
bool ap_tables_site(struct ap_tables *t, const struct ap_binary *b, bool now, struct ap_unwind_site *ret_site);

/* Whether tables have come from the thread since the last call. */
bool ap_tables_collect(struct ap_tables *t);
/* The same, but waits for one if any is being built, at most so long; UINT64_MAX: without a bound. */
bool ap_tables_wait(struct ap_tables *t, uint64_t wait_ns);

uint64_t ap_tables_evicted(const struct ap_tables *t);
uint64_t ap_tables_built(const struct ap_tables *t);

#endif
