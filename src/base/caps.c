/* capget(2) by number: glibc has no call for it, and libcap would be a library for one question. */
#include "base/caps.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

bool ap_cap_effective(int cap)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return cap >= 0 && cap < 32 * _LINUX_CAPABILITY_U32S_3 && !syscall(SYS_capget, &header, data) &&
	       (data[cap / 32].effective >> cap % 32 & 1);
}
