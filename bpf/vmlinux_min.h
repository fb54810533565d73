/* The few kernel types that the programs look into, with the fields they use alone: CO-RE finds the rest at load, so that a build needs no
 * kernel's BTF. Names and meanings: include/linux/sched.h, arch/x86/include/asm/ptrace.h, include/linux/perf_event.h. */
#ifndef AP_BPF_VMLINUX_MIN_H
#define AP_BPF_VMLINUX_MIN_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct {
	unsigned int flags; /* PF_ */
	int pid, tgid;
	void *stack;
};

#pragma clang attribute pop

#endif
