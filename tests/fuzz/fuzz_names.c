/* Any bytes as the name of a thread, a function, a binary and an event, in every report: what comes out is read again by checkers that
 * share nothing with the escapes. JSON: jansson, strict. CSV: a parser of RFC 4180. Text: valid UTF-8 without a byte that steers a
 * terminal. HTML: not one '<' more than for a harmless name. */
#include "tests/fuzz/report_db.h"

#include <jansson.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* RFC 3629, by table of ranges. */
static void check_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t more = p[i] < 0x80                   ? 0
			      : p[i] >= 0xc2 && p[i] < 0xe0 ? 1
			      : (p[i] & 0xf0) == 0xe0       ? 2
			      : p[i] >= 0xf0 && p[i] < 0xf5 ? 3
							    : 4;
		unsigned second = more && i + 1 < n ? p[i + 1] : 0x80;

		require(more < 4 && i + more < n);
		require(p[i] == '\n' || p[i] == '\r' || (p[i] >= 0x20 && p[i] != 0x7f));
		require(!(p[i] == 0xc2 && second < 0xa0)); /* C1 */
		require(!(p[i] == 0xe0 && second < 0xa0) && !(p[i] == 0xed && second > 0x9f) && !(p[i] == 0xf0 && second < 0x90) &&
			!(p[i] == 0xf4 && second > 0x8f));
		require(!(p[i] == 0xe2 && second == 0x80 && p[i + 2] >= 0xaa && p[i + 2] <= 0xae)); /* bidi */
		for (size_t k = 1; k <= more; k++)
			require((p[i + k] & 0xc0) == 0x80);
		i += more + 1;
	}
}

static void check_csv(const char *p)
{
	size_t columns = 0, n = 1;

	while (*p) {
		if (*p == '"') {
			require(!strchr("=+-@", p[1]) || !p[1]);
			for (p++; *p != '"' || p[1] == '"'; p++) {
				require(*p);
				p += *p == '"';
			}
			p++;
		} else {
			while (*p && !strchr(",\r\n\"", *p))
				p++;
		}
		if (*p == ',') {
			n++;
			p++;
			continue;
		}
		require(p[0] == '\r' && p[1] == '\n');
		require(!columns || n == columns);
		columns = n;
		n = 1;
		p += 2;
	}
}

static char *report(sqlite3 *db, const struct ap_view *v, int kind, const struct ap_report_options *o, size_t *ret_size)
{
	struct ap_why why = {""};
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);

	require(f && !(kind == 0         ? ap_report_top(v, NULL, o, f, &why)
			     : kind == 1 ? ap_report_tree(v, o, f, &why)
			     : kind == 2 ? ap_report_folded(v, NULL, o, f, &why)
			     : kind == 3 ? ap_report_summary(db, v, o, f, &why)
					 : ap_report_flame(db, v, NULL, o, f, &why)));
	fclose(f);
	return text;
}

static size_t count(const char *s, char c)
{
	size_t n = 0;

	for (; (s = strchr(s, c)); s++)
		n++;
	return n;
}

static void name_all(sqlite3 *db, const char *name)
{
	static const char *const sql[] = {"UPDATE thread SET comm = ?1 WHERE id = 1", "UPDATE function SET name = ?1 WHERE id = 2",
		"UPDATE executable SET path = ?1 WHERE id = 1", "UPDATE event SET name = ?1, why = ?1 WHERE id = 1",
		"UPDATE frame_line SET file = ?1 WHERE frame = 1"};
	sqlite3_stmt *st;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		require(!sqlite3_prepare_v2(db, sql[i], -1, &st, NULL) && !sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC) &&
			sqlite3_step(st) == SQLITE_DONE);
		sqlite3_finalize(st);
	}
}

static void check_all(sqlite3 *db, size_t tags)
{
	struct ap_report_options o = {0};
	struct ap_buf header = {0};
	struct ap_why why;
	struct ap_view *v;
	json_t *json;
	size_t size;
	char *text;

	require(!ap_view_open(db, &o.filter, AP_VIEW_PAGE, &v, &why) && !ap_view_header(db, v, &header, &why));
	check_text((const unsigned char *)header.data, header.len);
	ap_buf_done(&header);
	for (int kind = 0; kind < 4; kind++)
		for (int format = 0; format < 3; format++) {
			o.format = (enum ap_report_format)format;
			o.width = format == AP_FORMAT_TEXT ? 60 : 0;
			text = report(db, v, kind, &o, &size);
			check_text((const unsigned char *)text, size);
			if (format == AP_FORMAT_CSV)
				check_csv(text);
			if (format == AP_FORMAT_JSON) {
				require((json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL)) != NULL);
				json_decref(json);
			}
			free(text);
		}
	o.format = AP_FORMAT_TEXT;
	text = report(db, v, 4, &o, &size);
	require(count(text, '<') == tags);
	free(text);
	ap_view_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static sqlite3 *db;
	static size_t tags;
	char *s = malloc(n + 1), *page;

	if (!db) {
		struct ap_report_options o = {0};
		struct ap_why why;
		struct ap_view *v;

		db = report_db();
		require(!ap_view_open(db, &o.filter, AP_VIEW_PAGE, &v, &why));
		page = report(db, v, 4, &o, &(size_t){0});
		ap_view_free(v);
		tags = count(page, '<');
		free(page);
	}
	memcpy(s, data, n);
	s[n] = '\0';
	name_all(db, s);
	check_all(db, tags);
	free(s);
	return 0;
}
