/* A Go program that was linked with -s -w keeps its section headers; `sstrip` and packers leave none, and then the segments are searched. A
 * file with sections that are none of Go's is not: the search reads it all. */
#include "sym/gofind.h"

#include <gelf.h>
#include <string.h>

struct sections {
	GElf_Shdr table;
	uint64_t text;
	bool any, found, go;
};

static void look_at_sections(Elf *elf, struct sections *s)
{
	size_t strings;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &strings))
		return;
	while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *name = elf_strptr(elf, strings, sh.sh_name);

		s->any = true;
		if (!name)
			continue;
		if (!strcmp(name, ".text"))
			s->text = sh.sh_addr;
		s->go |= !strncmp(name, ".go.", 4) || !strcmp(name, ".note.go.buildid");
		if (!strcmp(name, ".gopclntab") || !strcmp(name, ".data.rel.ro.gopclntab")) {
			s->table = sh;
			s->found = sh.sh_type == SHT_PROGBITS;
		}
	}
}

static void take_segments(Elf *elf, struct gotab *t)
{
	const uint8_t *file;
	size_t size = 0, n = 0;
	GElf_Phdr ph;

	t->n_ranges = 0;
	file = (const uint8_t *)elf_rawfile(elf, &size);
	if (!file || elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n && t->n_ranges < GOTAB_RANGES_MAX; i++) {
		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD || ph.p_offset >= size)
			continue;
		if (ph.p_filesz > size - ph.p_offset)
			ph.p_filesz = size - ph.p_offset;
		t->ranges[t->n_ranges++] = (struct gotab_range){file + ph.p_offset, ph.p_vaddr, ph.p_filesz, ph.p_flags & PF_W};
	}
}

bool gofind(Elf *elf, struct gotab *t)
{
	struct sections s = {0};
	bool found = false;

	look_at_sections(elf, &s);
	if (s.any && !s.found && !s.go)
		return false;
	take_segments(elf, t);
	for (size_t i = 0; s.found && i < t->n_ranges && !found; i++) {
		const struct gotab_range *r = &t->ranges[i];

		if (s.table.sh_addr >= r->address && s.table.sh_addr - r->address < r->size)
			found = gotab_at(t, r, (size_t)(s.table.sh_addr - r->address), s.text);
	}
	if (!found && !gotab_search(t, s.text))
		return false;
	gotab_find_inlined(t);
	return true;
}
