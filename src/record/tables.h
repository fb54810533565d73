/* The unwind tables of the binaries seen, built when an address in them is first unwound, evicted by least use. */
#ifndef AP_RECORD_TABLES_H
#define AP_RECORD_TABLES_H

#include "proc/tracker.h"
#include "unwind/unwind.h"

struct ap_tables;

int ap_tables_new(uint64_t max_bytes, struct ap_tables **ret_tables); /* 0, -ENOMEM */
struct ap_tables *ap_tables_free(struct ap_tables *t);

/* Fills what ap_unwind wants to know of an address of this binary: kind, table, and the reason where there is none. */
void ap_tables_site(struct ap_tables *t, const struct ap_binary *b, struct ap_unwind_site *ret_site);

uint64_t ap_tables_evicted(const struct ap_tables *t);

#endif
