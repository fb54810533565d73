/* A record's header is its length with two flags; a record that is still being written stops the reader. */
#include "bpf/ringbuf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int ap_bpf_ring_map(struct ap_bpf_ring *r, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *producer;
	int err;

	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		err = -errno;
		munmap(consumer, page);
		return err;
	}
	*r = (struct ap_bpf_ring){.consumer = consumer, .producer = producer, .data = (unsigned char *)producer + page, .size = size, .page = page};
	r->at = r->end = *r->consumer;
	return 0;
}

void ap_bpf_ring_unmap(struct ap_bpf_ring *r)
{
	if (r->consumer) {
		munmap(r->consumer, r->page);
		munmap((void *)(uintptr_t)r->producer, r->page + 2 * r->size);
	}
	memset(r, 0, sizeof *r);
}

void ap_bpf_ring_look(struct ap_bpf_ring *r)
{
	r->end = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

static size_t whole(uint32_t length)
{
	return ((length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT)) + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
}

static uint32_t header(const struct ap_bpf_ring *r)
{
	return __atomic_load_n((const uint32_t *)(r->data + (r->at & (r->size - 1))), __ATOMIC_ACQUIRE);
}

static void advance(struct ap_bpf_ring *r, uint32_t length)
{
	r->at += whole(length);
	__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
}

const void *ap_bpf_ring_peek(struct ap_bpf_ring *r, size_t *ret_size)
{
	uint32_t length;

	while (r->at < r->end) {
		length = header(r);
		if (length & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		if (!(length & BPF_RINGBUF_DISCARD_BIT)) {
			*ret_size = length;
			return r->data + (r->at & (r->size - 1)) + BPF_RINGBUF_HDR_SZ;
		}
		advance(r, length);
	}
	return NULL;
}

void ap_bpf_ring_skip(struct ap_bpf_ring *r)
{
	advance(r, header(r));
}
