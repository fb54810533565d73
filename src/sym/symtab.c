/* Code symbols alone. One with a size holds [value, value + size); one without reaches to the next symbol or the end of its section. */
#include "sym/symtab.h"

#include "base/mem.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>

enum { LOOK_BACK = 16, RANK_LOCAL = 2, RANK_NOTYPE = 4, RANK_SIZELESS = 8 };

/* The section of the symbol before, as neighbours share it. */
struct section {
	Elf *elf;
	GElf_Word index;
	GElf_Shdr header;
	bool known;
};

static bool in_section(struct section *s, Elf *elf, GElf_Word index)
{
	if (s->known && s->elf == elf && s->index == index)
		return true;
	s->elf = elf;
	s->index = index;
	s->known = gelf_getshdr(elf_getscn(elf, index), &s->header) != NULL;
	return s->known;
}

static bool is_code(struct section *s, const GElf_Sym *sym, GElf_Word index, Elf *elf, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);

	if (!name || !name[0] || name[0] == '$' || index == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
		return false;
	return index < SHN_LORESERVE && elf && in_section(s, elf, index) && (s->header.sh_flags & SHF_EXECINSTR);
}

static uint8_t rank_of(const GElf_Sym *sym)
{
	int bind = GELF_ST_BIND(sym->st_info), rank = bind == STB_GLOBAL ? 0 : bind == STB_WEAK ? 1 : RANK_LOCAL;

	rank += GELF_ST_TYPE(sym->st_info) == STT_NOTYPE ? RANK_NOTYPE : 0;
	return (uint8_t)(rank + (sym->st_size ? 0 : RANK_SIZELESS));
}

static int by_start(const void *a, const void *b)
{
	const struct symtab_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void settle(struct symtab *t)
{
	size_t kept = 0;

	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_start);
	for (size_t i = 0; i < t->n; i++)
		if (!kept || t->v[kept - 1].start != t->v[i].start)
			t->v[kept++] = t->v[i];
	t->n = kept;
	for (size_t i = 0; i + 1 < t->n; i++)
		if (t->v[i].rank >= RANK_SIZELESS && t->v[i].end > t->v[i + 1].start)
			t->v[i].end = t->v[i + 1].start;
}

int symtab_read(struct symtab *t, Dwfl_Module *mod)
{
	struct section section = {0};
	int n = dwfl_module_getsymtab(mod);

	for (int i = 1; i < n; i++) {
		GElf_Word index = SHN_UNDEF;
		GElf_Addr address, bias;
		Elf *elf = NULL;
		GElf_Sym sym;
		const char *name = dwfl_module_getsym_info(mod, i, &sym, &address, &index, &elf, &bias);

		if (!is_code(&section, &sym, index, elf, name))
			continue;
		if (!ap_grow(&t->v, &t->cap, t->n, sizeof *t->v))
			return -ENOMEM;
		t->v[t->n] = (struct symtab_entry){.start = address, .name = name, .rank = rank_of(&sym)};
		t->v[t->n].end =
			sym.st_size ? address + sym.st_size : section.header.sh_addr + section.header.sh_size + (address - sym.st_value);
		t->n++;
	}
	settle(t);
	return 0;
}

/* How many symbols start at or below the address. */
static size_t count_to(const struct symtab *t, uint64_t address)
{
	size_t low = 0, high = t->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (t->v[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct symtab_entry *symtab_find(const struct symtab *t, uint64_t address)
{
	size_t low = count_to(t, address);

	for (size_t back = 0; low > 0 && back < LOOK_BACK; low--, back++)
		if (address < t->v[low - 1].end)
			return &t->v[low - 1];
	return NULL;
}

bool symtab_end_before(const struct symtab *t, uint64_t address, uint64_t *ret_end)
{
	size_t low = count_to(t, address);
	uint64_t end = 0;

	for (size_t back = 0; low > 0 && back < LOOK_BACK; low--, back++)
		if (t->v[low - 1].end > end && t->v[low - 1].end <= address)
			end = t->v[low - 1].end;
	if (end)
		*ret_end = end;
	return end != 0;
}

void symtab_done(struct symtab *t)
{
	free(t->v);
	*t = (struct symtab){0};
}
