/* A cursor over bytes of a file that may be damaged: it never passes its end; what would is 0 and sets `bad`, which stays. */
#ifndef AP_UNWIND_READER_H
#define AP_UNWIND_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ap_reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline size_t ap_read_left(const struct ap_reader *r)
{
	return (size_t)(r->end - r->at);
}

static inline const uint8_t *ap_read_skip(struct ap_reader *r, uint64_t n)
{
	const uint8_t *p = r->at;

	if (r->bad || n > ap_read_left(r)) {
		r->bad = true;
		r->at = r->end;
		return NULL;
	}
	r->at += n;
	return p;
}

/* Little-endian, 1 to 8 bytes. */
static inline uint64_t ap_read_u(struct ap_reader *r, size_t n)
{
	const uint8_t *p = ap_read_skip(r, n);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, n);
	return v;
}

static inline uint8_t ap_read_u8(struct ap_reader *r)
{
	if (r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

/* LEB128; bits past 64 are dropped. *ret_shift is where the value's bits end. */
static inline uint64_t ap_read_leb(struct ap_reader *r, unsigned *ret_shift, uint8_t *ret_last)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = ap_read_u8(r);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
	} while (b & 0x80 && !r->bad);
	*ret_shift = shift;
	*ret_last = b;
	return v;
}

static inline uint64_t ap_read_uleb(struct ap_reader *r)
{
	unsigned shift;
	uint8_t last;

	return ap_read_leb(r, &shift, &last);
}

static inline int64_t ap_read_sleb(struct ap_reader *r)
{
	unsigned shift;
	uint8_t last;
	uint64_t v = ap_read_leb(r, &shift, &last);

	if (shift < 64 && last & 0x40)
		v |= UINT64_MAX << shift;
	return (int64_t)v;
}

#endif
