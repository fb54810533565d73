/* The kernel maps a header page and then the data. Mapped first at +n pages and then at 0, the second mapping's last data page replaces the
 * first one's header, and the data stands twice in a row. Kernels from 6.16 on, and what was
 * backported from them (6.1.192 says -ENOMEM), refuse to split a ring's mapping: there the ring is
 * mapped once, and the rare record that wraps is put together in a buffer. */
#include "perf/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_twice(struct ap_ring *r, int fd, size_t page, size_t size)
{
	unsigned char *base = mmap(NULL, page + 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (base == MAP_FAILED)
		return -errno;
	if (mmap(base + size, page + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
		mmap(base, page + size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		err = -errno;
		munmap(base, page + 2 * size);
		return err;
	}
	r->page = (struct perf_event_mmap_page *)base;
	r->mapped = page + 2 * size;
	return 0;
}

static int map_once(struct ap_ring *r, int fd, size_t page, size_t size)
{
	void *base = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int err;

	if (base == MAP_FAILED)
		return -errno;
	r->joined = malloc(UINT16_MAX + 1);
	if (!r->joined) {
		err = -ENOMEM;
		munmap(base, page + size);
		return err;
	}
	r->page = base;
	r->mapped = page + size;
	return 0;
}

int ap_ring_map(struct ap_ring *r, int fd, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err = map_twice(r, fd, page, size);

	if (err == -EINVAL || err == -ENOMEM) /* 6.1's name for the refusal to split */
		err = map_once(r, fd, page, size);
	if (err)
		return err;
	r->data = (unsigned char *)r->page + page;
	r->size = size;
	r->tail = r->head = r->released = r->page->data_tail;
	return 0;
}

void ap_ring_unmap(struct ap_ring *r)
{
	if (r->page)
		munmap(r->page, r->mapped);
	r->page = NULL;
	free(r->joined);
	r->joined = NULL;
}

void ap_ring_look(struct ap_ring *r)
{
	r->head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
}

void ap_ring_release(struct ap_ring *r)
{
	if (r->released == r->tail)
		return;
	__atomic_store_n(&r->page->data_tail, r->tail, __ATOMIC_RELEASE);
	r->released = r->tail;
}

/* Records are 8-aligned, so a header never wraps. */
static const struct perf_event_header *join(struct ap_ring *r, const struct perf_event_header *h)
{
	size_t at = r->tail & (r->size - 1), first = r->size - at;

	if (h->size <= first)
		return h;
	memcpy(r->joined, h, first);
	memcpy(r->joined + first, r->data, h->size - first);
	return (const struct perf_event_header *)r->joined;
}

const struct perf_event_header *ap_ring_peek(struct ap_ring *r, int *ret_bad)
{
	uint64_t there = r->head - r->tail;
	const struct perf_event_header *h = (const struct perf_event_header *)(r->data + (r->tail & (r->size - 1)));

	if (!there)
		return NULL;
	if (there > r->size || there < sizeof *h || h->size < sizeof *h || h->size > there) {
		r->tail = r->head;
		ap_ring_release(r);
		*ret_bad = 1;
		return NULL;
	}
	return r->joined ? join(r, h) : h;
}

void ap_ring_skip(struct ap_ring *r, const struct perf_event_header *h)
{
	r->tail += h->size;
}
