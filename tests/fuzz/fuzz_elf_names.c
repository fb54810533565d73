/* Symbols, DWARF and Go's table of a hostile ELF file, through libelf and libdw. A fault that is theirs alone costs a recording one file's
 * names, as they run in a child; this target is for what we do with their answers. */
#include "base/mem.h"
#include "sym/sym.h"

#include <sys/mman.h>
#include <unistd.h>

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!lines[i].function || !lines[i].function[0] || !lines[i].linkage_name || !lines[i].file || !lines[i].function_file)
			abort();
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	if (named > *(size_t *)ctx)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = {
		0, 1, 0x2b0, 0x2b4, 0x2c0, 0x2d4, 0x1000, 0x40010c, 0x400110, 0x400118, 0x400130, 0x400134, 0x401000, UINT64_MAX};
	static const uint32_t ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	struct ap_sym_config cfg = {.in_process = true, .debug_files = true};
	size_t n = AP_ARRAY_LEN(addresses);
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct ap_sym_job job = {.kind = AP_SYM_ELF,
		.fd = fd,
		.jitdump_fd = -1,
		.debug_fd = -1,
		.alt_debug_fd = -1,
		.path = "input",
		.build_id = "",
		.addresses = addresses,
		.ids = ids,
		.n = n};
	struct ap_why why;

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	if (ap_sym_run(&cfg, &job, 1, on_named, on_done, &n, &why))
		abort();
	close(fd);
	return 0;
}
