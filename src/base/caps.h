/* Which capabilities this thread holds, for sentences about a refusal (the kernel alone decides what they allow), and giving some up. */
#ifndef AP_BASE_CAPS_H
#define AP_BASE_CAPS_H

#include <stdbool.h>
#include <stdint.h>

/* bits of include/uapi/linux/capability.h; numbers, since old headers lack them */
enum {
	AP_CAP_DAC_OVERRIDE = 1,
	AP_CAP_DAC_READ_SEARCH = 2,
	AP_CAP_FOWNER = 3,
	AP_CAP_KILL = 5,
	AP_CAP_SETGID = 6,
	AP_CAP_SETUID = 7,
	AP_CAP_SYS_CHROOT = 18,
	AP_CAP_SYS_PTRACE = 19,
	AP_CAP_SYS_ADMIN = 21,
	AP_CAP_SYSLOG = 34,
	AP_CAP_PERFMON = 38,
	AP_CAP_BPF = 39,
	AP_CAP_CHECKPOINT_RESTORE = 40,
};
#define AP_CAP_MASK(cap) (UINT64_C(1) << (cap))

/* Whether bit `cap` is in the effective set; false where that cannot be asked. */
bool ap_cap_effective(int cap);
/* Whether the kernel knows that capability at all. */
bool ap_cap_known(int cap);
/* The set that an executed program is given too; 0 where that cannot be asked. */
uint64_t ap_caps_ambient(void);
/* Gives up, for good, what is not in the mask `keep`: of this thread and of the threads and processes that it makes from now on. */
int ap_caps_keep(uint64_t keep);

#endif
