/* The walk: at each pc the site (mapping and table), the row, one step; frame pointers where there is no table. Reads come from the dumped
 * bytes, and from the living thread above them. */
#include "unwind/unwind.h"

#include "unwind/scan.h"
#include "unwind/table.h"

#include <stdbool.h>
#include <string.h>

enum {
	CHUNK = 4096,
	SAME = 1024,
};

/* The dump; above it, where the request can read the living thread, one chunk at a time. */
struct memory {
	const struct ap_unwind_request *rq;
	const unsigned char *bytes;
	uint64_t from, size;
	uint64_t chunk_from, chunk_size; /* 0: none yet */
	bool stale;                      /* the thread has moved on, or cannot be read */
	unsigned char chunk[CHUNK];
};

/* Whether the last part of the dump is still what the thread has there. */
static bool is_same(const struct memory *m)
{
	unsigned char now[SAME];
	size_t n = m->size < sizeof now ? (size_t)m->size : sizeof now;

	return m->rq->read(m->rq->ctx, m->from + m->size - n, now, n) == n && !memcmp(now, m->bytes + m->size - n, n);
}

static __attribute__((noinline)) int read_live(struct memory *m, uint64_t address, uint64_t *ret)
{
	uint64_t at = address - m->chunk_from;

	if (!m->rq->read || m->stale || m->size < 8 || address < m->from || address - m->from > m->size + AP_UNWIND_LIVE_BYTES_MAX)
		return -1;
	if (m->chunk_size < 8 || at > m->chunk_size - 8) {
		m->chunk_from = address;
		m->chunk_size = m->rq->read(m->rq->ctx, address, m->chunk, CHUNK);
		m->stale = m->chunk_size < 8 || !is_same(m); /* compared last: a move before or during the read shows */
		if (m->stale)
			return -1;
		at = 0;
	}
	memcpy(ret, m->chunk + at, 8);
	return 0;
}

static inline int read_word(void *ctx, uint64_t address, uint64_t *ret)
{
	struct memory *m = ctx;
	uint64_t at = address - m->from;

	if (m->size < 8 || at > m->size - 8)
		return read_live(m, address, ret);
	memcpy(ret, m->bytes + at, 8);
	return 0;
}

/* Bytes at hand: a few words, whose first and last tell of those between. */
static inline int ready(void *ctx, uint64_t address, uint64_t bytes)
{
	uint64_t word;

	return read_word(ctx, address, &word) || read_word(ctx, address + bytes - 8, &word);
}

static inline uint64_t load(void *ctx, uint64_t address)
{
	uint64_t word;

	return read_word(ctx, address, &word) ? 0 : word; /* the thread may have moved on since it was ready */
}
#define AP_STEP_READ read_word
#define AP_STEP_READY ready
#define AP_STEP_LOAD load
#include "unwind/pointer.h"

static enum ap_stack_end end_of(enum ap_step step)
{
	switch (step) {
	case AP_STEP_OUTERMOST:
		return AP_STACK_END_COMPLETE;
	case AP_STEP_UNREADABLE:
		return AP_STACK_END_DUMP_ENDED;
	case AP_STEP_NO_PROGRESS:
		return AP_STACK_END_NO_PROGRESS;
	default:
		return AP_STACK_END_BAD_RULE;
	}
}

struct walk {
	struct ap_regs r, next;
	struct memory m;
	struct ap_unwind_site site;
	bool exact;   /* the frame's pc is that of an instruction, not a return address */
	bool chained; /* the frame was found by frame pointers */
};

static void locate(const struct ap_unwind_request *rq, struct ap_unwind_site *site, uint64_t pc)
{
	if (!site->end_address || pc < site->start || pc >= site->end_address)
		rq->find(rq->ctx, pc, site);
}

/* What a register pointed to that was no frame pointer is hardly ever an address in code: it is no frame then. */
static bool step_by_pointer(const struct ap_unwind_request *rq, struct walk *w, bool chained, enum ap_stack_end *ret_end)
{
	int end = AP_STACK_END_COMPLETE;

	if (w->exact || chained || !ap_pointer_is_start(w->r.r[AP_REG_SP], &w->m))
		end = ap_pointer_step(&w->r, chained, &w->m);
	if (end != AP_POINTER_CALLER) {
		*ret_end = (enum ap_stack_end)end;
		return false;
	}
	locate(rq, &w->site, w->r.r[AP_REG_PC] - 1);
	if (w->site.kind != AP_SITE_NOTHING || w->site.end != AP_STACK_END_UNMAPPED)
		return true;
	*ret_end = AP_STACK_END_NO_TABLE;
	return false;
}

/* The rule of a signal's trampoline outside every table: that of an emulator, or of a C library without the vDSO's. Only what was returned
 * to can be one. */
static const struct ap_rule *trampoline_rule(const struct ap_unwind_request *rq, const struct walk *w)
{
	uint8_t code[AP_TRAMPOLINE_BYTES];

	if (!AP_SCAN || w->exact || !rq->read || rq->read(rq->ctx, w->r.r[AP_REG_PC], code, sizeof code) != sizeof code)
		return NULL;
	return ap_scan_is_trampoline(code) ? ap_scan_trampoline_rule() : NULL;
}

/* From the frame at pc, whose address lies in *ret_address, to its caller's registers. False: the stack ends with *ret_end. */
static bool step_up(const struct ap_unwind_request *rq, struct walk *w, uint64_t pc, uint64_t *ret_address, enum ap_stack_end *ret_end)
{
	struct ap_unwind_site *site = &w->site;
	const struct ap_rule *rule = NULL;
	bool chained = w->chained;
	enum ap_step step;

	locate(rq, site, pc);
	if (site->kind == AP_SITE_NOTHING) {
		*ret_end = site->end;
		return false;
	}
	if (site->kind == AP_SITE_TABLE)
		rule = ap_unwind_table_find(site->table, pc - site->bias);
	if (!rule)
		rule = trampoline_rule(rq, w);
	w->chained = !rule;
	if (!rule) {
		bool more = step_by_pointer(rq, w, chained, ret_end);

		w->exact = false;
		return more;
	}
	if (rule->signal) /* a trampoline: returned to, but never called from the instruction before it */
		*ret_address = w->r.r[AP_REG_PC];
	step = ap_step(&w->r, &w->next, rule, &w->m);
	w->exact = rule->signal && step == AP_STEP_CALLER;
	if (ap_step_lacks_sp(&w->r, step)) {
		w->chained = true;
		return step_by_pointer(rq, w, true, ret_end);
	}
	*ret_end = end_of(step);
	return step == AP_STEP_CALLER;
}

size_t ap_unwind(const struct ap_unwind_request *rq, uint64_t *ret_addresses, size_t max, enum ap_stack_end *ret_end)
{
	struct walk w; /* not cleared: the chunk is large and seldom used */
	uint64_t pc;
	size_t n = 0;

	w.r = *rq->regs;
	w.m.rq = rq;
	w.m.bytes = rq->stack;
	w.m.from = rq->regs->r[AP_REG_SP];
	w.m.size = rq->stack_size;
	w.m.chunk_from = w.m.chunk_size = 0;
	w.m.stale = false;
	w.site.end_address = 0;
	w.exact = true;
	w.chained = false;
	if (!ap_step_known(&w.r, AP_REG_PC)) {
		*ret_end = AP_STACK_END_NO_REGS;
		return 0;
	}
	for (;;) {
		pc = w.r.r[AP_REG_PC];
		if (!pc) {
			*ret_end = AP_STACK_END_COMPLETE;
			return n;
		}
		if (n == max) {
			*ret_end = AP_STACK_END_DEPTH;
			return n;
		}
		pc -= !w.exact;
		ret_addresses[n++] = pc;
		if (!step_up(rq, &w, pc, &ret_addresses[n - 1], ret_end))
			return n;
	}
}
