/* Opening and attaching needs CAP_PERFMON, or CAP_SYS_ADMIN where a kernel asks for that; what comes after does not. The kept ones, and what for:
 * the output, wherever it lies (DAC_OVERRIDE, FOWNER); other users' /proc/PID, maps and binaries (SYS_PTRACE, DAC_READ_SEARCH,
 * CHECKPOINT_RESTORE for map_files); names of kernel functions (SYSLOG); maps of the programs, which are filled and made while we record (BPF);
 * signals for the command (KILL); the child that reads names, which becomes nobody in an empty root (SETUID, SETGID, SYS_CHROOT). */
#include "cmd/privilege.h"

#include "base/caps.h"

#include <string.h>
#include <unistd.h>

static const uint64_t KEPT = AP_CAP_MASK(AP_CAP_DAC_OVERRIDE) | AP_CAP_MASK(AP_CAP_DAC_READ_SEARCH) | AP_CAP_MASK(AP_CAP_FOWNER) |
			     AP_CAP_MASK(AP_CAP_KILL) | AP_CAP_MASK(AP_CAP_SETGID) | AP_CAP_MASK(AP_CAP_SETUID) |
			     AP_CAP_MASK(AP_CAP_SYS_CHROOT) | AP_CAP_MASK(AP_CAP_SYS_PTRACE) | AP_CAP_MASK(AP_CAP_SYSLOG) |
			     AP_CAP_MASK(AP_CAP_BPF) | AP_CAP_MASK(AP_CAP_CHECKPOINT_RESTORE);

/* Without CAP_SYS_PTRACE the kernel shows us only processes that hold no more than we do: what the command was given stays with us too. */
static uint64_t given_to_the_command(void)
{
	if (ap_cap_effective(AP_CAP_SYS_PTRACE))
		return 0;
	return geteuid() == 0 ? UINT64_MAX : ap_caps_ambient();
}

int privilege_drop(struct ap_why *why)
{
	uint64_t keep = KEPT | given_to_the_command();
	int err;

	if (!ap_cap_known(AP_CAP_CHECKPOINT_RESTORE)) /* before Linux 5.9 SYS_ADMIN is asked for in its place */
		keep |= AP_CAP_MASK(AP_CAP_SYS_ADMIN);
	err = ap_caps_keep(keep);
	return err ? ap_why(why, -err, "cannot give up capabilities (capset: %s): a seccomp filter that refuses it must allow it", strerror(-err)) : 0;
}
