/* The scratch of a walk, and its windows of 4 KiB onto the stack: one user read costs as much as thirty loads. All state of a walk lies in this
 * per-CPU scratch: what a loop's callback keeps there does not multiply the verifier's states. */
#ifndef AP_BPF_WINDOW_BPF_H
#define AP_BPF_WINDOW_BPF_H

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

#endif
