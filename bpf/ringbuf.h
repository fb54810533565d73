/* The reader of a BPF ring buffer, so that a record can be looked at before it is taken: libbpf's reader takes what it shows. The layout is
 * the kernel's interface (kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst): a consumer page, a producer page, the data mapped twice. */
#ifndef AP_BPF_RINGBUF_H
#define AP_BPF_RINGBUF_H

#include <stddef.h>
#include <stdint.h>

struct ap_bpf_ring {
	uint64_t *consumer;	  /* NULL: not mapped */
	const uint64_t *producer;
	const unsigned char *data;
	size_t size, page;
	uint64_t at, end; /* what this look can see */
};

int ap_bpf_ring_map(struct ap_bpf_ring *r, int fd, size_t size); /* 0 or negative errno */
void ap_bpf_ring_unmap(struct ap_bpf_ring *r);
void ap_bpf_ring_look(struct ap_bpf_ring *r); /* takes note of what is there now */
/* The next record, whole and 8-aligned, and its length; NULL: none that is finished. */
const void *ap_bpf_ring_peek(struct ap_bpf_ring *r, size_t *ret_size);
void ap_bpf_ring_skip(struct ap_bpf_ring *r); /* behind peek */

#endif
