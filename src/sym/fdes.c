/* One pass over .eh_frame (LSB core, 10.6.1), entry by entry with libdw, which checks that each lies inside; only the start and the size of
 * each FDE are decoded, as its CIE says they are written. Then sorted, 16 bytes an entry. The cost is linear in the section. */
#include "sym/fdes.h"

#include "base/mem.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_BYTES_MAX = 256 << 20, ENTRIES_MAX = 4 << 20, FDES_MAX = 1 << 20, CIE_BYTES_MAX = 4096 };

struct frame {
	unsigned char ident[EI_NIDENT];
	Elf_Data *data;
	uint64_t address;
};
/* The CIE read last: neighbours share one. */
struct cie {
	Dwarf_Off offset; /* (Dwarf_Off)-1: none */
	int encoding;     /* of the addresses of its FDEs; -1: not known */
};

static bool read_value(const uint8_t **at, const uint8_t *end, int encoding, uint64_t *ret)
{
	static const uint8_t sizes[] = {[DW_EH_PE_absptr] = 8,
		[DW_EH_PE_udata2] = 2,
		[DW_EH_PE_udata4] = 4,
		[DW_EH_PE_udata8] = 8,
		[DW_EH_PE_sdata2] = 2,
		[DW_EH_PE_sdata4] = 4,
		[DW_EH_PE_sdata8] = 8};
	size_t format = encoding & 0x0f, n = format < sizeof sizes ? sizes[format] : 0;
	uint64_t v = 0;

	if (!n || n > (size_t)(end - *at))
		return false;
	memcpy(&v, *at, n); /* little-endian, as starts.c sees to */
	if (format == DW_EH_PE_sdata2)
		v = (uint64_t)(int64_t)(int16_t)v;
	else if (format == DW_EH_PE_sdata4)
		v = (uint64_t)(int64_t)(int32_t)v;
	*at += n;
	*ret = v;
	return true;
}

static int encoding_of(const Dwarf_CIE *c)
{
	const uint8_t *at = c->augmentation_data, *end = at + c->augmentation_data_size;
	uint64_t unused;

	if (!c->augmentation[0])
		return DW_EH_PE_absptr;
	if (c->augmentation[0] != 'z')
		return -1;
	for (const char *letter = c->augmentation + 1; *letter; letter++) {
		if (*letter == 'R')
			return at < end ? *at : -1;
		if (*letter == 'L' && at < end)
			at++;
		else if (*letter == 'P' && at < end && *at != DW_EH_PE_aligned) {
			at++;
			if (!read_value(&at, end, at[-1], &unused))
				return -1;
		} else if (*letter != 'S' && *letter != 'B' && *letter != 'G') {
			return -1;
		}
	}
	return DW_EH_PE_absptr;
}

/* FDEs can take turns with two CIEs, so that each is read a million times: a long one is not. */
static bool is_short(const struct frame *f, Dwarf_Off offset)
{
	uint32_t length;

	if (f->data->d_size < sizeof length || offset > f->data->d_size - sizeof length)
		return false;
	memcpy(&length, (const uint8_t *)f->data->d_buf + offset, sizeof length);
	return length <= CIE_BYTES_MAX;
}

static int encoding_at(const struct frame *f, Dwarf_Off offset, struct cie *c)
{
	Dwarf_CFI_Entry e;
	Dwarf_Off next;

	if (c->offset == offset)
		return c->encoding;
	c->offset = offset;
	c->encoding = -1;
	if (is_short(f, offset) && !dwarf_next_cfi(f->ident, f->data, true, offset, &next, &e) && dwarf_cfi_cie_p(&e))
		c->encoding = encoding_of(&e.cie);
	return c->encoding;
}

static bool decode(const struct frame *f, const Dwarf_FDE *fde, int encoding, struct fde_range *ret)
{
	uint64_t here = f->address + (uint64_t)(fde->start - (const uint8_t *)f->data->d_buf);
	const uint8_t *at = fde->start;

	if (encoding < 0 || ((encoding & 0xf0) && (encoding & 0xf0) != DW_EH_PE_pcrel))
		return false;
	if (!read_value(&at, fde->end, encoding, &ret->start) || !read_value(&at, fde->end, encoding & 0x0f, &ret->size) || !ret->size)
		return false;
	if (encoding & 0xf0)
		ret->start += here;
	return true;
}

void fdes_done(struct fdes *f)
{
	free(f->v);
	*f = (struct fdes){0};
}

static int by_start(const void *a, const void *b)
{
	const struct fde_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void read_all(const struct frame *f, struct fdes *out)
{
	struct cie cie = {(Dwarf_Off)-1, -1};
	Dwarf_Off at = 0, next;
	size_t cap = 0;
	Dwarf_CFI_Entry e;

	for (int i = 0; i < ENTRIES_MAX && out->n < FDES_MAX; i++, at = next) {
		int r = dwarf_next_cfi(f->ident, f->data, true, at, &next, &e);

		if (r > 0 || next <= at || next == (Dwarf_Off)-1)
			break;
		if (r || dwarf_cfi_cie_p(&e))
			continue;
		if (!ap_grow(&out->v, &cap, out->n, sizeof *out->v))
			break;
		out->n += decode(f, &e.fde, encoding_at(f, e.fde.CIE_pointer, &cie), &out->v[out->n]);
	}
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_start);
	else
		fdes_done(out);
}

static bool chunk(Elf *elf, uint64_t offset, uint64_t size, struct frame *f)
{
	if (!size || size > SECTION_BYTES_MAX || offset > INT64_MAX)
		return false;
	f->data = elf_getdata_rawchunk(elf, (int64_t)offset, size, ELF_T_BYTE);
	return f->data && f->data->d_buf;
}

static bool in_section(Elf *elf, struct frame *f)
{
	enum { SECTIONS_MAX = 4096 };
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (int i = 0; i < SECTIONS_MAX && (scn = elf_nextscn(elf, scn)); i++) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (name && !strcmp(name, ".eh_frame") && sh.sh_type != SHT_NOBITS && !(sh.sh_flags & SHF_COMPRESSED)) {
			f->address = sh.sh_addr;
			return chunk(elf, sh.sh_offset, sh.sh_size, f);
		}
	}
	return false;
}

/* To the end of its segment: an entry of length 0 ends it before that. */
static bool in_segment(Elf *elf, struct frame *f)
{
	size_t n = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD && f->address >= ph.p_vaddr &&
			f->address - ph.p_vaddr < ph.p_filesz)
			return chunk(elf, ph.p_offset + (f->address - ph.p_vaddr), ph.p_filesz - (f->address - ph.p_vaddr), f);
	return false;
}

void fdes_read(Elf *elf, uint64_t address, struct fdes *ret_fdes)
{
	struct frame f = {.address = address};
	GElf_Ehdr h;

	*ret_fdes = (struct fdes){0};
	if (!gelf_getehdr(elf, &h) || (h.e_type != ET_EXEC && h.e_type != ET_DYN)) /* others are not relocated */
		return;
	memcpy(f.ident, h.e_ident, sizeof f.ident);
	if (address ? in_segment(elf, &f) : in_section(elf, &f))
		read_all(&f, ret_fdes);
}

bool fdes_find(const struct fdes *f, uint64_t address, uint64_t *ret_start)
{
	size_t low = 0, high = f->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (f->v[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - f->v[low - 1].start >= f->v[low - 1].size)
		return false;
	*ret_start = f->v[low - 1].start;
	return true;
}
