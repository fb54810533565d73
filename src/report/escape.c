/* One decoder of raw bytes to code points (invalid ones become U+FFFD), and for each sink what it does with one. */
#include "report/report.h"

#include <string.h>

enum { REPLACEMENT = 0xfffd };

static uint32_t next(const unsigned char **at)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = *at;
	int n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c = n == 1 ? p[0] : n ? p[0] & (0x7fu >> n) : REPLACEMENT;

	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*at = p + 1;
			return REPLACEMENT;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*at = p + (n ? n : 1);
	if (n > 1 && (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return REPLACEMENT;
	return c;
}

static int put(struct ap_buf *b, uint32_t c)
{
	char u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1) {
		u[0] = (char)c;
	} else {
		for (size_t i = n; i-- > 1; c >>= 6)
			u[i] = (char)(0x80 | (c & 0x3f));
		u[0] = (char)((0xf00 >> n & 0xff) | c);
	}
	return ap_buf_add(b, u, n);
}

/* C0, DEL, C1, and what reorders or hides text. */
static bool invisible(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static int put_visible(struct ap_buf *b, uint32_t c)
{
	if (!invisible(c))
		return put(b, c);
	return c < 0x80 ? ap_buf_printf(b, "\\x%02x", c) : ap_buf_printf(b, "\\u{%x}", c);
}

int ap_escape_terminal(struct ap_buf *b, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int err = ap_buf_add(b, "", 0);

	while (*at && !err)
		err = put_visible(b, next(&at));
	return err;
}

int ap_escape_folded(struct ap_buf *b, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int err = ap_buf_add(b, "", 0);

	while (*at && !err) {
		uint32_t c = next(&at);

		err = c == ';' ? ap_buf_puts(b, ":") : put_visible(b, c);
	}
	return err;
}

int ap_escape_html(struct ap_buf *b, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int err = ap_buf_add(b, "", 0);

	while (*at && !err) {
		uint32_t c = next(&at);

		err = c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' ? ap_buf_printf(b, "&#%u;", c) : put_visible(b, c);
	}
	return err;
}

int ap_escape_json(struct ap_buf *b, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int err = ap_buf_puts(b, "\"");

	while (*at && !err) {
		uint32_t c = next(&at);

		/* '<', '>' and '&' too, so that no string ends a <script> */
		err = c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || (invisible(c) && c < 0x10000) ? ap_buf_printf(b, "\\u%04x", c)
			: put(b, c);
	}
	return err ? err : ap_buf_puts(b, "\"");
}

int ap_escape_csv(struct ap_buf *b, const char *s)
{
	const unsigned char *at = (const unsigned char *)s;
	int err = ap_buf_puts(b, strchr("=+-@", s[0]) && s[0] ? "\"'" : "\"");

	while (*at && !err) {
		uint32_t c = next(&at);

		err = c == '"' ? ap_buf_puts(b, "\"\"") : put_visible(b, c);
	}
	return err ? err : ap_buf_puts(b, "\"");
}
