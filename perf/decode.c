/* A cursor walks the record and never passes its end; a record that would make it is malformed. */
#include "perf/decode.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <string.h>

enum { TRAILER = 32 /* sample_id_all with TID, TIME, CPU, IDENTIFIER */ };

struct cursor {
	const unsigned char *at, *end;
	bool bad;
};

#if defined(__x86_64__)
/* perf's number of each DWARF register */
static const uint8_t PERF_REG[AP_REG_COUNT] = {PERF_REG_X86_AX, PERF_REG_X86_DX, PERF_REG_X86_CX, PERF_REG_X86_BX, PERF_REG_X86_SI,
	PERF_REG_X86_DI, PERF_REG_X86_BP, PERF_REG_X86_SP, PERF_REG_X86_R8, PERF_REG_X86_R9, PERF_REG_X86_R10, PERF_REG_X86_R11,
	PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14, PERF_REG_X86_R15, PERF_REG_X86_IP};
#else
static const uint8_t PERF_REG[AP_REG_COUNT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
	26, 27, 28, 29, 30, 31, 32};
#endif

uint64_t ap_perf_regs_mask(void)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < AP_REG_COUNT; i++)
		mask |= 1ull << PERF_REG[i];
	return mask;
}

static uint64_t take_u64(struct cursor *c)
{
	uint64_t v = 0;

	if (c->end - c->at < (ptrdiff_t)sizeof v) {
		c->bad = true;
		return 0;
	}
	memcpy(&v, c->at, sizeof v);
	c->at += sizeof v;
	return v;
}

static const unsigned char *take(struct cursor *c, uint64_t n)
{
	const unsigned char *p = c->at;

	if (c->bad || n > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return NULL;
	}
	c->at += n;
	return p;
}

static uint64_t u64_at(const unsigned char *p, size_t i)
{
	uint64_t v;

	memcpy(&v, p + 8 * i, sizeof v);
	return v;
}

/* SAMPLE: identifier, ip, pid|tid, time, ...; the others end in pid|tid, time, cpu, identifier. */
uint64_t ap_perf_record_time(const struct perf_event_header *h, const struct ap_perf_format *f)
{
	const unsigned char *p = (const unsigned char *)h;

	if (h->type == PERF_RECORD_SAMPLE)
		return h->size < sizeof *h + 32 ? 0 : u64_at(p + sizeof *h, 3);
	return h->size < sizeof *h + TRAILER ? 0 : u64_at(p + h->size - TRAILER, 1);
}

static uint32_t index_of(const struct ap_perf_format *f, uint64_t id)
{
	size_t low = 0, high = f->n_ids, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (f->ids[middle].id == id)
			return f->ids[middle].event;
		if (f->ids[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

/* The chain's addresses behind the right marker; a caller's address is its return address less one. */
static void take_chain(const unsigned char *chain, uint64_t n, bool user_chain, struct ap_sample *s, uint64_t *room, size_t max)
{
	uint64_t context = PERF_CONTEXT_USER, ip;
	size_t put = 0;
	bool first = true;

	for (uint64_t i = 0; i < n && put < max; i++) {
		ip = u64_at(chain, i);
		if (ip >= PERF_CONTEXT_MAX) {
			context = ip;
			first = true;
			continue;
		}
		if (context == PERF_CONTEXT_KERNEL && !s->n_user)
			s->n_kernel++;
		else if (context == PERF_CONTEXT_USER && user_chain)
			s->n_user++;
		else
			continue;
		room[put++] = first ? ip : ip - 1;
		first = false;
	}
}

static size_t take_regs(struct cursor *c, struct ap_regs *regs, uint64_t abi)
{
	uint64_t mask = ap_perf_regs_mask();
	const unsigned char *values = take(c, 8 * (uint64_t)__builtin_popcountll(mask));

	if (!values)
		return 0;
	for (size_t i = 0; i < AP_REG_COUNT; i++)
		regs->r[i] = u64_at(values, (size_t)__builtin_popcountll(mask & ((1ull << PERF_REG[i]) - 1)));
	regs->known = (1ull << AP_REG_COUNT) - 1;
	return sizeof *regs;
}

/* Registers and stack behind the addresses; returns the bytes that they take. */
static size_t take_user(struct cursor *c, struct ap_sample *s, unsigned char *room, size_t max)
{
	uint64_t abi = take_u64(c), size, used;
	const unsigned char *stack;
	struct ap_regs regs;

	if (abi && !take_regs(c, &regs, abi))
		return 0;
	size = take_u64(c);
	stack = take(c, size);
	used = size ? take_u64(c) : 0;
	if (c->bad || used > size || sizeof regs + used + 8 > max) {
		c->bad = c->bad || used > size || sizeof regs + used + 8 > max;
		return 0;
	}
	if (!abi) {
		s->end = s->n_kernel ? AP_STACK_END_KERNEL_ONLY : AP_STACK_END_NO_REGS;
		return 0;
	}
	if (abi == PERF_SAMPLE_REGS_ABI_32)
		s->h.flags |= AP_SAMPLE_COMPAT;
	s->h.flags |= AP_SAMPLE_REGS;
	s->stack_size = (uint32_t)used;
	memcpy(room, &regs, sizeof regs);
	if (used)
		memcpy(room + sizeof regs, stack, used);
	memset(room + sizeof regs + used, 0, -used & 7);
	return sizeof regs + ((used + 7) & ~7ull);
}

static int decode_sample(const struct perf_event_header *h, const struct ap_perf_format *f, struct ap_sample *s, size_t room)
{
	struct cursor c = {(const unsigned char *)(h + 1), (const unsigned char *)h + h->size, false};
	uint64_t id = take_u64(&c), ip = take_u64(&c), pid_tid = take_u64(&c), time = take_u64(&c), cpu = take_u64(&c), period = take_u64(&c), n;
	unsigned mode = h->misc & PERF_RECORD_MISC_CPUMODE_MASK;
	uint64_t *addresses = (uint64_t *)(s + 1);
	const unsigned char *chain;
	size_t max = (room - sizeof *s) / 8, behind = 0;

	memset(s, 0, sizeof *s);
	s->h = (struct ap_event){.time_ns = time, .pid = (uint32_t)pid_tid, .tid = (uint32_t)(pid_tid >> 32), .cpu = (uint32_t)cpu,
		.kind = AP_EVENT_SAMPLE};
	s->weight = period;
	s->event = index_of(f, id);
	s->end = AP_STACK_END_NONE;
	if (mode == PERF_RECORD_MISC_KERNEL)
		s->h.flags |= AP_SAMPLE_KERNEL_MODE;
	if (f->sample_type & PERF_SAMPLE_CALLCHAIN) {
		n = take_u64(&c);
		chain = n <= UINT16_MAX ? take(&c, 8 * n) : NULL;
		if (!chain)
			return -EBADMSG;
		take_chain(chain, n, f->user_chain, s, addresses, max < UINT16_MAX ? max : UINT16_MAX);
		s->end = f->user_chain && s->n_user ? AP_STACK_END_FRAME_POINTERS : AP_STACK_END_KERNEL_ONLY;
	} else if (mode == PERF_RECORD_MISC_KERNEL) {
		addresses[s->n_kernel++] = ip;
	} else {
		addresses[s->n_user++] = ip;
	}
	if (f->sample_type & PERF_SAMPLE_REGS_USER)
		behind = take_user(&c, s, (unsigned char *)(addresses + s->n_kernel + s->n_user), room - sizeof *s - 8u * (s->n_kernel + s->n_user));
	if (c.bad || s->event == UINT32_MAX)
		return -EBADMSG;
	s->h.size = (uint32_t)(sizeof *s + 8u * (s->n_kernel + s->n_user) + behind);
	return 1;
}

/* The part of a record that is neither header nor trailer, and the event header from the trailer. */
static bool body(const struct perf_event_header *h, struct cursor *c, struct ap_event *e)
{
	const unsigned char *trailer = (const unsigned char *)h + h->size - TRAILER;

	if (h->size < sizeof *h + TRAILER)
		return false;
	*c = (struct cursor){(const unsigned char *)(h + 1), trailer, false};
	*e = (struct ap_event){.time_ns = u64_at(trailer, 1), .pid = (uint32_t)u64_at(trailer, 0), .tid = (uint32_t)(u64_at(trailer, 0) >> 32),
		.cpu = (uint32_t)u64_at(trailer, 2)};
	return true;
}

static int decode_mmap2(const struct perf_event_header *h, struct ap_mmap *m, size_t room)
{
	struct cursor c;
	const unsigned char *id, *path;
	uint64_t pid_tid, device, protection;
	size_t n;

	memset(m, 0, sizeof *m);
	if (!body(h, &c, &m->h))
		return -EBADMSG;
	pid_tid = take_u64(&c);
	m->start = take_u64(&c);
	m->length = take_u64(&c);
	m->file_offset = take_u64(&c);
	id = take(&c, 24);
	protection = take_u64(&c);
	if (c.bad)
		return -EBADMSG;
	if (h->misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		m->build_id_size = id[0] <= sizeof m->build_id ? id[0] : 0;
		memcpy(m->build_id, id + 4, m->build_id_size);
	} else {
		device = u64_at(id, 0);
		m->device_major = (uint32_t)device;
		m->device_minor = (uint32_t)(device >> 32);
		m->inode = u64_at(id, 1);
		m->inode_generation = u64_at(id, 2);
	}
	m->protection = (uint32_t)protection;
	m->map_flags = (uint32_t)(protection >> 32);
	m->h.kind = AP_EVENT_MMAP;
	m->h.pid = (uint32_t)pid_tid;
	m->h.tid = (uint32_t)(pid_tid >> 32);
	path = c.at;
	n = strnlen((const char *)path, (size_t)(c.end - c.at));
	if (n == (size_t)(c.end - c.at) || sizeof *m + n + 8 > room || m->start + m->length < m->start)
		return -EBADMSG;
	memset(m->path, 0, (n + 8) & ~7ul);
	memcpy(m->path, path, n);
	m->h.size = (uint32_t)((offsetof(struct ap_mmap, path) + n + 8) & ~7ul);
	return 1;
}

static int decode_comm(const struct perf_event_header *h, struct ap_comm *e)
{
	struct cursor c;
	uint64_t pid_tid;

	memset(e, 0, sizeof *e);
	if (!body(h, &c, &e->h))
		return -EBADMSG;
	pid_tid = take_u64(&c);
	if (c.bad)
		return -EBADMSG;
	e->h.pid = (uint32_t)pid_tid;
	e->h.tid = (uint32_t)(pid_tid >> 32);
	e->h.kind = h->misc & PERF_RECORD_MISC_COMM_EXEC ? AP_EVENT_EXEC : AP_EVENT_COMM;
	e->h.size = sizeof *e;
	memcpy(e->comm, c.at, strnlen((const char *)c.at, (size_t)(c.end - c.at) < 15 ? (size_t)(c.end - c.at) : 15));
	return 1;
}

static int decode_task(const struct perf_event_header *h, struct ap_fork *e)
{
	struct cursor c;
	uint64_t pids, tids;

	memset(e, 0, sizeof *e);
	if (!body(h, &c, &e->h))
		return -EBADMSG;
	pids = take_u64(&c);
	tids = take_u64(&c);
	if (c.bad)
		return -EBADMSG;
	e->h.pid = (uint32_t)pids;
	e->h.tid = (uint32_t)tids;
	e->parent_pid = (uint32_t)(pids >> 32);
	e->parent_tid = (uint32_t)(tids >> 32);
	e->h.kind = h->type == PERF_RECORD_FORK ? AP_EVENT_FORK : AP_EVENT_EXIT;
	e->h.size = sizeof *e;
	return 1;
}

static int decode_lost(const struct perf_event_header *h, const struct ap_perf_format *f, struct ap_lost *e)
{
	struct cursor c;
	uint64_t first;

	memset(e, 0, sizeof *e);
	if (!body(h, &c, &e->h))
		return -EBADMSG;
	e->h.kind = AP_EVENT_LOST;
	e->h.size = sizeof *e;
	e->cause = AP_LOSS_RING_FULL;
	e->event = UINT32_MAX;
	first = take_u64(&c);
	if (h->type == PERF_RECORD_THROTTLE) {
		e->cause = AP_LOSS_THROTTLED;
		e->n = 1;
	} else if (h->type == PERF_RECORD_LOST) {
		e->event = index_of(f, first);
		e->n = take_u64(&c);
	} else {
		e->n = first;
	}
	return c.bad ? -EBADMSG : 1;
}

int ap_perf_decode(const struct perf_event_header *h, const struct ap_perf_format *f, void *event, size_t room)
{
	switch (h->type) {
	case PERF_RECORD_SAMPLE:
		return decode_sample(h, f, event, room);
	case PERF_RECORD_MMAP2:
		return decode_mmap2(h, event, room);
	case PERF_RECORD_COMM:
		return decode_comm(h, event);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return decode_task(h, event);
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
	case PERF_RECORD_THROTTLE:
		return decode_lost(h, f, event);
	default:
		return 0;
	}
}
