/* libdwfl puts together .symtab, .dynsym, .gnu_debugdata and the separate debug file that debugfile.c finds. Where
 * that has no DWARF, Go's function table is looked for. */
#include "sym/module.h"

#include "base/file.h"
#include "sym/gofind.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* In the place of libdwfl's own search, which follows any path that a binary names and, where it can, asks the network. It asks once for
 * the debug file and once, by a link without a checksum, for its dwz supplement, which set_supplement() sees to. */
static int find_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, const char *file, const char *link,
	GElf_Word crc, char **ret_name)
{
	const struct module *m = *user;
	const unsigned char *id;
	GElf_Addr at;
	int n, fd = -1;

	if (link && !crc)
		return -1;
	if (m->job->debug_fd >= 0)
		return dup(m->job->debug_fd);
	n = dwfl_module_build_id(mod, &id, &at);
	if (n > 0)
		fd = debug_by_id(m->dirs, id, (size_t)n);
	if (fd < 0 && link)
		fd = debug_by_link(m->dirs, m->job->path, link, crc);
	return fd;
}

static int no_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
	char **ret_name)
{
	return -1;
}

/* libdwfl takes a file; an image becomes one in memory. -1: none. */
static int own_descriptor(const struct ap_sym_job *job)
{
	int fd;

	if (job->fd >= 0)
		return dup(job->fd);
	fd = memfd_create("image", MFD_CLOEXEC);
	return fd < 0 || ap_write_all(fd, job->image, job->image_size) ? ap_close(fd) : fd;
}

static bool report(struct module *m)
{
	int fd = own_descriptor(m->job);
	GElf_Addr bias;
	GElf_Ehdr eh;
	void **user;

	m->mod = fd < 0 ? NULL : dwfl_report_elf(m->dwfl, m->job->path, "", fd, 0, true);
	if (!m->mod)
		ap_close(fd);
	dwfl_report_end(m->dwfl, NULL, NULL);
	if (!m->mod)
		return false;
	dwfl_module_info(m->mod, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = m;
	m->elf = dwfl_module_getelf(m->mod, &bias);
	if (m->elf && gelf_getehdr(m->elf, &eh))
		m->entry = eh.e_entry;
	return m->elf != NULL;
}

static bool has_id(Dwarf *dwarf, const void *id, size_t n)
{
	const void *own = NULL;

	return dwelf_elf_gnu_build_id(dwarf_getelf(dwarf), &own) == (ssize_t)n && !memcmp(own, id, n);
}

/* The names that dwz moved into a file which several debug files share. */
static void set_supplement(struct module *m, Dwarf *dwarf)
{
	const char *name = NULL;
	const void *id = NULL;
	ssize_t n = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);

	if (n <= 0)
		return;
	m->supplement_fd = m->job->alt_debug_fd >= 0 ? dup(m->job->alt_debug_fd) : debug_by_id(m->dirs, id, (size_t)n);
	if (m->supplement_fd < 0)
		m->supplement_fd = debug_supplement(m->dirs, name);
	m->supplement = m->supplement_fd < 0 ? NULL : dwarf_begin(m->supplement_fd, DWARF_C_READ);
	if (m->supplement && has_id(m->supplement, id, (size_t)n))
		dwarf_setalt(dwarf, m->supplement);
}

static void open_lines(struct module *m)
{
	Dwarf *dwarf = dwfl_module_getdwarf(m->mod, &m->dwarf_bias);

	if (dwarf)
		set_supplement(m, dwarf);
	if (dwarf && !scopes_new(dwarf, &m->scopes))
		return;
	m->go = calloc(1, sizeof *m->go);
	if (m->go && !gofind(m->elf, m->go)) {
		free(m->go);
		m->go = NULL;
	}
}

bool module_open(struct module *m, const struct ap_sym_config *cfg, const struct debug_dirs *dirs, const struct ap_sym_job *job)
{
	*m = (struct module){.job = job, .dirs = dirs, .supplement_fd = -1};
	m->callbacks = (Dwfl_Callbacks){.find_elf = dwfl_build_id_find_elf,
		.section_address = dwfl_offline_section_address,
		.find_debuginfo = cfg->debug_files || m->job->debug_fd >= 0 ? find_debuginfo : no_debuginfo};
	m->dwfl = dwfl_begin(&m->callbacks);
	if (!m->dwfl || !report(m))
		return false;
	open_lines(m);
	return true;
}

void module_done(struct module *m)
{
	scopes_free(m->scopes);
	free(m->go);
	dwfl_end(m->dwfl);
	dwarf_end(m->supplement);
	ap_close(m->supplement_fd);
}
