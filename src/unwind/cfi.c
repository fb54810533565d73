/* Entries are length-prefixed; each is read inside its own bounds, so that damage in one does not reach the next. */
#include "unwind/cfi.h"

#include <dwarf.h>

enum { AUGMENTATION_MAX = 16 };

bool ap_cfi_pointer(struct ap_reader *r, const struct ap_cfi_section *s, uint8_t encoding, uint8_t address_size, uint64_t *ret)
{
	uint64_t here = s->address + (uint64_t)(r->at - s->bytes), v;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
		v = ap_read_u(r, address_size);
		break;
	case DW_EH_PE_uleb128:
		v = ap_read_uleb(r);
		break;
	case DW_EH_PE_sleb128:
		v = (uint64_t)ap_read_sleb(r);
		break;
	case DW_EH_PE_udata2:
		v = ap_read_u(r, 2);
		break;
	case DW_EH_PE_sdata2:
		v = (uint64_t)(int64_t)(int16_t)ap_read_u(r, 2);
		break;
	case DW_EH_PE_udata4:
		v = ap_read_u(r, 4);
		break;
	case DW_EH_PE_sdata4:
		v = (uint64_t)(int64_t)(int32_t)ap_read_u(r, 4);
		break;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		v = ap_read_u(r, 8);
		break;
	default:
		return false;
	}
	switch (encoding & 0xf0) {
	case 0:
		break;
	case DW_EH_PE_pcrel:
		v += here;
		break;
	case DW_EH_PE_datarel:
		v += s->data_base;
		break;
	default: /* indirect, or relative to what no file says */
		return false;
	}
	*ret = v;
	return !r->bad;
}

/* The augmentation data that 'z' announces. False: what it holds is not known, so that nothing behind it can be trusted. */
static bool read_augmentation(struct ap_reader *r, const struct ap_cfi_section *s, const char *letters, struct ap_cie *c)
{
	struct ap_reader data;
	uint64_t size, unused;
	const uint8_t *p;

	size = ap_read_uleb(r);
	p = ap_read_skip(r, size);
	if (!p)
		return false;
	data = (struct ap_reader){p, p + size, false};
	for (; *letters; letters++)
		switch (*letters) {
		case 'R':
			c->encoding = ap_read_u8(&data);
			break;
		case 'P': {
			uint8_t encoding = ap_read_u8(&data);

			/* only its size matters, and what it is relative to does not */
			if (!ap_cfi_pointer(&data, s, encoding & 0x0f, c->address_size, &unused))
				return false;
			break;
		}
		case 'L':
			ap_read_u8(&data);
			break;
		case 'S':
			c->signal = true;
			break;
		case 'B': /* aarch64: return addresses are signed with the B key */
		case 'G': /* aarch64: tagged stacks */
			break;
		default:
			return false;
		}
	return !data.bad;
}

static bool read_cie(const struct ap_cfi_section *s, struct ap_reader r, struct ap_cie *c)
{
	char letters[AUGMENTATION_MAX];
	uint8_t version = ap_read_u8(&r);
	size_t n = 0;

	c->encoding = DW_EH_PE_absptr;
	c->address_size = 8;
	c->signal = false;
	if (version != 1 && version != 3 && version != 4)
		return false;
	do
		letters[n] = (char)ap_read_u8(&r);
	while (letters[n] && ++n < sizeof letters);
	if (n == sizeof letters || r.bad)
		return false;
	if (version == 4) {
		c->address_size = ap_read_u8(&r);
		if (ap_read_u8(&r)) /* segment selectors */
			return false;
	}
	if (c->address_size != 8 && c->address_size != 4)
		return false;
	c->code_align = ap_read_uleb(&r);
	c->data_align = ap_read_sleb(&r);
	c->ra = version == 1 ? ap_read_u8(&r) : (unsigned)ap_read_uleb(&r);
	c->augmented = letters[0] == 'z';
	if (letters[0] && !c->augmented)
		return false;
	if (c->augmented && !read_augmentation(&r, s, letters + 1, c))
		return false;
	c->code = r;
	return !r.bad;
}

struct entry {
	struct ap_reader body; /* behind the id */
	uint64_t id;
	size_t id_at, next;
	bool wide; /* 64-bit DWARF */
};

static bool open_entry(const struct ap_cfi_section *s, size_t offset, struct entry *e)
{
	struct ap_reader r = {s->bytes + offset, s->bytes + s->size, offset > s->size};
	uint64_t length = r.bad ? 0 : ap_read_u(&r, 4);
	const uint8_t *body;

	e->wide = length == UINT32_MAX;
	if (e->wide)
		length = ap_read_u(&r, 8);
	if (r.bad || !length)
		return false;
	body = ap_read_skip(&r, length);
	if (!body)
		return false;
	e->next = (size_t)(r.at - s->bytes);
	e->id_at = (size_t)(body - s->bytes);
	e->body = (struct ap_reader){body, body + length, false};
	/* .eh_frame's CIE pointer has 4 bytes in both forms of gcc, 8 in 64-bit DWARF's own section */
	e->id = ap_read_u(&e->body, e->wide && s->debug ? 8 : 4);
	return !e->body.bad;
}

static bool is_cie(const struct ap_cfi_section *s, const struct entry *e)
{
	return s->debug ? e->id == (e->wide ? UINT64_MAX : UINT32_MAX) : e->id == 0;
}

/* Makes *cie the one that the FDE points to. */
static bool find_cie(const struct ap_cfi_section *s, const struct entry *fde, struct ap_cie *cie)
{
	uint64_t at = s->debug ? fde->id : fde->id_at - fde->id;
	struct entry e;

	if (!s->debug && fde->id > fde->id_at)
		return false;
	if (cie->offset == at)
		return true;
	cie->offset = SIZE_MAX;
	if (at >= s->size || !open_entry(s, (size_t)at, &e) || !is_cie(s, &e) || !read_cie(s, e.body, cie))
		return false;
	cie->offset = (size_t)at;
	return true;
}

int ap_cfi_entry(const struct ap_cfi_section *s, size_t offset, struct ap_cie *cie, struct ap_fde *ret_fde, size_t *ret_next)
{
	struct entry e;
	struct ap_reader *r = &e.body;
	uint64_t length;

	if (!open_entry(s, offset, &e))
		return -1;
	*ret_next = e.next;
	if (is_cie(s, &e) || !find_cie(s, &e, cie) || !ap_cfi_pointer(r, s, cie->encoding, cie->address_size, &ret_fde->start) ||
		!ap_cfi_pointer(r, s, cie->encoding & 0x0f, cie->address_size, &length))
		return 0;
	if (cie->augmented)
		ap_read_skip(r, ap_read_uleb(r));
	if (r->bad || ret_fde->start + length < ret_fde->start)
		return 0;
	ret_fde->end = ret_fde->start + length;
	ret_fde->code = *r;
	return 1;
}
