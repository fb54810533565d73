/* The scratch of a walk, and its window onto the stack: one user read costs as much as thirty loads, and a cache line that nobody needs as
 * much as ten. All state of a walk lies in this per-CPU scratch: what a loop's callback keeps there does not multiply the verifier's states. */
#ifndef AP_BPF_WINDOW_BPF_H
#define AP_BPF_WINDOW_BPF_H

#include "bpf/maps.bpf.h"

struct scratch {
	struct ap_regs regs, next;
	struct ap_bpf_proc proc;
	uint64_t unwind_ns; /* cfg_timing */
	uint64_t window_base;  /* address of window[0]; 0: nothing was asked for yet */
	uint64_t window_bytes; /* so many of it were read */
	uint32_t n;	      /* user frames so far */
	uint32_t epoch;
	bool exact;	      /* the pc is an instruction's, not a return address */
	bool chained;	      /* the frame was found by frame pointers */
	bool cold;	      /* something is not known here: user space unwinds this one */
	uint8_t end;
	struct ap_bpf_record record;
	unsigned char window[2 * AP_BPF_WINDOW]; /* the verifier adds up the most that there is and the most that is read */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY); /* by CPU, set before load */
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* Functions that are not static, as those of the rare ways here, are verified once, not at each call and in each state; until Linux 5.12 they
 * take plain numbers alone, so they are told the CPU whose scratch it is. */
static __always_inline struct scratch *scratch_of(uint32_t cpu)
{
	return bpf_map_lookup_elem(&scratches, &cpu);
}

/* Reads on until `until` and AP_BPF_READ_AHEAD bytes more, but those only of the same page: a read that runs into an unmapped page costs a
 * fault. Addresses are counted from the base, for one may be so high that the one behind it is 0. */
static __always_inline int extend_window(struct scratch *s, uint64_t until)
{
	uint64_t have = s->window_bytes, want = until - s->window_base, of_page = -until & (AP_BPF_PAGE - 1), n;

	want += of_page < AP_BPF_READ_AHEAD ? of_page : AP_BPF_READ_AHEAD;
	n = (want < AP_BPF_WINDOW ? want : AP_BPF_WINDOW) - have;
	asm volatile("" : "+r"(n), "+r"(have)); /* the checks and the uses in one register */
	if (have >= AP_BPF_WINDOW || n > AP_BPF_WINDOW || bpf_probe_read_user(s->window + have, (uint32_t)n, (void *)(s->window_base + have)))
		return -1;
	s->window_bytes = have + n;
	return 0;
}

static __always_inline int begin_window(struct scratch *s, uint64_t at, uint64_t until)
{
	s->window_base = at;
	s->window_bytes = 0;
	return extend_window(s, until);
}

/* The window grows as frames are met. It begins at the frame's stack pointer, or where the bytes lie far from it, or it cannot be read there,
 * at the bytes. */
__noinline int move_window(uint32_t cpu, uint64_t address, uint64_t bytes);
__noinline int move_window(uint32_t cpu, uint64_t address, uint64_t bytes)
{
	struct scratch *s = scratch_of(cpu);
	uint64_t at, off;

	if (!s)
		return -1;
	at = s->regs.r[AP_REG_SP];
	off = address - s->window_base;
	if (s->window_bytes && off < s->window_bytes + AP_BPF_READ_AHEAD && off + bytes <= AP_BPF_WINDOW)
		return extend_window(s, address + bytes);
	if (address < at || address - at > AP_BPF_READ_AHEAD)
		at = address;
	if (!begin_window(s, at, address + bytes))
		return 0;
	return at == address ? -1 : begin_window(s, address, address + bytes);
}

static __always_inline int ready(void *ctx, uint64_t address, uint64_t bytes)
{
	struct scratch *s = ctx;
	uint64_t off = address - s->window_base;

	if (off < s->window_bytes && off + bytes <= s->window_bytes)
		return 0;
	return move_window(s->record.s.h.cpu, address, bytes);
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

#endif
