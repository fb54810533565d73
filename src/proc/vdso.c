/* The vDSO is one small ELF image in the memory of every process and in no file. It is copied from the process; where that is gone, ours
 * stands in, as all 64-bit processes of one boot share it. Equal bytes are one binary. */
#include "proc/binary.h"

#include <sys/auxv.h>
#include <unistd.h>

enum { VDSO_MAX = 64 << 10 };

struct ap_binary *ap_binaries_vdso(struct ap_binaries *bs, uint32_t pid, uint64_t start, uint64_t length)
{
	char image[VDSO_MAX];
	size_t want = length < VDSO_MAX ? (size_t)length : (size_t)VDSO_MAX;
	ssize_t n = ap_read_memory(pid, start, image, want);
	unsigned long own = getauxval(AT_SYSINFO_EHDR);

	if (n == (ssize_t)want)
		return ap_binaries_image(bs, "[vdso]", image, want);
	if (own && start > UINT32_MAX) /* as a read, since ours may be shorter than what the event says */
		n = ap_read_memory((uint32_t)getpid(), own, image, want);
	if (n > 0)
		return ap_binaries_image(bs, "[vdso]", image, (size_t)n);
	return ap_binaries_named(bs, AP_BINARY_OTHER, "", "[vdso]", "the process ended before its vDSO could be copied");
}
