/* An ELF head is read in three steps, each from bytes that were bounds-checked by the one before: the file header, the table of program
 * headers (at most AP_ELF_PHDRS_MAX of them), and the PT_NOTE ranges among these (at most AP_ELF_NOTES_MAX of AP_ELF_NOTE_BYTES_MAX each).
 * 32-bit headers are widened on the way in, so that the rest knows one form. Section headers are never looked at: they may be stripped. */
#include "proc/elf.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum { FIRST_BYTES = 4096, PAGE = 4096 };

/* Up to n bytes at an offset: how many, or negative errno. */
static ssize_t read_at(const struct ap_elf_input *in, void *data, size_t n, uint64_t offset)
{
	if (in->fd >= 0)
		return offset > INT64_MAX - n ? 0 : ap_pread_all(in->fd, data, n, offset);
	if (offset >= in->image_size)
		return 0;
	if (n > in->image_size - offset)
		n = in->image_size - offset;
	memcpy(data, (const char *)in->image + offset, n);
	return (ssize_t)n;
}

static size_t pad4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

int ap_elf_note_build_id(const void *notes, size_t n, uint8_t *ret_id, size_t *ret_size, size_t *ret_offset)
{
	const char *p = notes;
	Elf64_Nhdr h;

	for (size_t at = 0; at < n && n - at >= sizeof h;) {
		size_t name = at + sizeof h, desc;

		memcpy(&h, p + at, sizeof h);
		if (h.n_namesz > n || h.n_descsz > n)
			break;
		desc = name + pad4(h.n_namesz);
		if (desc > n || h.n_descsz > n - desc)
			break;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(p + name, "GNU", 4) && h.n_descsz &&
			h.n_descsz <= AP_ELF_BUILD_ID_MAX) {
			memcpy(ret_id, p + desc, h.n_descsz);
			*ret_size = h.n_descsz;
			*ret_offset = desc;
			return 0;
		}
		at = desc + pad4(h.n_descsz);
	}
	return -ENOENT;
}

static void widen_ehdr(const Elf32_Ehdr *in, Elf64_Ehdr *out)
{
	out->e_type = in->e_type;
	out->e_machine = in->e_machine;
	out->e_phoff = in->e_phoff;
	out->e_phentsize = in->e_phentsize;
	out->e_phnum = in->e_phnum;
}

static Elf64_Phdr phdr_at(const char *table, size_t i, bool compat)
{
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (!compat) {
		memcpy(&wide, table + i * sizeof wide, sizeof wide);
		return wide;
	}
	memcpy(&narrow, table + i * sizeof narrow, sizeof narrow);
	return (Elf64_Phdr){.p_type = narrow.p_type, .p_flags = narrow.p_flags, .p_offset = narrow.p_offset, .p_vaddr = narrow.p_vaddr,
		.p_filesz = narrow.p_filesz, .p_memsz = narrow.p_memsz};
}

/* The header in its wide form, or -ENOEXEC / -EBADMSG. */
static int read_ehdr(const char *first, size_t n, Elf64_Ehdr *ret_ehdr, bool *ret_compat)
{
	Elf64_Ehdr e = {0};
	Elf32_Ehdr narrow;
	bool compat;

	if (n < EI_NIDENT || memcmp(first, ELFMAG, SELFMAG) || first[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	compat = first[EI_CLASS] == ELFCLASS32;
	if (!compat && first[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	if (n < (compat ? sizeof narrow : sizeof e))
		return -EBADMSG;
	if (compat) {
		memcpy(&narrow, first, sizeof narrow);
		widen_ehdr(&narrow, &e);
	} else {
		memcpy(&e, first, sizeof e);
	}
	if (e.e_type != ET_EXEC && e.e_type != ET_DYN)
		return -ENOEXEC;
	if (e.e_phentsize != (compat ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr)) || !e.e_phnum || e.e_phnum > AP_ELF_PHDRS_MAX)
		return -EBADMSG;
	*ret_ehdr = e;
	*ret_compat = compat;
	return 0;
}

static int add_segment(struct ap_elf_head *h, size_t *cap, const Elf64_Phdr *p)
{
	if (h->n_segments >= AP_ELF_SEGMENTS_MAX || p->p_offset > INT64_MAX || p->p_filesz > INT64_MAX)
		return -EBADMSG;
	if (!ap_grow(&h->segments, cap, h->n_segments, sizeof *h->segments))
		return -ENOMEM;
	h->segments[h->n_segments++] = (struct ap_segment){.file_offset = p->p_offset, .file_size = p->p_filesz, .address = p->p_vaddr,
		.memory_size = p->p_memsz, .flags = p->p_flags};
	return 0;
}

static void read_note(const struct ap_elf_input *in, const Elf64_Phdr *p, struct ap_elf_head *h)
{
	size_t want = p->p_filesz < AP_ELF_NOTE_BYTES_MAX ? (size_t)p->p_filesz : (size_t)AP_ELF_NOTE_BYTES_MAX, offset;
	AP_AUTO_FREE char *notes = malloc(want + 1);
	ssize_t n = notes ? read_at(in, notes, want, p->p_offset) : -1;

	if (n > 0 && !ap_elf_note_build_id(notes, (size_t)n, h->build_id, &h->build_id_size, &offset))
		h->build_id_address = p->p_vaddr + offset;
}

static int read_phdrs(const struct ap_elf_input *in, const Elf64_Ehdr *e, struct ap_elf_head *h)
{
	size_t size = (size_t)e->e_phnum * e->e_phentsize, cap = 0, notes = 0;
	AP_AUTO_FREE char *table = malloc(size);
	ssize_t n;
	int r = 0;

	if (!table)
		return -ENOMEM;
	n = read_at(in, table, size, e->e_phoff);
	if (n < 0)
		return (int)n;
	if ((size_t)n != size)
		return -EBADMSG;
	h->hash = ap_hash_bytes(table, size, h->hash);
	for (size_t i = 0; i < e->e_phnum && !r; i++) {
		Elf64_Phdr p = phdr_at(table, i, h->compat);

		if (p.p_type == PT_LOAD)
			r = add_segment(h, &cap, &p);
		else if (p.p_type == PT_NOTE && !h->build_id_size && notes++ < AP_ELF_NOTES_MAX)
			read_note(in, &p, h);
	}
	return r;
}

int ap_elf_head_read(const struct ap_elf_input *in, struct ap_elf_head *ret_head)
{
	struct ap_elf_head h = {0};
	char first[FIRST_BYTES] = {0};
	Elf64_Ehdr e;
	ssize_t n = read_at(in, first, sizeof first, 0);
	int r;

	if (n < 0)
		return (int)n;
	h.hash = ap_hash_bytes(first, (size_t)n, 0);
	r = read_ehdr(first, (size_t)n, &e, &h.compat);
	if (!r) {
		h.dynamic = e.e_type == ET_DYN;
		r = read_phdrs(in, &e, &h);
	}
	if (r) {
		free(h.segments);
		h = (struct ap_elf_head){.hash = h.hash};
	}
	*ret_head = h;
	return r;
}

void ap_elf_head_done(struct ap_elf_head *h)
{
	free(h->segments);
	*h = (struct ap_elf_head){0};
}

bool ap_elf_bias(const struct ap_segment *segments, size_t n, uint64_t start, uint64_t file_offset, uint64_t *ret_bias)
{
	const struct ap_segment *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct ap_segment *s = &segments[i];
		uint64_t from = s->file_offset & ~(uint64_t)(PAGE - 1), to = (s->file_offset + s->file_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);

		if (file_offset >= from && file_offset < to && (!best || (s->flags & PF_X && !(best->flags & PF_X))))
			best = s;
	}
	*ret_bias = best ? start - (best->address + (file_offset - best->file_offset)) : start - file_offset;
	return best != NULL;
}
