/* One perf mmap ring, its data mapped twice back to back where the kernel allows, so that no record wraps. */
#ifndef AP_PERF_RING_H
#define AP_PERF_RING_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

struct ap_ring {
	struct perf_event_mmap_page *page; /* NULL: not mapped */
	unsigned char *data;		   /* size bytes, and the same again where the kernel allows */
	size_t size;			   /* a power of two */
	size_t mapped;			   /* bytes at page */
	unsigned char *joined;		   /* where the mapping is single: one record put together; else NULL */
	uint64_t tail, head;		   /* head as of the last ap_ring_look */
	uint64_t released;		   /* the tail as the kernel knows it */
};

int ap_ring_map(struct ap_ring *r, int fd, size_t size); /* 0, -EPERM (over the locked-memory limit), other negative errno */
void ap_ring_unmap(struct ap_ring *r);
void ap_ring_look(struct ap_ring *r); /* takes the head as the kernel has it now */
/* The next record before head, whole and in one piece, valid until the next peek of this ring; NULL: none. A header that lies about its size empties the ring (*ret_bad is set). */
const struct perf_event_header *ap_ring_peek(struct ap_ring *r, int *ret_bad);
void ap_ring_skip(struct ap_ring *r, const struct perf_event_header *h);
void ap_ring_release(struct ap_ring *r); /* gives everything skipped back to the kernel */

#endif
