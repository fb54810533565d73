/* Program headers first, as section headers may be stripped: PT_GNU_EH_FRAME leads to .eh_frame, whose end is that of its section or,
 * without one, of its segment. .debug_frame is in a section alone. The file is read, not mapped: a target may truncate it meanwhile. */
#include "unwind/sections.h"

#include "unwind/scan.h"

#include <dwarf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

enum {
	SECTION_BYTES_MAX = 256 << 20,
	FDES_MAX = 4 << 20,
	SECTIONS_MAX = 4096,
	PHDRS_MAX = 256,
	TEXT_BYTES_MAX = 4 << 20,
	DYNAMIC_BYTES_MAX = 64 << 10
};

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#else
enum { MACHINE = EM_AARCH64 };
#endif

size_t ap_pointer_size(uint8_t encoding)
{
	switch (encoding & 0x0f) {
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		return 2;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	default:
		return 0;
	}
}

bool ap_sections_is_code(const struct ap_sections *s, uint64_t address)
{
	for (size_t i = 0; i < s->n_code; i++)
		if (address >= s->code[i].start && address < s->code[i].end)
			return true;
	return false;
}

static const uint8_t *chunk(struct ap_sections *s, uint64_t offset, uint64_t size)
{
	Elf_Data *d;

	if (!size || size > SECTION_BYTES_MAX || offset > INT64_MAX)
		return NULL;
	d = elf_getdata_rawchunk(s->elf, (int64_t)offset, size, ELF_T_BYTE);
	return d && d->d_size >= size ? d->d_buf : NULL;
}

static void find_code(struct ap_sections *s, size_t n_phdrs)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < n_phdrs && s->n_code < AP_CODE_RANGES_MAX; i++)
		if (gelf_getphdr(s->elf, (int)i, &ph) && ph.p_type == PT_LOAD && ph.p_flags & PF_X && ph.p_vaddr + ph.p_memsz >= ph.p_vaddr)
			s->code[s->n_code++] = (struct ap_code_range){ph.p_vaddr, ph.p_vaddr + ph.p_memsz};
}

/* The bytes from an address to the end of its segment in the file. */
static void load_eh(struct ap_sections *s, uint64_t address, size_t n_phdrs)
{
	GElf_Phdr ph;
	uint64_t in, size;

	for (size_t i = 0; i < n_phdrs; i++) {
		if (!gelf_getphdr(s->elf, (int)i, &ph) || ph.p_type != PT_LOAD || address < ph.p_vaddr ||
			address - ph.p_vaddr >= ph.p_filesz)
			continue;
		in = address - ph.p_vaddr;
		size = ph.p_filesz - in;
		if (s->eh_exact && s->eh.address == address && s->eh.size < size)
			size = s->eh.size;
		else
			s->eh_exact = false;
		s->eh.bytes = chunk(s, ph.p_offset + in, size);
		s->eh.size = s->eh.bytes ? (size_t)size : 0;
		s->eh.address = address;
		return;
	}
}

/* LSB core, 10.6.2: version, three encodings, a pointer to .eh_frame, a count, {start, FDE} pairs in order. */
static void read_hdr(struct ap_sections *s, const GElf_Phdr *ph, size_t n_phdrs)
{
	const uint8_t *p = chunk(s, ph->p_offset, ph->p_filesz);
	struct ap_cfi_section hdr = {.bytes = p, .size = ph->p_filesz, .address = ph->p_vaddr, .data_base = ph->p_vaddr};
	struct ap_reader r = {p, p ? p + ph->p_filesz : p, !p};
	uint64_t eh, count;
	uint8_t encoding[3];

	if (!p || ap_read_u8(&r) != 1)
		return;
	for (int i = 0; i < 3; i++)
		encoding[i] = ap_read_u8(&r);
	if (!ap_cfi_pointer(&r, &hdr, encoding[0], 8, &eh))
		return;
	s->eh.data_base = ph->p_vaddr;
	load_eh(s, eh, n_phdrs);
	if (encoding[1] == DW_EH_PE_omit || encoding[2] == DW_EH_PE_omit || !ap_cfi_pointer(&r, &hdr, encoding[1], 8, &count))
		return;
	s->table_encoding = encoding[2];
	if (!count || count > FDES_MAX || !ap_pointer_size(encoding[2]) || count > ap_read_left(&r) / (2 * ap_pointer_size(encoding[2])))
		return;
	s->table = r;
	s->table_address = ph->p_vaddr + (uint64_t)(r.at - p);
	s->n_table = (size_t)count;
}

static void load_debug(struct ap_sections *s, Elf_Scn *scn, const GElf_Shdr *sh)
{
	GElf_Chdr ch;
	Elf_Data *d;

	if (sh->sh_size > SECTION_BYTES_MAX)
		return;
	if (sh->sh_flags & SHF_COMPRESSED && (!gelf_getchdr(scn, &ch) || ch.ch_size > SECTION_BYTES_MAX || elf_compress(scn, 0, 0) < 0))
		return;
	d = elf_getdata(scn, NULL);
	if (!d || !d->d_buf)
		return;
	s->debug = (struct ap_cfi_section){.bytes = d->d_buf, .size = d->d_size, .address = sh->sh_addr, .debug = true};
}

/* The PLT, and all of the vDSO: the places of code without call frame information. */
static bool is_plain(const struct ap_sections *s, const char *name, const GElf_Shdr *sh)
{
	return AP_SCAN && sh->sh_flags & SHF_EXECINSTR && sh->sh_addr + sh->sh_size >= sh->sh_addr &&
	       (s->image || !strcmp(name, ".plt") || !strcmp(name, ".iplt"));
}

static void load_plain(struct ap_sections *s, const GElf_Shdr *sh)
{
	const uint8_t *bytes = s->n_plain < AP_PLAIN_MAX ? chunk(s, sh->sh_offset, sh->sh_size) : NULL;

	if (bytes)
		s->plain[s->n_plain++] = (struct ap_plain_code){.bytes = bytes, .size = sh->sh_size, .address = sh->sh_addr};
}

static bool needs_others(struct ap_sections *s, const GElf_Phdr *ph)
{
	const uint8_t *bytes = ph->p_filesz <= DYNAMIC_BYTES_MAX ? chunk(s, ph->p_offset, ph->p_filesz) : NULL;
	Elf64_Dyn d;

	for (uint64_t at = 0; bytes && at + sizeof d <= ph->p_filesz; at += sizeof d) {
		memcpy(&d, bytes + at, sizeof d);
		if (d.d_tag == DT_NEEDED || d.d_tag == DT_NULL)
			return d.d_tag == DT_NEEDED;
	}
	return false;
}

/* What stands alone: a C library or a static program. Anything else gets its signals' way back from its C library. */
static bool may_be_c_library(struct ap_sections *s, size_t n_phdrs)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < n_phdrs; i++)
		if (gelf_getphdr(s->elf, (int)i, &ph) && (ph.p_type == PT_INTERP || (ph.p_type == PT_DYNAMIC && needs_others(s, &ph))))
			return false;
	return true;
}

/* Reading a program's code costs, and Go's, which are great, go by frame pointers: TEXT_BYTES_MAX of all segments together. */
static void find_trampoline(struct ap_sections *s, size_t n_phdrs)
{
	const uint8_t *bytes, *found = NULL;
	uint64_t left = TEXT_BYTES_MAX;
	GElf_Phdr ph;

	if (!may_be_c_library(s, n_phdrs))
		return;
	for (size_t i = 0; i < n_phdrs && !found && s->n_plain < AP_PLAIN_MAX; i++) {
		if (!gelf_getphdr(s->elf, (int)i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) || ph.p_filesz > left)
			continue;
		left -= ph.p_filesz;
		bytes = chunk(s, ph.p_offset, ph.p_filesz);
		found = bytes ? ap_scan_find_trampoline(bytes, ph.p_filesz) : NULL;
		if (found)
			s->plain[s->n_plain++] = (struct ap_plain_code){
				.bytes = found - 1, .size = 1 + AP_TRAMPOLINE_BYTES, .address = ph.p_vaddr + (uint64_t)(found - bytes) - 1};
	}
}

static void find_sections(struct ap_sections *s)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names, n = 0;
	const char *name;

	if (elf_getshdrstrndx(s->elf, &names))
		return;
	while ((scn = elf_nextscn(s->elf, scn)) && n++ < SECTIONS_MAX) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || !(name = elf_strptr(s->elf, names, sh.sh_name)))
			continue;
		if (!strcmp(name, ".eh_frame")) {
			s->eh.address = sh.sh_addr;
			s->eh.size = sh.sh_size;
			s->eh_exact = true;
		} else if (!strcmp(name, ".debug_frame")) {
			load_debug(s, scn, &sh);
		} else if (is_plain(s, name, &sh)) {
			load_plain(s, &sh);
		}
	}
}

static int open_all(struct ap_sections *s)
{
	size_t n_phdrs = 0;
	GElf_Ehdr eh;
	GElf_Phdr ph;

	if (elf_kind(s->elf) != ELF_K_ELF || !gelf_getehdr(s->elf, &eh) || elf_getphdrnum(s->elf, &n_phdrs))
		return -EBADMSG;
	if (eh.e_machine != MACHINE || gelf_getclass(s->elf) != ELFCLASS64)
		return -ENOTSUP;
	if (n_phdrs > PHDRS_MAX)
		return -EBADMSG;
	s->entry = eh.e_entry;
	find_code(s, n_phdrs);
	find_sections(s);
	if (!AP_SCAN && !s->image)
		find_trampoline(s, n_phdrs);
	for (size_t i = 0; i < n_phdrs && !s->eh.bytes; i++)
		if (gelf_getphdr(s->elf, (int)i, &ph) && ph.p_type == PT_GNU_EH_FRAME)
			read_hdr(s, &ph, n_phdrs);
	if (!s->eh.bytes && s->eh_exact) /* static programs may have no search table */
		load_eh(s, s->eh.address, n_phdrs);
	return 0;
}

int ap_sections_open(const struct ap_unwind_input *in, struct ap_sections *ret)
{
	struct ap_sections s = {.elf = NULL, .image = in->fd < 0};
	int err;

	elf_version(EV_CURRENT);
	s.elf = in->fd >= 0 ? elf_begin(in->fd, ELF_C_READ, NULL) : elf_memory((char *)(uintptr_t)in->image, in->image_size);
	if (!s.elf)
		return -EBADMSG;
	err = open_all(&s);
	if (err) {
		ap_sections_done(&s);
		return err;
	}
	*ret = s;
	return 0;
}

void ap_sections_done(struct ap_sections *s)
{
	elf_end(s->elf);
	s->elf = NULL;
}
