/* The few kernel types that the programs look into, with the fields they use alone: CO-RE finds the rest at load, so that a build needs no
 * kernel's BTF. Names and meanings: include/linux/sched.h, arch/x86/include/asm/ptrace.h, include/linux/perf_event.h. */
#ifndef AP_BPF_VMLINUX_MIN_H
#define AP_BPF_VMLINUX_MIN_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t euid;
};

typedef struct {
	int counter;
} atomic_t;
struct signal_struct {
	atomic_t live; /* threads that have not come to their end */
};
struct task_struct {
	unsigned int flags; /* PF_ */
	int pid, tgid;
	void *stack;
	unsigned int self_exec_id; /* counts the execs; 64 bits wide from 5.7 on, of which the lower half will do */
	const struct cred *cred;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	char comm[16];
};
struct perf_event {
	__u64 id; /* as PERF_EVENT_IOC_ID tells it */
};
struct bpf_perf_event_data_kern { /* what the context of a perf_event program is in truth */
	struct perf_event *event;
};

#pragma clang attribute pop

#endif
