/* A long C++ name says most at its two ends: the namespace and the arguments' end. So the middle goes. Widths are those of East Asian wide
 * characters and of combining marks; the rest is one column. */
#include "report/fit.h"

#include <string.h>

static const char CUT[] = "\xe2\x80\xa6"; /* one column */

static uint32_t code_point(const unsigned char **at)
{
	const unsigned char *p = *at;
	int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = more ? *p & (0x3fu >> more) : *p;

	for (p++; more-- > 0 && *p; p++)
		c = c << 6 | (*p & 0x3f);
	*at = p;
	return c;
}

static size_t width_of(uint32_t c)
{
	static const uint32_t wide[][2] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f},
		{0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
	static const uint32_t none[][2] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
		{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};

	for (size_t i = 0; c >= 0x300 && i < AP_ARRAY_LEN(none); i++)
		if (c >= none[i][0] && c <= none[i][1])
			return 0;
	for (size_t i = 0; c >= 0x1100 && i < AP_ARRAY_LEN(wide); i++)
		if (c >= wide[i][0] && c <= wide[i][1])
			return 2;
	return 1;
}

static size_t text_width(const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	size_t n = 0;

	while (*at)
		n += width_of(code_point(&at));
	return n;
}

static size_t columns_of(const char *s, const char *end)
{
	const unsigned char *at = (const unsigned char *)s;
	size_t n = 0;

	while ((const char *)at < end)
		n += width_of(code_point(&at));
	return n;
}

/* The end of the longest beginning of at most `columns`. */
static const char *beginning(const char *s, size_t columns)
{
	const unsigned char *at = (const unsigned char *)s, *end = at;
	size_t n = 0;

	while (*at && (n += width_of(code_point(&at))) <= columns)
		end = at;
	return (const char *)end;
}

/* The start of the longest end of at most `columns`. */
static const char *ending(const char *s, size_t width, size_t columns)
{
	const unsigned char *at = (const unsigned char *)s;

	while (*at && width > columns)
		width -= width_of(code_point(&at));
	while (*at) { /* no mark without its letter */
		const unsigned char *next = at;

		if (width_of(code_point(&next)))
			break;
		at = next;
	}
	return (const char *)at;
}

int report_fit(struct ap_buf *b, const char *name, size_t columns, size_t *ret_width)
{
	struct ap_buf whole = {0};
	int err = ap_escape_terminal(&whole, name);
	size_t width = err ? 0 : text_width(whole.data), left;
	const char *end;

	if (!err && columns && width > columns) {
		left = (columns - 1) / 2;
		end = beginning(whole.data, left);
		err = ap_buf_add(b, whole.data, (size_t)(end - whole.data));
		if (!err)
			err = ap_buf_puts(b, CUT);
		/* a wide character that does not fit leaves a column */
		left = columns_of(whole.data, end) + 1;
		end = ending(whole.data, width, columns - left);
		width = left + text_width(end);
		if (!err)
			err = ap_buf_puts(b, end);
	} else if (!err) {
		err = ap_buf_add(b, whole.data, whole.len);
	}
	ap_buf_done(&whole);
	*ret_width = width;
	return err;
}
