/* The one header that knows the processor: where a user-space register of the current task is. */
#ifndef AP_BPF_ARCH_BPF_H
#define AP_BPF_ARCH_BPF_H

#include "base/regs.h"
#include "bpf/maps.bpf.h"

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
enum { USER32_CS = 0x23, ARCH_LEAF_FRAMES = 1 /* that need no memory: a return address is on the stack */ };

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

		at = (const char *)BPF_CORE_READ(task, stack) + cfg_kernel_stack - sizeof regs;
	}
	if (bpf_probe_read_kernel(&regs, sizeof regs, at) || !(regs.cs & 3))
		return false;
	ARCH_COPY(ret, FROM_STACK);
	*ret_compat = regs.cs == USER32_CS;
	return true;
}
#elif defined(__aarch64__)
/* include/uapi/asm/ptrace.h and asm/bpf_perf_event.h; a kernel's own struct pt_regs begins with the same and goes on */
struct bpf_perf_event_data {
	struct {
		uint64_t regs[31], sp, pc, pstate;
	} regs;
	uint64_t sample_period;
	uint64_t addr;
};
struct pt_regs___kernel {
	int unused;
} __attribute__((preserve_access_index));
enum { PSTATE_EXCEPTION_LEVEL = 0xf, PSTATE_32 = 0x10, ARCH_LEAF_FRAMES = 2 /* that need no memory: the first's caller is in x30 */ };
_Static_assert(AP_REG_SP == 31 && AP_REG_PC == 32, "struct ap_regs has the kernel's order");

static __always_inline bool arch_in_user(struct bpf_perf_event_data *ctx)
{
	return !(ctx->regs.pstate & PSTATE_EXCEPTION_LEVEL);
}

/* Each at an offset that the compiler knows: the verifier takes no other access to the context. */
#define FROM_CTX(i) (ret->r[i] = ((volatile struct bpf_perf_event_data *)ctx)->regs.regs[i])
#define FROM_CTX_8(i) \
	(FROM_CTX(i), FROM_CTX(i + 1), FROM_CTX(i + 2), FROM_CTX(i + 3), FROM_CTX(i + 4), FROM_CTX(i + 5), FROM_CTX(i + 6), FROM_CTX(i + 7))

/* False: there are none. */
static __always_inline bool arch_user_regs(struct bpf_perf_event_data *ctx, struct ap_regs *ret, bool have_helper, bool *ret_compat)
{
	uint64_t pstate;
	const char *at;

	ret->known = (1ull << AP_REG_COUNT) - 1;
	if (arch_in_user(ctx)) {
		FROM_CTX_8(0), FROM_CTX_8(8), FROM_CTX_8(16);
		FROM_CTX(24), FROM_CTX(25), FROM_CTX(26), FROM_CTX(27), FROM_CTX(28), FROM_CTX(29), FROM_CTX(30);
		ret->r[AP_REG_SP] = ((volatile struct bpf_perf_event_data *)ctx)->regs.sp;
		ret->r[AP_REG_PC] = ((volatile struct bpf_perf_event_data *)ctx)->regs.pc;
		*ret_compat = ctx->regs.pstate & PSTATE_32;
		return true;
	}
	if (have_helper) {
		at = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else { /* before 5.15: at the end of the stack */
		struct task_struct *task = (void *)bpf_get_current_task();

		at = (const char *)BPF_CORE_READ(task, stack) + cfg_kernel_stack - bpf_core_type_size(struct pt_regs___kernel);
	}
	if (bpf_probe_read_kernel(ret->r, sizeof ret->r, at) || bpf_probe_read_kernel(&pstate, sizeof pstate, at + sizeof ret->r))
		return false;
	if (pstate & PSTATE_EXCEPTION_LEVEL)
		return false;
	*ret_compat = pstate & PSTATE_32;
	return true;
}
#else
#error "bpf/arch.bpf.h does not know this processor"
#endif

#endif
