/* One binary's names, from the best of what it has: DWARF (function, line, inlined calls), else Go's function table, else symbols.
 * Searching by address is our own (scopes.c, gotab.c, symtab.c), in what module.c opened. Code that nothing names is told apart by where
 * its function starts (starts.c). */
#include "sym/resolve.h"

#include "base/mem.h"
#include "sym/module.h"
#include "sym/starts.h"
#include "sym/symtab.h"

#include <dwarf.h>
#include <string.h>

enum { START_BYTES = 64, NAMES_MAX = 1 << 20 };

struct resolver {
	struct module of;
	struct symtab symbols; /* read when it is first asked */
	struct starts starts;  /* too */
	bool symbols_known, starts_known;
	struct ap_arena strings; /* of the address at hand */
	struct ap_buf name;
};

static const char *text_or_empty(const char *s)
{
	return s ? s : "";
}

/* The readable name, and the linkage name where it differs. False: no memory, or no name. */
static bool name_line(struct resolver *r, const char *linkage, struct ap_sym_line *l)
{
	r->name.len = 0;
	if (!linkage || !linkage[0] || ap_sym_demangle(linkage, &r->name))
		return false;
	l->function = ap_arena_strndup(&r->strings, r->name.data, r->name.len);
	l->linkage_name = l->function && strcmp(linkage, l->function) ? linkage : "";
	return l->function != NULL;
}

static const struct symtab_entry *symbol_at(struct resolver *r, uint64_t address)
{
	if (!r->symbols_known) {
		r->symbols_known = true;
		symtab_read(&r->symbols, r->of.mod);
	}
	return symtab_find(&r->symbols, address);
}

/* gcc leaves the linkage name out where a template's argument is local to a function; the symbol table has it, with a suffix for the part
 * of the function that was split off. */
static const char *mangled_symbol(struct resolver *r, uint64_t address)
{
	const struct symtab_entry *e = symbol_at(r, address);

	if (!e || e->name[0] != '_' || !strchr("ZRD", e->name[1]))
		return NULL;
	return ap_arena_strndup(&r->strings, e->name, strcspn(e->name, ".@"));
}

/* `address`: where the function is not inlined. */
static const char *linkage_of(struct resolver *r, Dwarf_Die *die, uint64_t address)
{
	Dwarf_Attribute a;
	const char *s = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &a));

	if (!s)
		s = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a));
	if (!s && dwarf_tag(die) == DW_TAG_subprogram)
		s = mangled_symbol(r, address);
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
static size_t dwarf_lines(struct resolver *r, uint64_t address, struct ap_sym_line *lines)
{
	Dwarf_Die *unit, chain[SCOPES_DEPTH_MAX];
	size_t n = scopes_at(r->of.scopes, address - r->of.dwarf_bias, &unit, chain), i;
	Dwarf_Line *src = unit ? dwarf_getsrc_die(unit, address - r->of.dwarf_bias) : NULL;
	int line = 0;

	if (src) {
		lines[0].file = text_or_empty(dwarf_linesrc(src, NULL, NULL));
		dwarf_lineno(src, &line);
		lines[0].line = line > 0 ? (uint32_t)line : 0;
	}
	for (i = 0; i < n; i++) {
		if (!name_line(r, linkage_of(r, &chain[i], address), &lines[i]))
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

static size_t go_lines(struct resolver *r, uint64_t address, struct ap_sym_line *lines)
{
	_Static_assert((int)GOTAB_LINES_MAX <= (int)SCOPES_DEPTH_MAX, "lines hold either");
	return r->of.go ? gotab_lines(r->of.go, address, lines) : 0;
}

/* Keeps the file and line that the line table gave. */
static size_t symbol_line(struct resolver *r, uint64_t address, struct ap_sym_line *l)
{
	const struct symtab_entry *e = symbol_at(r, address);

	if (e) /* without its version: name@VERSION */
		return name_line(r, ap_arena_strndup(&r->strings, e->name, strcspn(e->name, "@")), l);
	return r->of.entry && address >= r->of.entry && address - r->of.entry < START_BYTES && name_line(r, "_start", l);
}

/* By the unwind table, else behind the symbol before it. */
static size_t start_line(struct resolver *r, uint64_t address, struct ap_sym_line *l)
{
	uint64_t start;

	if (!r->starts_known) {
		r->starts_known = true;
		starts_open(r->of.elf, &r->starts);
	}
	if (!starts_find(&r->starts, address, &start) && !symtab_end_before(&r->symbols, address, &start))
		return 0;
	if (starts_name(r->of.job->path, start, &r->name))
		return 0;
	l->function = ap_arena_strndup(&r->strings, r->name.data, r->name.len);
	l->start_only = true;
	return l->function != NULL;
}

static size_t lines_of(struct resolver *r, uint64_t address, struct ap_sym_line *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < SCOPES_DEPTH_MAX; i++)
		lines[i] = (struct ap_sym_line){.linkage_name = "", .file = "", .function_file = ""};
	if (r->of.scopes)
		n = dwarf_lines(r, address, lines);
	if (!n)
		n = go_lines(r, address, lines);
	if (!n)
		n = symbol_line(r, address, lines);
	return n ? n : start_line(r, address, lines);
}

static void resolver_done(struct resolver *r)
{
	symtab_done(&r->symbols);
	starts_done(&r->starts);
	module_done(&r->of);
	ap_arena_done(&r->strings);
	ap_buf_done(&r->name);
}

size_t sym_resolve_elf(const struct ap_sym_config *cfg, const struct debug_dirs *dirs, const struct ap_sym_job *job,
	const struct sym_out *out, struct ap_why *why)
{
	struct resolver r = {.name = {.max = NAMES_MAX}};
	struct ap_sym_line lines[SCOPES_DEPTH_MAX];
	size_t named = 0, n;

	why->text[0] = '\0';
	if (job->fd < 0 && !job->image) {
		ap_why(why, 0, "%s could not be opened while it ran", job->path);
		return 0;
	}
	if (!module_open(&r.of, cfg, dirs, job)) {
		ap_why(why, 0, "%s cannot be read as an ELF file: %s", job->path, text_or_empty(dwfl_errmsg(-1)));
		resolver_done(&r);
		return 0;
	}
	for (size_t i = 0; i < job->n; i++) {
		n = lines_of(&r, job->addresses[i], lines);
		if (n)
			out->put(out->ctx, job->ids[i], lines, n);
		named += n && !lines[0].start_only;
		ap_arena_done(&r.strings);
	}
	if (named < job->n)
		ap_why(why, 0, "%s lacks symbols for some of its code: install its debug package, or run aperture symbolize --debuginfod",
			job->path);
	resolver_done(&r);
	return named;
}
