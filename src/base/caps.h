/* Which capabilities this process holds, for sentences about a refusal: the kernel alone decides what they allow. */
#ifndef AP_BASE_CAPS_H
#define AP_BASE_CAPS_H

#include <stdbool.h>

/* bits of include/uapi/linux/capability.h; numbers, since old headers lack them */
enum { AP_CAP_PERFMON = 38, AP_CAP_BPF = 39 };

/* Whether bit `cap` is in the effective set; false where that cannot be asked. */
bool ap_cap_effective(int cap);

#endif
