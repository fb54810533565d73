/* Modules are reported by load bias from the tracker's own descriptors, so both unwinders read the same file; separate debug files are not
 * looked for. Memory is the dump alone. */
#include "tests/dwfl_walk.h"

#include "base/mem.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct known {
	uint32_t binary;
	uint64_t bias;
};
struct dwfl_walk {
	Dwfl *dwfl;
	pid_t pid;
	bool attached;
	struct known *known;
	size_t n_known, cap_known;
	/* the sample at hand */
	const struct ap_regs *regs;
	const unsigned char *stack;
	size_t stack_size, n, max;
	uint64_t *addresses;
};

static int no_debug_file(
	Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc, char **ret_name)
{
	return -1;
}

static int no_elf(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr base, char **ret_name, Elf **ret_elf)
{
	return -1;
}

static const Dwfl_Callbacks CALLBACKS = {
	.find_elf = no_elf, .find_debuginfo = no_debug_file, .section_address = dwfl_offline_section_address};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	struct dwfl_walk *w = arg;

	if (*thread_arg)
		return 0;
	*thread_arg = w;
	return w->pid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	*thread_arg = arg;
	return true;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *arg)
{
	const struct dwfl_walk *w = arg;
	uint64_t at = address - w->regs->r[AP_REG_SP];

	if (w->stack_size < 8 || at > w->stack_size - 8)
		return false;
	memcpy(ret, w->stack + at, 8);
	return true;
}

static bool set_initial_registers(Dwfl_Thread *thread, void *thread_arg)
{
	const struct dwfl_walk *w = thread_arg;
	Dwarf_Word r[AP_REG_COUNT];

	for (size_t i = 0; i < AP_REG_COUNT; i++)
		r[i] = w->regs->r[i];
	dwfl_thread_state_register_pc(thread, w->regs->r[AP_REG_PC]);
	return dwfl_thread_state_registers(thread, 0, AP_REG_COUNT, r);
}

static const Dwfl_Thread_Callbacks THREAD_CALLBACKS = {
	.next_thread = next_thread, .get_thread = get_thread, .memory_read = memory_read, .set_initial_registers = set_initial_registers};

struct dwfl_walk *dwfl_walk_new(uint32_t pid)
{
	struct dwfl_walk *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->pid = (pid_t)pid;
	w->dwfl = dwfl_begin(&CALLBACKS);
	return w->dwfl ? w : dwfl_walk_free(w);
}

struct dwfl_walk *dwfl_walk_free(struct dwfl_walk *w)
{
	if (w) {
		dwfl_end(w->dwfl);
		free(w->known);
		free(w);
	}
	return NULL;
}

static int file_of(const struct ap_binary *b)
{
	char path[64];
	int fd;

	if (b->fd >= 0) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", b->fd);
		return open(path, O_RDONLY | O_CLOEXEC);
	}
	fd = b->image ? memfd_create("image", MFD_CLOEXEC) : -1;
	if (fd >= 0 && write(fd, b->image, b->image_size) != (ssize_t)b->image_size)
		fd = ap_close(fd);
	return fd;
}

static int report(struct dwfl_walk *w, const struct ap_mapping *m)
{
	int fd = file_of(m->binary);
	char name[32];
	Dwfl_Module *module;

	if (fd < 0)
		return -1;
	snprintf(name, sizeof name, "%u-%llx", m->binary->id, (unsigned long long)m->bias);
	dwfl_report_begin_add(w->dwfl);
	module = dwfl_report_elf(w->dwfl, name, m->binary->path, fd, m->bias, true);
	if (!module)
		close(fd);
	dwfl_report_end(w->dwfl, NULL, NULL);
	return module ? 0 : -1;
}

int dwfl_walk_add(struct dwfl_walk *w, const struct ap_mapping *m)
{
	struct known *v;

	for (size_t i = 0; i < w->n_known; i++)
		if (w->known[i].binary == m->binary->id && w->known[i].bias == m->bias)
			return 0;
	v = ap_grow(&w->known, &w->cap_known, w->n_known, sizeof *v);
	if (!v)
		return -1;
	v[w->n_known++] = (struct known){m->binary->id, m->bias};
	return report(w, m);
}

static int one_frame(Dwfl_Frame *f, void *arg)
{
	struct dwfl_walk *w = arg;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(f, &pc, &exact))
		return DWARF_CB_ABORT;
	w->addresses[w->n++] = pc - !exact;
	return w->n == w->max ? DWARF_CB_ABORT : DWARF_CB_OK;
}

size_t dwfl_walk(struct dwfl_walk *w, const struct ap_regs *regs, const void *stack, size_t stack_size, uint64_t *ret_addresses, size_t max,
	const char **ret_error)
{
	*ret_error = NULL;
	w->regs = regs;
	w->stack = stack;
	w->stack_size = stack_size;
	w->addresses = ret_addresses;
	w->max = max;
	w->n = 0;
	if (!w->attached && !dwfl_attach_state(w->dwfl, NULL, w->pid, &THREAD_CALLBACKS, w)) {
		*ret_error = dwfl_errmsg(-1);
		return 0;
	}
	w->attached = true;
	if (dwfl_getthread_frames(w->dwfl, w->pid, one_frame, w) == -1)
		*ret_error = dwfl_errmsg(-1);
	return w->n;
}
