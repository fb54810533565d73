/* The executable mappings of one process, sorted by address and never overlapping. Shared copy-on-write between a process and its forks. */
#ifndef AP_PROC_MAPS_H
#define AP_PROC_MAPS_H

#include "proc/tracker.h"

enum { AP_MAPS_MAX = 1 << 16 }; /* mappings of one process */

struct ap_map_entry {
	struct ap_mapping m; /* id 0: no row was said yet */
	uint64_t from_ns;    /* 0: was there before we looked */
};

struct ap_maps {
	uint32_t refs;
	const void *owner; /* the process whose ids the entries bear; NULL: nobody's any more */
	struct ap_map_entry *v;
	size_t n, cap;
	size_t last; /* index of the last hit: a guess, checked before use */
};

int ap_maps_new(const void *owner, struct ap_maps **ret_maps);
struct ap_maps *ap_maps_ref(struct ap_maps *m);
struct ap_maps *ap_maps_unref(struct ap_maps *m); /* accepts NULL; returns NULL */
/* A copy for another owner, without ids, its entries from `from_ns` on. */
int ap_maps_clone(const struct ap_maps *m, const void *owner, uint64_t from_ns, struct ap_maps **ret_maps);

/* Hot: the entry that holds the address, or NULL. */
struct ap_map_entry *ap_maps_find(struct ap_maps *m, uint64_t address);
/* Whether anything lies in [start, end). */
bool ap_maps_overlap(const struct ap_maps *m, uint64_t start, uint64_t end);

/* Says that an entry ended; it is about to be changed or removed. */
typedef void (*ap_maps_gone)(void *ctx, const struct ap_map_entry *e);
/* Clears [start, end) at time_ns: what lies inside goes, what sticks out is cut (a new entry without an id). 0 or -ENOMEM (unchanged). */
int ap_maps_clear(struct ap_maps *m, uint64_t start, uint64_t end, uint64_t time_ns, ap_maps_gone gone, void *ctx);
/* Puts e in place of what was there. The same mapping once more changes nothing, and one that only grew keeps its id and from_ns.
 * 0, 1 (an entry that has an id has grown: *ret_entry), -ENOMEM, -E2BIG. *ret_entry is set for 0 and 1. */
int ap_maps_put(struct ap_maps *m, const struct ap_map_entry *e, ap_maps_gone gone, void *ctx, struct ap_map_entry **ret_entry);

#endif
