/* A perf map and a jitdump, both of a target's making: the input is the one, the other, or both, cut where its first byte says. */
#include "base/mem.h"
#include "sym/sym.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	if (id >= *(size_t *)ctx || !n || !lines[0].function[0])
		abort();
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	if (named > *(size_t *)ctx)
		abort();
}

static int file_of(const uint8_t *data, size_t n)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || (n && write(fd, data, n) != (ssize_t)n))
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = {0, 1, 0x1000, 0x1008, 0x1010, 0x2000, 0x2008, 0x7fff00000000, UINT64_MAX - 1, UINT64_MAX};
	static const uint64_t seen_ns[] = {0, 5, 0, 50, 500, 0, 5000, 0, 1, 0};
	static const uint32_t ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct ap_sym_config cfg = {.in_process = true};
	size_t n = AP_ARRAY_LEN(addresses), cut;
	struct ap_sym_job job = {.kind = AP_SYM_JIT,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = "jit",
		.build_id = "",
		.until_ns = 1000,
		.seen_ns = seen_ns,
		.addresses = addresses,
		.ids = ids,
		.n = n};
	struct ap_why why;

	if (!size)
		return 0;
	cut = data[0] < 128 ? data[0] * (size - 1) / 127 : data[0] == 255 ? size - 1 : 0;
	job.fd = file_of(data + 1, cut);
	job.jitdump_fd = file_of(data + 1 + cut, size - 1 - cut);
	if (ap_sym_run(&cfg, &job, 1, on_named, on_done, &n, &why))
		abort();
	close(job.fd);
	close(job.jitdump_fd);
	return 0;
}
