/* The user stack, unwound in the kernel with the frame step of src/unwind. Each pc's rule comes from a small cache in front of the tables;
 * the stack is read in windows of 4 KiB, for one user read costs as much as thirty loads. All state lies in a per-CPU scratch: what a loop's
 * callback keeps there does not multiply the verifier's states. */
#ifndef AP_BPF_UNWIND_BPF_H
#define AP_BPF_UNWIND_BPF_H

#include "bpf/maps.bpf.h"

struct scratch {
	struct ap_regs regs, next;
	struct ap_bpf_proc proc;
	uint64_t unwind_ns; /* cfg_timing */
	uint64_t window_base;		  /* address of window[0]; 0: nothing was read yet */
	uint64_t window_from, window_to; /* what of it was read */
	uint32_t n;	      /* user frames so far */
	uint32_t epoch;
	bool exact;	      /* the pc is an instruction's, not a return address */
	bool chained;	      /* the frame was found by frame pointers */
	bool cold;	      /* something is not known here: user space unwinds this one */
	uint8_t end;
	struct ap_bpf_record record;
	unsigned char window[AP_BPF_WINDOW + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY); /* by CPU, set before load */
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* Reads the second page behind the first, once. */
static __always_inline int extend_window(struct scratch *s)
{
	uint64_t second = s->window_base + AP_BPF_PAGE;

	if (s->window_to != second || bpf_probe_read_user(s->window + AP_BPF_PAGE, AP_BPF_PAGE, (void *)second))
		return -1;
	s->window_to = second + AP_BPF_PAGE;
	return 0;
}

/* Counted from the window's base, for an address may be so high that one behind it is 0. */
static __always_inline bool is_read(const struct scratch *s, uint64_t address, uint64_t bytes)
{
	return address - s->window_base + bytes <= s->window_to - s->window_base;
}

static __always_inline int begin_window(struct scratch *s, uint64_t at)
{
	uint64_t inside = at & (AP_BPF_PAGE - 1);

	s->window_from = at;
	s->window_base = s->window_to = at - inside;
	if (bpf_probe_read_user(s->window + inside, AP_BPF_PAGE - inside, (void *)at))
		return -1;
	s->window_to += AP_BPF_PAGE;
	return 0;
}

/* The window onto the stack: two pages, each read alone and when it is needed, for a read that runs into an unmapped page costs a fault. It
 * begins at the frame's stack pointer, or where the bytes lie far from it, or it cannot be read there, at the bytes. */
static __noinline int move_window(struct scratch *s, uint64_t address, uint64_t bytes)
{
	uint64_t at = s->regs.r[AP_REG_SP];

	if (s->window_to != s->window_base && address - s->window_from < AP_BPF_WINDOW && address - s->window_base + bytes <= AP_BPF_WINDOW)
		return extend_window(s);
	if (address < at || address - at + bytes > AP_BPF_PAGE)
		at = address;
	if (begin_window(s, at) && (at == address || begin_window(s, address)))
		return -1;
	return is_read(s, address, bytes) ? 0 : extend_window(s);
}

static __always_inline int ready(void *ctx, uint64_t address, uint64_t bytes)
{
	struct scratch *s = ctx;

	if (address - s->window_from < AP_BPF_WINDOW && is_read(s, address, bytes))
		return 0;
	return move_window(s, address, bytes);
}

/* The stack pointer may be any number, and both processors load a word from anywhere; byte by byte would cost the hot path. */
static __always_inline __attribute__((no_sanitize("alignment"))) uint64_t load(void *ctx, uint64_t address)
{
	struct scratch *s = ctx;

	return *(uint64_t *)(s->window + ((address - s->window_base) & (AP_BPF_WINDOW - 1)));
}

static __always_inline int read_word(void *ctx, uint64_t address, uint64_t *ret)
{
	if (ready(ctx, address, 8))
		return -1;
	*ret = load(ctx, address);
	return 0;
}
#define AP_STEP_READ read_word
#define AP_STEP_READY ready
#define AP_STEP_LOAD load
#include "unwind/pointer.h"
#include "unwind/short.h"

/* 1 where a < b, of numbers below 2^63. The searches have no branches, for the verifier would walk every path, 2^n of them. The asm keeps the
 * compiler from making a mask of it (s>>= 63, then &): Linux 7.3 follows both values of such a mask, as if it were a branch. */
static __always_inline uint64_t is_below(uint64_t a, uint64_t b)
{
	uint64_t below = (a - b) >> 63;

	asm volatile("" : "+r"(below));
	return below;
}

/* The mapping that holds pc. A pc above 2^63 may compare wrongly, but is in no mapping, which the last line finds. A place behind the list's end
 * is not looked at: the list's first is, for nothing. */
static __noinline struct ap_bpf_mapping *find_mapping(const struct scratch *s, uint64_t pc)
{
	uint64_t n = s->proc.n, pos = 0, at, below;
	uint32_t first = s->proc.first, index;
	struct ap_bpf_mapping *m;

	if (!n) /* before the search: behind it the verifier would have to follow n through all of it */
		return NULL;
	for (uint64_t k = (AP_BPF_BLOCK_MAX + 1) / 2; k > 0; k /= 2) {
		at = pos + k;
		below = is_below(at, n);
		index = first + (uint32_t)(below * at);
		m = bpf_map_lookup_elem(&mappings, &index);
		if (!m)
			return NULL;
		pos += (below & is_below(m->start, pc + 1)) * k;
	}
	index = first + (uint32_t)pos;
	m = bpf_map_lookup_elem(&mappings, &index);
	return m && m->start <= pc && pc < m->end ? m : NULL;
}

static __noinline const struct ap_bpf_chunk *find_chunk(const struct ap_bpf_binary *b, uint32_t pc)
{
	uint64_t n = b->n_chunks, pos = 0, at, below;
	uint32_t first = b->first_chunk, index;
	struct ap_bpf_chunk *c;

	if (!n)
		return NULL;
	for (uint64_t k = AP_BPF_CHUNKS_MAX / 2; k > 0; k /= 2) {
		at = pos + k;
		below = is_below(at, n);
		index = first + (uint32_t)(below * at);
		c = bpf_map_lookup_elem(&chunks, &index);
		if (!c)
			return NULL;
		pos += (below & is_below(c->first_pc, (uint64_t)pc + 1)) * k;
	}
	index = first + (uint32_t)pos;
	return bpf_map_lookup_elem(&chunks, &index);
}

/* The number of the rule that covers pc in the chunk; UINT32_MAX: none. */
__noinline uint32_t find_row(uint32_t shard, uint32_t offset, uint32_t n, uint32_t pc);
__noinline uint32_t find_row(uint32_t shard, uint32_t offset, uint32_t n, uint32_t pc)
{
	uint32_t zero = 0;
	uint64_t pos = 0, inside, le, v, off;
	unsigned char *bytes;
	void *inner = bpf_map_lookup_elem(&shards, &shard);

	if (!inner || !(bytes = bpf_map_lookup_elem(inner, &zero)) || !n)
		return UINT32_MAX;
#pragma unroll
	for (uint32_t k = 1 << 17; k > 0; k >>= 1) {
		inside = is_below(pos + k, n); /* behind the end the row at hand is looked at again, rather than memory that is in no cache */
		off = (offset + 4 * (pos + inside * k)) & (AP_BPF_SHARD_BYTES - 4);
		v = *(uint32_t *)(bytes + off);
		le = ((v - pc - 1) >> 63) & inside; /* 1 where v <= pc */
		pos += le * k;
	}
	v = *(uint32_t *)(bytes + ((offset + 4 * pos) & (AP_BPF_SHARD_BYTES - 4)));
	if (v > pc)
		return UINT32_MAX;
	off = (offset + 4 * (uint64_t)n + 2 * pos) & (AP_BPF_SHARD_BYTES - 2);
	return *(uint16_t *)(bytes + off);
}

static __always_inline int copy_rule(const struct ap_bpf_binary *b, uint32_t number, struct ap_short_rule *ret)
{
	uint32_t zero = 0, shard = b->rules_shard;
	uint64_t off;
	unsigned char *bytes;
	void *inner = bpf_map_lookup_elem(&shards, &shard);

	if (!inner || !(bytes = bpf_map_lookup_elem(inner, &zero)) || number >= b->n_rules)
		return -1;
	off = (b->rules_offset + number * (uint32_t)sizeof *ret) & ~3u;
	asm volatile("" : "+r"(off)); /* the check and the use in one register */
	if (off > AP_BPF_SHARD_BYTES - sizeof *ret)
		return -1;
	*ret = *(struct ap_short_rule *)(bytes + off);
	return 0;
}

/* A site without a table has its answer in a rule of kinds of its own. */
enum { SITE_FRAME_POINTER = 16, SITE_END = 17, SITE_COLD = 18 };

/* The rule for an address of a binary, by way of what other processes that run the same code have met. False: none can be told now. */
static __noinline int find_rule(struct scratch *s, struct ap_bpf_cache *cache, uint32_t id, uint64_t relative, struct ap_short_rule *ret)
{
	uint32_t at = ((relative ^ (uint64_t)id << 48) * 0x9e3779b97f4a7c15ull >> 52) & (AP_BPF_SHARED - 1), number;
	struct ap_bpf_binary *b = bpf_map_lookup_elem(&binaries, &id);
	struct ap_bpf_cached *known = &cache->shared[at];
	const struct ap_bpf_chunk *c;

	if (!b)
		return 0;
	b->used_at = (uint32_t)(s->record.s.h.time_ns >> 30);
	if (known->pc == relative && known->generation == id && known->epoch == s->epoch) {
		*ret = known->rule;
		return 1;
	}
	relative -= b->base;
	c = relative <= UINT32_MAX ? find_chunk(b, (uint32_t)relative) : NULL;
	number = c ? find_row(c->shard, c->offset, c->n, (uint32_t)relative) : UINT32_MAX;
	ret->kind = SITE_FRAME_POINTER;
	if (number != UINT32_MAX && copy_rule(b, number, ret))
		return 0;
	if (ret->kind == AP_SHORT_NONE)
		ret->kind = SITE_FRAME_POINTER;
	*known = (struct ap_bpf_cached){.pc = relative + b->base, .generation = id, .epoch = s->epoch, .rule = *ret};
	return 1;
}

/* Fills the cache's slot for pc. SITE_COLD is never cached. */
static __noinline uint32_t look_up(struct scratch *s, struct ap_bpf_cache *cache, uint64_t pc, struct ap_bpf_cached *slot)
{
	struct ap_bpf_mapping *m = find_mapping(s, pc);
	struct ap_bpf_binary *b;
	uint32_t id;

	slot->pc = 0;
	if (!m)
		return SITE_COLD;
	id = m->binary;
	b = bpf_map_lookup_elem(&binaries, &id);
	if (!b || b->state == AP_BPF_BINARY_COLD)
		return SITE_COLD;
	slot->rule.kind = SITE_FRAME_POINTER;
	if (b->state == AP_BPF_BINARY_NOTHING) {
		slot->rule.kind = SITE_END;
		slot->rule.depth = (uint8_t)b->end;
	} else if (b->state == AP_BPF_BINARY_TABLE) {
		if (!find_rule(s, cache, id, pc - m->bias, &slot->rule))
			return SITE_COLD;
	}
	slot->generation = s->proc.generation;
	slot->epoch = s->epoch;
	slot->pc = pc;
	return slot->rule.kind;
}

static __noinline int long_step(struct scratch *s, uint32_t number)
{
	struct ap_rule *rule = bpf_map_lookup_elem(&long_rules, &number);
	uint32_t at = s->record.s.n_kernel + s->n - 1;

	if (!rule)
		return AP_STEP_BAD_RULE;
	if (rule->signal && at < AP_BPF_WORDS) /* a trampoline: returned to, but never called from the instruction before it */
		s->record.words[at] = s->regs.r[AP_REG_PC];
	s->exact = rule->signal;
	return ap_step(&s->regs, &s->next, rule, s);
}

static __noinline bool is_start(struct scratch *s)
{
	return ap_pointer_is_start(s->regs.r[AP_REG_SP], s);
}

/* 1: the stack has ended. */
static __noinline int frame_pointer_step(struct scratch *s, bool exact)
{
	bool chained = s->chained;
	int end = AP_STACK_END_COMPLETE;

	s->chained = true;
	if (exact || chained || !is_start(s))
		end = ap_pointer_step(&s->regs, chained, s);
	if (end == AP_POINTER_CALLER)
		return 0;
	s->end = cfg_frame_pointers ? AP_STACK_END_FRAME_POINTERS : end;
	return 1;
}

static __always_inline int end_of(int step)
{
	return step == AP_STEP_OUTERMOST ? AP_STACK_END_COMPLETE
		: step == AP_STEP_UNREADABLE ? AP_STACK_END_DUMP_ENDED
		: step == AP_STEP_NO_PROGRESS ? AP_STACK_END_NO_PROGRESS : AP_STACK_END_BAD_RULE;
}

static __always_inline void begin_walk(struct scratch *s)
{
	s->n = 0;
	s->unwind_ns = 0;
	s->exact = true;
	s->chained = false;
	s->cold = false;
	s->end = AP_STACK_END_DEPTH;
	s->window_base = s->window_from = s->window_to = 0;
	s->epoch = epoch;
}

/* One frame: its address into the record, then up. 1: the stack has ended. */
static __always_inline int one_frame(struct scratch *s, struct ap_bpf_cache *cache)
{
	uint64_t pc = s->regs.r[AP_REG_PC];
	struct ap_bpf_cached *slot;
	bool exact = s->exact;
	uint32_t at, kind;
	int step;

	if (!pc) {
		s->end = AP_STACK_END_COMPLETE;
		return 1;
	}
	if (s->n >= AP_BPF_USER_DEPTH) {
		s->end = AP_STACK_END_DEPTH;
		return 1;
	}
	pc -= !exact;
	at = s->record.s.n_kernel + s->n;
	if (at >= AP_BPF_WORDS)
		return 1;
	s->record.words[at] = pc;
	s->n++;
	at = ((pc ^ (uint64_t)s->proc.generation << 48) * 0x9e3779b97f4a7c15ull >> 54) & (AP_BPF_CACHE - 1);
	slot = &cache->slots[at];
	if (cfg_frame_pointers)
		kind = SITE_FRAME_POINTER;
	else if (slot->pc == pc && slot->generation == s->proc.generation && slot->epoch == s->epoch)
		kind = slot->rule.kind;
	else
		kind = look_up(s, cache, pc, slot);
	s->exact = false;
	if (kind == SITE_COLD) {
		s->cold = true;
		return 1;
	}
	if (kind == SITE_END) {
		s->end = slot->rule.depth;
		return 1;
	}
	if (kind == SITE_FRAME_POINTER)
		return frame_pointer_step(s, exact);
	s->chained = false;
	step = kind == AP_SHORT_LONG ? long_step(s, (uint32_t)slot->rule.cfa_offset) : (int)ap_short_step(&s->regs, &slot->rule, s);
	if (step == AP_STEP_CALLER)
		return 0;
	if (ap_step_lacks_sp(&s->regs, step)) {
		s->exact = false;
		s->chained = true;
		return frame_pointer_step(s, false);
	}
	s->end = end_of(step);
	return 1;
}

#endif
