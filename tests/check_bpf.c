/* The parts of the eBPF source that need no kernel: room, order, the ring's reader, records, and stacks that end at what was mapped since.
 */
#include "config.h"

#include "bpf/decode.h"
#include "bpf/layout.h"
#include "bpf/order.h"
#include "bpf/ringbuf.h"
#include "bpf/space.h"
#include "bpf/stale.h"
#include "tests/check_main.h"
#include "tests/random.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each unit has at most one owner, and all of them come back. */
START_TEST(space_gives_each_unit_once)
{
	enum { UNITS = 300, PIECES = 40 };
	unsigned char owned[UNITS] = {0};
	uint32_t at[PIECES], n[PIECES] = {0};
	uint64_t seed = 7;
	struct space s;

	ck_assert_int_eq(space_init(&s, UNITS), 0);
	for (int round = 0; round < 20000; round++) {
		unsigned i = next_random(&seed) % PIECES;
		uint32_t wanted = 1 + next_random(&seed) % 20;

		if (n[i]) {
			ck_assert_int_eq(space_give(&s, at[i], n[i]), 0);
			memset(owned + at[i], 0, n[i]);
			n[i] = 0;
		} else if (!space_take(&s, wanted, &at[i])) {
			ck_assert_uint_le(at[i] + wanted, UNITS);
			for (uint32_t k = 0; k < wanted; k++)
				ck_assert(!owned[at[i] + k]++);
			n[i] = wanted;
		}
	}
	for (unsigned i = 0; i < PIECES; i++)
		if (n[i])
			ck_assert_int_eq(space_give(&s, at[i], n[i]), 0);
	ck_assert_uint_eq(s.used, 0);
	ck_assert_int_eq(space_take(&s, UNITS, &at[0]), 0);
	ck_assert_int_eq(space_take(&s, 1, &at[1]), -ENOSPC);
	space_done(&s);
}
END_TEST

START_TEST(order_is_by_time_and_stable)
{
	struct ap_bpf_order o = {NULL, NULL};
	struct ap_event e = {.kind = AP_EVENT_EXIT, .size = sizeof e};
	const struct ap_event *got;
	uint64_t seed = 3, last = 0, n = 0;
	uint32_t last_cpu = 0, tag;

	for (uint32_t i = 0; i < 2000; i++) {
		e.time_ns = i + next_random(&seed) % 16;
		e.cpu = i;
		ck_assert_int_eq(ap_bpf_order_put(&o, &e, i), 0);
	}
	for (; (got = ap_bpf_order_first(&o, &tag)); n++, ap_bpf_order_drop(&o)) {
		ck_assert_uint_eq(tag, got->cpu);
		ck_assert(got->time_ns > last || (got->time_ns == last && (!n || got->cpu > last_cpu)));
		last = got->time_ns;
		last_cpu = got->cpu;
	}
	ck_assert_uint_eq(n, 2000);
	ck_assert_int_eq(ap_bpf_order_put(&o, &e, 0), 0);
	ap_bpf_order_done(&o);
	ck_assert_ptr_null(o.newest);
}
END_TEST

/* A ring without a kernel: the reader over two mappings of one memory. */
struct ring_memory {
	struct ap_bpf_ring ring;
	uint64_t consumer, producer;
	unsigned char *data;
	size_t size;
};

static void ring_memory(struct ring_memory *m)
{
	int fd = memfd_create("ring", MFD_CLOEXEC);

	memset(m, 0, sizeof *m);
	m->size = (size_t)sysconf(_SC_PAGESIZE);
	ck_assert(fd >= 0 && !ftruncate(fd, (off_t)m->size));
	m->data = mmap(NULL, 2 * m->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_ptr_eq(
			mmap(m->data + i * m->size, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), m->data + i * m->size);
	close(fd);
	m->ring = (struct ap_bpf_ring){.consumer = &m->consumer, .producer = &m->producer, .data = m->data, .size = m->size};
}

static void produce(struct ring_memory *m, const void *bytes, uint32_t n, uint32_t flags)
{
	unsigned char *at = m->data + (m->producer & (m->size - 1));
	uint32_t header = n | flags;

	memcpy(at, &header, sizeof header);
	memcpy(at + BPF_RINGBUF_HDR_SZ, bytes, n);
	m->producer += (n + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
}

START_TEST(ring_wraps_skips_and_waits)
{
	struct ring_memory m;
	unsigned char bytes[100];
	const unsigned char *got;
	size_t n;

	ring_memory(&m);
	for (unsigned i = 0; i < 1000; i++) { /* around many times, over the edge */
		memset(bytes, (int)i, sizeof bytes);
		produce(&m, bytes, 90, BPF_RINGBUF_DISCARD_BIT);
		produce(&m, bytes, 1 + i % 100, 0);
		ap_bpf_ring_look(&m.ring);
		got = ap_bpf_ring_peek(&m.ring, &n);
		ck_assert_ptr_nonnull(got);
		ck_assert_uint_eq(n, 1 + i % 100);
		ck_assert(!memcmp(got, bytes, n));
		ap_bpf_ring_skip(&m.ring);
		ck_assert_ptr_null(ap_bpf_ring_peek(&m.ring, &n));
		ck_assert_uint_eq(m.consumer, m.producer);
	}
	produce(&m, bytes, 8, BPF_RINGBUF_BUSY_BIT);
	produce(&m, bytes, 8, 0);
	ap_bpf_ring_look(&m.ring);
	ck_assert_ptr_null(ap_bpf_ring_peek(&m.ring, &n)); /* what is being written holds back what comes behind it */
	munmap(m.data, 2 * m.size);
}
END_TEST

START_TEST(decode_refuses_what_does_not_add_up)
{
	enum { HEAD = offsetof(struct ap_bpf_record, s), EVENT = sizeof(struct ap_sample) + 32, ALL = HEAD + EVENT };
	_Alignas(8) unsigned char record[ALL], other[ALL], room[EVENT];
	struct ap_sample *s = (struct ap_sample *)(record + HEAD);
	uint64_t *words = (uint64_t *)(s + 1), *out = (uint64_t *)(room + sizeof *s);
	uint64_t seed = 11;

	memset(record, 0, sizeof record);
	*(uint32_t *)record = 77; /* exec_id */
	s->h.kind = AP_EVENT_SAMPLE;
	s->h.size = EVENT;
	s->n_kernel = s->n_user = 2;
	for (uint64_t i = 0; i < 4; i++)
		words[i] = 100 * (i + 1);
	ck_assert_int_eq(ap_bpf_decode(record, ALL, room, EVENT), 1);
	ck_assert(out[0] == 100 && out[1] == 199 && out[2] == 300 && out[3] == 400);
	ck_assert_uint_eq(((struct ap_event *)room)->pad, 77);
	ck_assert_int_eq(ap_bpf_decode(record, ALL, room, EVENT - 1), -EBADMSG);
	for (size_t n = 0; n < ALL; n++)
		ck_assert_int_eq(ap_bpf_decode(record, n, room, EVENT), -EBADMSG);
	s->n_user = 3;
	ck_assert_int_eq(ap_bpf_decode(record, ALL, room, EVENT), -EBADMSG);
	s->n_user = 2;
	words[0] = (uint64_t)PERF_CONTEXT_KERNEL; /* a precise event's stack: no frame */
	ck_assert_int_eq(ap_bpf_decode(record, ALL, room, EVENT), 1);
	ck_assert_uint_eq(((struct ap_event *)room)->size, EVENT - 8);
	ck_assert(out[0] == 200 && out[1] == 300 && out[2] == 400);
	((struct ap_event *)room)->pad = 0;
	ck_assert_int_eq(ap_event_check(room, EVENT - 8), 0);
	words[0] = 100;
	for (int round = 0; round < 20000; round++) { /* whatever is taken is an event that holds together */
		memcpy(other, record, ALL);
		for (int k = 0; k < 3; k++)
			other[next_random(&seed) % (ALL - 32)] = (unsigned char)next_random(&seed);
		if (ap_bpf_decode(other, ALL, room, EVENT) == 1) {
			((struct ap_event *)room)->pad = 0; /* between the source's parts alone */
			ck_assert_int_eq(ap_event_check(room, EVENT), 0);
		}
	}
}
END_TEST

/* One block, one change in it; what was unwound by the block that cannot have it ends at the change, all else is left alone. */
START_TEST(a_stack_ends_at_what_was_mapped_meanwhile)
{
	struct {
		struct ap_sample s;
		uint64_t words[5];
	} e, first = {.s = {.h = {.time_ns = 100, .pid = 7, .kind = AP_EVENT_SAMPLE, .size = sizeof e},
			      .n_kernel = 1,
			      .n_user = 4,
			      .end = AP_STACK_END_COMPLETE},
		     .words = {0x5000, 0x1010, 0x2010, 0x5010, 0x6010}};
	struct ap_mmap m = {.h = {.time_ns = 50, .pid = 7}, .start = 0x2000, .length = 0x1000};
	static struct ap_bpf_stale t;

	ap_bpf_stale_note(&t, &m, 3);
	m.h.pid = 7 + AP_BPF_STALE_PIDS;
	ap_bpf_stale_note(&t, &m, 9);
	e = first;
	ap_bpf_stale_cut(&t, &e.s, 4); /* its block is younger */
	ck_assert_uint_eq(e.s.n_user, 4);
	e.s.h.time_ns = 49; /* it came before */
	ap_bpf_stale_cut(&t, &e.s, 3);
	ck_assert_uint_eq(e.s.n_user, 4);
	e = first;
	ap_bpf_stale_cut(&t, &e.s, 3);
	ck_assert_uint_eq(e.s.n_user, 2);
	ck_assert_uint_eq(e.s.end, AP_STACK_END_REPLACED);
	ck_assert_int_eq(ap_event_check(&e, e.s.h.size), 0);
	ck_assert_uint_eq(t.cut, 1);
	e = first;
	e.s.h.time_ns = 50 + 3000000000; /* by then the block that has it was published, or all are cold */
	ap_bpf_stale_cut(&t, &e.s, 3);
	ck_assert_uint_eq(e.s.n_user, 4);
	for (int i = 0; i < 2 * AP_BPF_STALE_MAX; i++)
		ap_bpf_stale_note(&t, &m, 9);
	ck_assert_uint_eq(t.n, AP_BPF_STALE_MAX);
	ck_assert_uint_eq(t.forgotten, AP_BPF_STALE_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bpf");
	TCase *t = tcase_create("bpf");

	tcase_add_test(t, space_gives_each_unit_once);
	tcase_add_test(t, order_is_by_time_and_stable);
	tcase_add_test(t, ring_wraps_skips_and_waits);
	tcase_add_test(t, decode_refuses_what_does_not_add_up);
	tcase_add_test(t, a_stack_ends_at_what_was_mapped_meanwhile);
	suite_add_tcase(s, t);
	return check_main(s);
}
