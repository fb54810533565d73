/* The last entry at or below an address, and the length that its FDE gives (LSB core, 10.6). The FDE's own start must be the entry's: that
 * says which of the two encodings in use it has, without a look at its CIE, and a damaged table gives no name. */
#include "sym/starts.h"

#include <gelf.h>
#include <inttypes.h>
#include <string.h>

enum { VERSION = 1, PCREL_SDATA4 = 0x1b, DATAREL_SDATA4 = 0x3b, UDATA4 = 0x03, ENCODING_SIZE = 0x0f, SDATA4 = 0x0b };
enum { FRAME_POINTER = 4, HEADER = 12, ENTRY = 8, FDE_START = 8, FDE_MAX = FDE_START + 16 };

static int32_t int_at(const unsigned char *p)
{
	int32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t long_at(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static const unsigned char *bytes_at(const struct starts *s, uint64_t offset, uint64_t n)
{
	return s->image && n <= s->size && offset <= s->size - n ? s->image + offset : NULL;
}

static bool is_known(Elf *elf)
{
	GElf_Ehdr h;

	return gelf_getehdr(elf, &h) && h.e_ident[EI_CLASS] == ELFCLASS64 && h.e_ident[EI_DATA] == ELFDATA2LSB;
}

/* False: there is no table that can be searched. `ret_frame`: where the header says that .eh_frame is; 0: nowhere. */
static bool open_table(Elf *elf, struct starts *s, uint64_t *ret_frame)
{
	const unsigned char *h = NULL;
	size_t n = 0, count;
	GElf_Phdr ph;

	*ret_frame = 0;
	if (elf_getphdrnum(elf, &n))
		return false;
	for (size_t i = 0; i < n && !h; i++)
		if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_GNU_EH_FRAME && ph.p_filesz >= HEADER)
			h = bytes_at(s, ph.p_offset, ph.p_filesz);
	if (!h || h[0] != VERSION)
		return false;
	if (h[1] == PCREL_SDATA4)
		*ret_frame = ph.p_vaddr + FRAME_POINTER + (uint64_t)(int64_t)int_at(h + FRAME_POINTER);
	if ((h[1] & ENCODING_SIZE) != SDATA4 || h[2] != UDATA4 || h[3] != DATAREL_SDATA4)
		return false;
	count = (uint32_t)int_at(h + ENTRY);
	if (!count || count > (ph.p_filesz - HEADER) / ENTRY)
		return false;
	s->table = h + HEADER;
	s->n = count;
	s->base = ph.p_vaddr;
	return true;
}

void starts_open(Elf *elf, struct starts *s)
{
	uint64_t frame;

	*s = (struct starts){.elf = elf};
	s->image = (const unsigned char *)elf_rawfile(elf, &s->size);
	if (!is_known(elf) || open_table(elf, s, &frame))
		return;
	fdes_read(elf, 0, &s->fdes);
	if (!s->fdes.n && frame) /* no section headers */
		fdes_read(elf, frame, &s->fdes);
}

void starts_done(struct starts *s)
{
	fdes_done(&s->fdes);
}

static const unsigned char *mapped_at(const struct starts *s, uint64_t address, uint64_t n_bytes)
{
	GElf_Phdr ph;
	size_t n = 0;

	if (elf_getphdrnum(s->elf, &n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(s->elf, (int)i, &ph) && ph.p_type == PT_LOAD && address >= ph.p_vaddr && ph.p_filesz >= n_bytes &&
			address - ph.p_vaddr <= ph.p_filesz - n_bytes)
			return bytes_at(s, ph.p_offset + (address - ph.p_vaddr), n_bytes);
	return NULL;
}

/* Length, the way to the CIE, start and size: of four bytes each, the start relative to where it stands, or of eight, absolute. */
static bool holds(const struct starts *s, uint64_t fde, uint64_t start, uint64_t address)
{
	const unsigned char *p = mapped_at(s, fde, FDE_MAX);

	if (!p)
		return false;
	if (fde + FDE_START + (uint64_t)(int64_t)int_at(p + FDE_START) == start)
		return address - start < (uint32_t)int_at(p + FDE_START + 4);
	return long_at(p + FDE_START) == start && address - start < long_at(p + FDE_START + 8);
}

bool starts_find(const struct starts *s, uint64_t address, uint64_t *ret_start)
{
	int64_t want = (int64_t)(address - s->base);
	size_t low = 0, high = s->n, middle;
	const unsigned char *e;
	uint64_t start;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (int_at(s->table + middle * ENTRY) <= want)
			low = middle + 1;
		else
			high = middle;
	}
	if (!s->n)
		return fdes_find(&s->fdes, address, ret_start);
	if (!low)
		return false;
	e = s->table + (low - 1) * ENTRY;
	start = s->base + (uint64_t)(int64_t)int_at(e);
	if (!holds(s, s->base + (uint64_t)(int64_t)int_at(e + 4), start, address))
		return false;
	*ret_start = start;
	return true;
}

int starts_name(const char *path, uint64_t start, struct ap_buf *b)
{
	const char *slash = strrchr(path, '/'), *name = slash && slash[1] ? slash + 1 : path;
	size_t n = strlen(name);

	if (n > 2 && name[0] == '[' && name[n - 1] == ']') {
		name++;
		n -= 2;
	}
	b->len = 0;
	return ap_buf_printf(b, "[%.*s+0x%" PRIx64 "]", (int)n, name, start);
}
