/* What eBPF asks of the kernel beyond capabilities, and what is lost without it. That a program loads at all is the source's own finding. */
#include "base/file.h"
#include "base/mem.h"
#include "cmd/doctor.h"

#include <fcntl.h>
#include <string.h>

enum { LOCKDOWN_MAX = 128 };

/* "none [integrity] confidentiality": the brackets are around what holds. */
void doctor_lockdown(struct doctor *d, const char *text)
{
	static const char name[] = "lockdown";

	if (text && strstr(text, "[confidentiality]"))
		doctor_add(d, name, DOCTOR_LIMITED, "boot with lockdown=integrity or less",
			"confidentiality: programs may not read the kernel's memory: no eBPF, samples carry a copy of the stack; no tracepoints");
	else if (text && strstr(text, "[integrity]"))
		doctor_add(d, name, DOCTOR_WORKS, "", "integrity: eBPF and perf_event work");
	else
		doctor_add(d, name, DOCTOR_WORKS, "", "none");
}

void doctor_btf(struct doctor *d, bool readable)
{
	if (readable)
		doctor_add(d, "BTF", DOCTOR_WORKS, "", "/sys/kernel/btf/vmlinux (for eBPF)");
	else
		doctor_add(d, "BTF", DOCTOR_LIMITED, "use a kernel with CONFIG_DEBUG_INFO_BTF",
			"/sys/kernel/btf/vmlinux is empty or cannot be read: no eBPF, samples carry a copy of the stack");
}

void doctor_bpf(struct doctor *d)
{
	struct ap_buf b = {0};

	ap_file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", 1, &b); /* longer than that is no matter: what was read is there */
	doctor_btf(d, b.len != 0);
	ap_buf_done(&b);
	ap_file_read(AT_FDCWD, "/sys/kernel/security/lockdown", LOCKDOWN_MAX, &b);
	doctor_lockdown(d, b.data);
	ap_buf_done(&b);
}
