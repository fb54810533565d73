/* capget(2) and capset(2) by number: glibc has no calls for them, and libcap would be a library for two questions. */
#include "base/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

bool ap_cap_effective(int cap)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return cap >= 0 && cap < 32 * _LINUX_CAPABILITY_U32S_3 && !syscall(SYS_capget, &header, data) &&
	       (data[cap / 32].effective >> cap % 32 & 1);
}

bool ap_cap_known(int cap)
{
	return prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
}

uint64_t ap_caps_ambient(void)
{
	uint64_t mask = 0;

	for (int cap = 0; cap < 64 && ap_cap_known(cap); cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			mask |= AP_CAP_MASK(cap);
	return mask;
}

int ap_caps_keep(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective &= (uint32_t)(keep >> (32 * i));
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}
