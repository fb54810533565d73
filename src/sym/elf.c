/* One binary's names, from the best of what it has: DWARF (function, line, inlined calls), else Go's function table, else symbols. libdwfl
 * puts together .symtab, .dynsym, .gnu_debugdata and the separate debug file that debugfile.c finds; searching by address is our own
 * (scopes.c, gotab.c, symtab.c). Code that nothing names is told apart by where its function starts (starts.c). Addresses are ELF-relative
 * because the module is reported at bias 0. */
#include "sym/resolve.h"

#include "base/file.h"
#include "base/mem.h"
#include "sym/gofind.h"
#include "sym/scopes.h"
#include "sym/starts.h"
#include "sym/symtab.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { START_BYTES = 64, NAMES_MAX = 1 << 20 };

struct module {
	const struct ap_sym_job *job;
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Elf *elf;              /* the module's own */
	struct scopes *scopes; /* NULL: no DWARF */
	Dwarf_Addr dwarf_bias;
	struct symtab symbols;
	struct gotab *go; /* NULL: not a Go program, or it has DWARF */
	struct starts starts;
	bool symbols_known, starts_known;
	uint64_t entry; /* 0: none */
	const struct debug_dirs *dirs;
	Dwarf *supplement; /* NULL: none */
	int supplement_fd; /* -1: none */
	Dwfl_Callbacks callbacks;
	struct ap_arena strings; /* of the address at hand */
	struct ap_buf name;
};

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

static bool open_module(struct module *m, const struct ap_sym_config *cfg)
{
	m->callbacks = (Dwfl_Callbacks){.find_elf = dwfl_build_id_find_elf,
		.section_address = dwfl_offline_section_address,
		.find_debuginfo = cfg->debug_files || m->job->debug_fd >= 0 ? find_debuginfo : no_debuginfo};
	m->dwfl = dwfl_begin(&m->callbacks);
	if (!m->dwfl || !report(m))
		return false;
	open_lines(m);
	return true;
}

static void module_done(struct module *m)
{
	scopes_free(m->scopes);
	symtab_done(&m->symbols);
	starts_done(&m->starts);
	free(m->go);
	dwfl_end(m->dwfl);
	dwarf_end(m->supplement);
	ap_close(m->supplement_fd);
	ap_arena_done(&m->strings);
	ap_buf_done(&m->name);
}

static const char *text_or_empty(const char *s)
{
	return s ? s : "";
}

/* The readable name, and the linkage name where it differs. False: no memory, or no name. */
static bool name_line(struct module *m, const char *linkage, struct ap_sym_line *l)
{
	m->name.len = 0;
	if (!linkage || !linkage[0] || ap_sym_demangle(linkage, &m->name))
		return false;
	l->function = ap_arena_strndup(&m->strings, m->name.data, m->name.len);
	l->linkage_name = l->function && strcmp(linkage, l->function) ? linkage : "";
	return l->function != NULL;
}

static const struct symtab_entry *symbol_at(struct module *m, uint64_t address)
{
	if (!m->symbols_known) {
		m->symbols_known = true;
		symtab_read(&m->symbols, m->mod);
	}
	return symtab_find(&m->symbols, address);
}

/* gcc leaves the linkage name out where a template's argument is local to a function; the symbol table has it, with a suffix for the part
 * of the function that was split off. */
static const char *mangled_symbol(struct module *m, uint64_t address)
{
	const struct symtab_entry *e = symbol_at(m, address);

	if (!e || e->name[0] != '_' || !strchr("ZRD", e->name[1]))
		return NULL;
	return ap_arena_strndup(&m->strings, e->name, strcspn(e->name, ".@"));
}

/* `address`: where the function is not inlined. */
static const char *linkage_of(struct module *m, Dwarf_Die *die, uint64_t address)
{
	Dwarf_Attribute a;
	const char *s = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &a));

	if (!s)
		s = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a));
	if (!s && dwarf_tag(die) == DW_TAG_subprogram)
		s = mangled_symbol(m, address);
	return s ? s : dwarf_diename(die);
}

/* Where the call of an inlined function stands: in the function around it. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *die, struct ap_sym_line *outer)
{
	Dwarf_Word file = 0, line = 0;
	Dwarf_Attribute a;
	Dwarf_Files *files;

	dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &a), &file);
	dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &a), &line);
	outer->file = dwarf_getsrcfiles(unit, &files, NULL) ? "" : text_or_empty(dwarf_filesrc(files, file, NULL, NULL));
	outer->line = (uint32_t)line;
}

/* File and line of an address by the line table, and the functions around it. `lines` has the place even where no function is found. */
static size_t dwarf_lines(struct module *m, uint64_t address, struct ap_sym_line *lines)
{
	Dwarf_Die *unit, chain[SCOPES_DEPTH_MAX];
	size_t n = scopes_at(m->scopes, address - m->dwarf_bias, &unit, chain), i;
	Dwarf_Line *src = unit ? dwarf_getsrc_die(unit, address - m->dwarf_bias) : NULL;
	int line = 0;

	if (src) {
		lines[0].file = text_or_empty(dwarf_linesrc(src, NULL, NULL));
		dwarf_lineno(src, &line);
		lines[0].line = line > 0 ? (uint32_t)line : 0;
	}
	for (i = 0; i < n; i++) {
		if (!name_line(m, linkage_of(m, &chain[i], address), &lines[i]))
			break;
		lines[i].function_file = text_or_empty(dwarf_decl_file(&chain[i]));
		line = 0;
		dwarf_decl_line(&chain[i], &line);
		lines[i].function_line = line > 0 ? (uint32_t)line : 0;
		if (i + 1 < n)
			call_site(unit, &chain[i], &lines[i + 1]);
	}
	return i;
}

static size_t go_lines(struct module *m, uint64_t address, struct ap_sym_line *lines)
{
	_Static_assert((int)GOTAB_LINES_MAX <= (int)SCOPES_DEPTH_MAX, "lines hold either");
	return m->go ? gotab_lines(m->go, address, lines) : 0;
}

/* Keeps the file and line that the line table gave. */
static size_t symbol_line(struct module *m, uint64_t address, struct ap_sym_line *l)
{
	const struct symtab_entry *e = symbol_at(m, address);

	if (e) /* without its version: name@VERSION */
		return name_line(m, ap_arena_strndup(&m->strings, e->name, strcspn(e->name, "@")), l);
	return m->entry && address >= m->entry && address - m->entry < START_BYTES && name_line(m, "_start", l);
}

/* By the unwind table, else behind the symbol before it. */
static size_t start_line(struct module *m, uint64_t address, struct ap_sym_line *l)
{
	uint64_t start;

	if (!m->starts_known) {
		m->starts_known = true;
		starts_open(m->elf, &m->starts);
	}
	if (!starts_find(&m->starts, address, &start) && !symtab_end_before(&m->symbols, address, &start))
		return 0;
	if (starts_name(m->job->path, start, &m->name))
		return 0;
	l->function = ap_arena_strndup(&m->strings, m->name.data, m->name.len);
	l->start_only = true;
	return l->function != NULL;
}

static size_t lines_of(struct module *m, uint64_t address, struct ap_sym_line *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < SCOPES_DEPTH_MAX; i++)
		lines[i] = (struct ap_sym_line){.linkage_name = "", .file = "", .function_file = ""};
	if (m->scopes)
		n = dwarf_lines(m, address, lines);
	if (!n)
		n = go_lines(m, address, lines);
	if (!n)
		n = symbol_line(m, address, lines);
	return n ? n : start_line(m, address, lines);
}

size_t sym_resolve_elf(const struct ap_sym_config *cfg, const struct debug_dirs *dirs, const struct ap_sym_job *job,
	const struct sym_out *out, struct ap_why *why)
{
	struct module m = {.job = job, .dirs = dirs, .supplement_fd = -1, .name = {.max = NAMES_MAX}};
	struct ap_sym_line lines[SCOPES_DEPTH_MAX];
	size_t named = 0, n;

	why->text[0] = '\0';
	if (job->fd < 0 && !job->image) {
		ap_why(why, 0, "%s could not be opened while it ran", job->path);
		return 0;
	}
	if (!open_module(&m, cfg)) {
		ap_why(why, 0, "%s cannot be read as an ELF file: %s", job->path, text_or_empty(dwfl_errmsg(-1)));
		module_done(&m);
		return 0;
	}
	for (size_t i = 0; i < job->n; i++) {
		n = lines_of(&m, job->addresses[i], lines);
		if (n)
			out->put(out->ctx, job->ids[i], lines, n);
		named += n && !lines[0].start_only;
		ap_arena_done(&m.strings);
	}
	if (named < job->n)
		ap_why(why, 0, "%s lacks symbols for some of its code: install its debug package, or run aperture symbolize --debuginfod",
			job->path);
	module_done(&m);
	return named;
}
