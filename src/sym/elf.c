/* ELF and DWARF through libdwfl, which reads .symtab, .dynsym, .gnu_debugdata and separate debug files (build ID, debuglink, dwz) below the
 * debug folders. Addresses are ELF-relative because the module is reported at bias 0. */
#include "sym/resolve.h"

#include "base/mem.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 128 };

struct module {
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Dwarf_Addr dwarf_bias;
	bool has_dwarf, has_symtab;
	char *debug_path;
	Dwfl_Callbacks callbacks;
	int debug_fd;
};

/* The caller's own debug file first. */
static int find_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
	char **ret_name)
{
	struct module *m = *user;

	if (m && m->debug_fd >= 0)
		return dup(m->debug_fd);
	return dwfl_standard_find_debuginfo(mod, user, name, base, file, link, crc, ret_name);
}

static int no_debuginfo(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
	char **ret_name)
{
	return -1;
}

static bool open_module(struct module *m, const struct ap_sym_config *cfg, const struct ap_sym_job *job)
{
	struct ap_buf dirs = {0};
	Dwarf_Addr bias;
	GElf_Addr elf_bias;
	void **user;
	int fd;

	for (size_t i = 0; cfg->debug_dirs && cfg->debug_dirs[i]; i++)
		ap_buf_printf(&dirs, "%s%s", i ? ":" : "", cfg->debug_dirs[i]);
	m->debug_path = dirs.data;
	m->callbacks = (Dwfl_Callbacks){.find_elf = dwfl_build_id_find_elf, .section_address = dwfl_offline_section_address,
		.find_debuginfo = cfg->debug_files || job->debug_fd >= 0 ? find_debuginfo : no_debuginfo,
		.debuginfo_path = cfg->debug_dirs ? &m->debug_path : NULL};
	m->debug_fd = job->debug_fd;
	m->dwfl = dwfl_begin(&m->callbacks);
	if (!m->dwfl)
		return false;
	fd = job->fd >= 0 ? dup(job->fd) : -1;
	if (job->image && job->fd < 0) {
		Elf *elf = elf_memory((char *)(uintptr_t)job->image, job->image_size);

		m->mod = elf ? dwfl_report_elf(m->dwfl, job->path, "", -1, 0, true) : NULL;
		elf_end(elf);
	} else if (fd >= 0) {
		m->mod = dwfl_report_elf(m->dwfl, job->path, "", fd, 0, true);
		if (!m->mod)
			close(fd);
	}
	dwfl_report_end(m->dwfl, NULL, NULL);
	if (!m->mod)
		return false;
	dwfl_module_info(m->mod, &user, NULL, NULL, NULL, NULL, NULL, NULL);
	*user = m;
	if (!dwfl_module_getelf(m->mod, &elf_bias))
		return false;
	m->has_dwarf = dwfl_module_getdwarf(m->mod, &bias) != NULL;
	m->dwarf_bias = bias;
	m->has_symtab = dwfl_module_getsymtab(m->mod) > 1;
	return true;
}

static const char *text_or_empty(const char *s)
{
	return s ? s : "";
}

static const char *linkage_of(Dwarf_Die *die)
{
	Dwarf_Attribute a;
	const char *s = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &a));

	return s ? s : dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a));
}

/* A line's function. The readable name wants demangling where there is a linkage name. */
static bool name_line(Dwarf_Die *die, struct ap_buf *names, struct ap_sym_line *l)
{
	const char *linkage = linkage_of(die), *name = dwarf_diename(die);
	int line = 0;

	if (!name && !linkage)
		return false;
	names->len = 0;
	if (ap_sym_demangle(linkage ? linkage : name, names))
		return false;
	l->function = strdup(names->data);
	l->linkage_name = linkage && strcmp(linkage, names->data) ? linkage : "";
	l->function_file = text_or_empty(dwarf_decl_file(die));
	dwarf_decl_line(die, &line);
	l->function_line = line > 0 ? (uint32_t)line : 0;
	return l->function != NULL;
}

/* The inlined callers around an address, innermost first, from the CU's scopes. */
static size_t dwarf_lines(struct module *m, uint64_t address, struct ap_buf *names, struct ap_sym_line *lines)
{
	Dwarf_Addr bias, at;
	Dwarf_Die *cu = dwfl_module_addrdie(m->mod, address, &bias), *scopes = NULL;
	Dwarf_Line *src;
	Dwarf_Files *files;
	Dwarf_Word call_file, call_line;
	Dwarf_Attribute a;
	const char *file = "";
	int n_scopes, line = 0;
	size_t n = 0;

	if (!cu)
		return 0;
	at = address - bias;
	src = dwarf_getsrc_die(cu, at);
	if (src) {
		file = text_or_empty(dwarf_linesrc(src, NULL, NULL));
		dwarf_lineno(src, &line);
	}
	n_scopes = dwarf_getscopes(cu, at, &scopes);
	for (int i = 0; i < n_scopes && n < LINES_MAX; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
			continue;
		lines[n] = (struct ap_sym_line){.file = file, .line = line > 0 ? (uint32_t)line : 0};
		if (!name_line(&scopes[i], names, &lines[n]))
			break;
		n++;
		if (tag == DW_TAG_subprogram)
			break;
		call_file = call_line = 0;
		dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_file, &a), &call_file);
		dwarf_formudata(dwarf_attr(&scopes[i], DW_AT_call_line, &a), &call_line);
		file = dwarf_getsrcfiles(cu, &files, NULL) ? "" : text_or_empty(dwarf_filesrc(files, call_file, NULL, NULL));
		line = (int)call_line;
	}
	free(scopes);
	return n;
}

static size_t symbol_line(struct module *m, uint64_t address, struct ap_buf *names, struct ap_sym_line *l)
{
	GElf_Off offset;
	GElf_Sym sym;
	GElf_Ehdr eh;
	GElf_Addr bias;
	const char *name = dwfl_module_addrinfo(m->mod, address, &offset, &sym, NULL, NULL, NULL);
	Elf *elf = dwfl_module_getelf(m->mod, &bias);

	if (!name && elf && gelf_getehdr(elf, &eh) && address >= eh.e_entry && address < eh.e_entry + 64)
		name = "_start";
	if (!name || !name[0])
		return 0;
	names->len = 0;
	if (ap_sym_demangle(name, names))
		return 0;
	*l = (struct ap_sym_line){.function = strdup(names->data), .linkage_name = strcmp(name, names->data) ? name : "", .file = "",
		.function_file = ""};
	return l->function != NULL;
}

size_t sym_resolve_elf(const struct ap_sym_config *cfg, const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	struct module m = {.debug_fd = -1};
	struct ap_sym_line lines[LINES_MAX];
	struct ap_buf names = {.max = 1 << 20};
	size_t named = 0, n;

	why->text[0] = '\0';
	if (job->fd < 0 && !job->image)
		ap_why(why, 0, "%s could not be opened while it ran", job->path);
	else if (!open_module(&m, cfg, job))
		ap_why(why, 0, "%s cannot be read as an ELF file: %s", job->path, text_or_empty(dwfl_errmsg(-1)));
	for (size_t i = 0; m.mod && i < job->n; i++) {
		n = m.has_dwarf ? dwarf_lines(&m, job->addresses[i], &names, lines) : 0;
		if (!n)
			n = symbol_line(&m, job->addresses[i], &names, lines);
		if (n)
			out->put(out->ctx, job->ids[i], lines, n);
		named += n != 0;
		for (size_t k = 0; k < n; k++)
			free((char *)(uintptr_t)lines[k].function);
	}
	if (m.mod && named < job->n)
		ap_why(why, 0, "%s lacks symbols for some of its code: install its debug package, or run aperture symbolize --debuginfod", job->path);
	dwfl_end(m.dwfl);
	free(m.debug_path);
	ap_buf_done(&names);
	return named;
}
