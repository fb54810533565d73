/* The one header that knows the processor: where a user-space register of the current task is. */
#ifndef AP_BPF_ARCH_BPF_H
#define AP_BPF_ARCH_BPF_H

#include "base/regs.h"

#if defined(__x86_64__)
/* include/uapi/asm/ptrace.h: an interface to user space, the same in every kernel */
struct ap_bpf_pt_regs {
	uint64_t r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
struct bpf_perf_event_data {
	struct ap_bpf_pt_regs regs;
	uint64_t sample_period;
	uint64_t addr;
};
enum { USER32_CS = 0x23, KERNEL_STACK = 16 << 10 };

static __always_inline bool arch_in_user(struct bpf_perf_event_data *ctx)
{
	return ctx->regs.cs & 3;
}

#define ARCH_COPY(to, from)                                                                                             \
	do {                                                                                                           \
		(to)->r[0] = from(ax), (to)->r[1] = from(dx), (to)->r[2] = from(cx), (to)->r[3] = from(bx);        \
		(to)->r[4] = from(si), (to)->r[5] = from(di), (to)->r[6] = from(bp), (to)->r[7] = from(sp);        \
		(to)->r[8] = from(r8), (to)->r[9] = from(r9), (to)->r[10] = from(r10), (to)->r[11] = from(r11);    \
		(to)->r[12] = from(r12), (to)->r[13] = from(r13), (to)->r[14] = from(r14), (to)->r[15] = from(r15); \
		(to)->r[16] = from(ip);                                                                               \
	} while (0)

/* volatile: the compiler would merge the two copies, and the verifier takes no other pointer to the context than the context itself */
#define FROM_CTX(field) (((volatile struct bpf_perf_event_data *)ctx)->regs.field)
#define FROM_STACK(field) (regs.field)

/* False: there are none. */
static __always_inline bool arch_user_regs(struct bpf_perf_event_data *ctx, struct ap_regs *ret, bool have_helper, bool *ret_compat)
{
	struct ap_bpf_pt_regs regs;
	const void *at;

	ret->known = (1ull << AP_REG_COUNT) - 1;
	if (arch_in_user(ctx)) {
		ARCH_COPY(ret, FROM_CTX);
		*ret_compat = ctx->regs.cs == USER32_CS;
		return true;
	}
	if (have_helper) {
		at = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else { /* before 5.15: at the end of the stack */
		struct task_struct *task = (void *)bpf_get_current_task();

		at = (const char *)BPF_CORE_READ(task, stack) + KERNEL_STACK - sizeof regs;
	}
	if (bpf_probe_read_kernel(&regs, sizeof regs, at) || !(regs.cs & 3))
		return false;
	ARCH_COPY(ret, FROM_STACK);
	*ret_compat = regs.cs == USER32_CS;
	return true;
}
#else
#error "bpf/arch.bpf.h does not know this processor"
#endif

#endif
