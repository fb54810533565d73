/* Frames without a table, the same text in user space and in the BPF program: a step by frame pointer, and how the start of a program is
 * told where no table tells it. Needs what short.h needs. Few branches, and no loop over data: the BPF verifier walks each way. */
#ifndef AP_UNWIND_POINTER_H
#define AP_UNWIND_POINTER_H

#include "base/stack_end.h"
#include "unwind/step.h"

enum {
	AP_POINTER_REACH = 8 << 20,    /* bytes from the stack pointer to the frame */
	AP_POINTER_START_WITHIN = 128, /* bytes from the stack pointer to argc */
	AP_POINTER_ARGC_MAX = 4096,
	AP_POINTER_STRINGS_MAX = 2 << 20, /* bytes of all argument strings, and of the pointers before them */
};
enum { AP_POINTER_CALLER = -1 };

/* Whether argc, argv and envp, as the kernel lays them out (psABI, "Initial Stack and Register State"), begin at `at`: the first and the
 * last argument, which lie above and in order, the NULL behind the last, and a first variable behind that or none. */
static inline int ap_pointer_is_argc(uint64_t at, void *ctx)
{
	uint64_t end = at + AP_POINTER_STRINGS_MAX, argc, first, last, null, variable;

	if (AP_STEP_READY(ctx, at, 16))
		return 0;
	argc = AP_STEP_LOAD(ctx, at);
	first = AP_STEP_LOAD(ctx, at + 8);
	if (argc - 1 >= AP_POINTER_ARGC_MAX || AP_STEP_READY(ctx, at + 8 * argc, 24))
		return 0;
	last = AP_STEP_LOAD(ctx, at + 8 * argc);
	null = AP_STEP_LOAD(ctx, at + 8 * argc + 8);
	variable = AP_STEP_LOAD(ctx, at + 8 * argc + 16);
	return (first > at) & (first < end) & (last >= first + argc - 1) & (last < end) & (null == 0) &
	       ((variable == 0) | ((variable > last) & (variable < end)));
}

/* Whether the frame is the C library's that called main, or its _start: musl has no call frame information for them. argc is where the
 * stack pointer was at the start, and so at a multiple of 16. */
static inline int ap_pointer_is_start(uint64_t sp, void *ctx)
{
	uint64_t at = (sp + 15) & ~15ull;

	for (unsigned i = 0; i < AP_POINTER_START_WITHIN; i += 16)
		if (ap_pointer_is_argc(at + i, ctx))
			return 1;
	return 0;
}

/* push fp; mov fp, sp. AP_POINTER_CALLER, or the enum ap_stack_end of the stack, and then `r` is untouched. `chained`: the step before was
 * one of these, so that fp is a frame pointer and not just some value: 0 is the ABI's mark of the outermost frame then, and one that leads
 * away is of another stack, for Go's systemstack and coroutines keep the chain across their switch. */
static inline int ap_pointer_step(struct ap_regs *r, int chained, void *ctx)
{
	uint64_t fp = r->r[AP_REG_FP], caller_fp, ra;

	if (chained && !fp)
		return AP_STACK_END_COMPLETE;
	if (!ap_step_known(r, AP_REG_FP) || fp % 8 || fp - r->r[AP_REG_SP] > AP_POINTER_REACH)
		return chained && !(fp % 8) ? AP_STACK_END_OTHER_STACK : AP_STACK_END_NO_TABLE;
	if (AP_STEP_READY(ctx, fp, 16))
		return AP_STACK_END_DUMP_ENDED;
	caller_fp = AP_STEP_LOAD(ctx, fp);
	ra = AP_STEP_LOAD(ctx, fp + 8);
	if (!ra)
		return AP_STACK_END_COMPLETE;
	r->r[AP_REG_PC] = ap_step_code(ra);
	r->r[AP_REG_SP] = fp + 16;
	r->r[AP_REG_FP] = caller_fp;
	r->known = ap_step_known_by_pointer();
	return AP_POINTER_CALLER;
}

#endif
