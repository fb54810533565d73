/* /proc/kallsyms, or a file that a container shows in its place. */
#include "base/mem.h"
#include "sym/sym.h"

#include <sys/mman.h>
#include <unistd.h>

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	if (!n || !lines[0].function[0])
		abort();
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	if (named > 4)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = {0, 0x10, 0x1000, UINT64_MAX};
	static const uint32_t ids[] = {0, 1, 2, 3};
	struct ap_sym_config cfg = {.in_process = true};
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct ap_sym_job jobs[2] = {{.kind = AP_SYM_KERNEL,
		.fd = fd,
		.jitdump_fd = -1,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = "[kernel]",
		.build_id = "",
		.kernel_text = 0xffffffff81000000,
		.addresses = addresses,
		.ids = ids,
		.n = AP_ARRAY_LEN(addresses)}};
	struct ap_why why;

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	jobs[1] = jobs[0];
	jobs[1].kind = AP_SYM_MODULE;
	if (ap_sym_run(&cfg, jobs, 2, on_named, on_done, NULL, &why))
		abort();
	close(fd);
	return 0;
}
