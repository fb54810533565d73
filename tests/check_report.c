/* report: what each sink makes of hostile bytes; the outputs and filters on a small file written by hand. */
#include "report/fit.h"
#include "report/report.h"
#include "report/view.h"
#include "report/when.h"
#include "tests/store_make.h"

typedef int (*escape)(struct ap_buf *b, const char *s);

static void gives(escape fn, const char *in, const char *out)
{
	struct ap_buf b = {0};

	ck_assert_int_eq(fn(&b, in), 0);
	ck_assert_str_eq(b.data, out);
	ap_buf_done(&b);
}

START_TEST(each_sink_is_safe_from_what_names_hold)
{
	gives(ap_escape_terminal, "", "");
	gives(ap_escape_terminal, "a\x1b[31m\x7f", "a\\x1b[31m\\x7f");
	gives(ap_escape_terminal, "x\xe2\x80\xaey\xc2\x9b", "x\\u{202e}y\\u{9b}");
	gives(ap_escape_terminal,
		"\xff"
		"a\xc3",
		"\xef\xbf\xbd"
		"a\xef\xbf\xbd");
	gives(ap_escape_terminal, "\xc0\xaf", "\xef\xbf\xbd");
	gives(ap_escape_terminal, "\xed\xa0\x80", "\xef\xbf\xbd");
	gives(ap_escape_terminal, "\xf0\x9f\x99\x82\xe2\x82\xac\xc3\xa9", "\xf0\x9f\x99\x82\xe2\x82\xac\xc3\xa9");
	gives(ap_escape_html, "<script>\"&'", "&#60;script&#62;&#34;&#38;&#39;");
	gives(ap_escape_json, "</script>\"\\\n", "\"\\u003c/script\\u003e\\u0022\\u005c\\u000a\"");
	gives(ap_escape_json, "\xe2\x80\xa8", "\"\\u2028\"");
	gives(ap_escape_csv, "=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
	gives(ap_escape_csv, "a\"b,c", "\"a\"\"b,c\"");
	gives(ap_escape_csv, "", "\"\"");
	gives(ap_escape_folded, "a;b\nc", "a:b\\x0ac");
}
END_TEST

/* main (2) -> work (3 samples self), and main alone 1; thread 1 */
static sqlite3 *small_file(void)
{
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	struct ap_batch *b;
	sqlite3 *db;

	ck_assert_msg(!make_create("a.db", NULL, 0, &s, &why), "%s", why.text);
	ck_assert_int_eq(ap_batch_new(&b), 0);
	ROW(b, event, .id = 1, .run = 1, .name = "cpu-clock", .source = "perf", .why = "", .frequency_hz = 99, .unit = "ns");
	ROW(b, process, .id = 1, .host = 1, .boot = "b", .pid = 10, .start_ns = 5, .comm = "prog", .cmdline = "prog", .cgroup = "",
		.container = "", .end_ns = AP_NULL);
	ROW(b, thread, .id = 1, .process = 1, .tid = 10, .start_ns = 5, .comm = "prog", .end_ns = AP_NULL);
	ROW(b, executable, .id = 1, .build_id = "", .path = "/bin/prog", .kind = 1, .why = "");
	ROW(b, function, .id = 1, .name = "main", .linkage_name = "", .file = "");
	ROW(b, function, .id = 2, .name = "work;<b>", .linkage_name = "", .file = "");
	for (int i = 1; i <= 2; i++) {
		ROW(b, frame, .id = i, .executable = 1, .address = 16 * i, .kind = 1);
		ROW(b, frame_line, .frame = i, .function = i, .file = "", .line = i);
		ROW(b, stack, .id = i, .parent_id = i - 1, .frame_id = i);
	}
	ROW(b, sample_row, .run = 1, .ts = 100, .event = 1, .thread = 1, .stack = 1, .weight = 10);
	for (int i = 0; i < 3; i++)
		ROW(b, sample_row, .run = 1, .ts = 200 + i, .cpu = 1, .event = 1, .thread = 1, .stack = 2, .weight = 10);
	ROW(b, account, .run = 1, .source = "perf", .seen = 4, .stored = 4);
	ck_assert_int_eq(ap_store_put(s, b, UINT64_MAX), 0);
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	ck_assert_msg(!ap_store_open_read("a.db", &db, &why), "%s", why.text);
	return db;
}

enum kind { TOP, FOLDED, SUMMARY };

static char *text_of(enum kind kind, sqlite3 *db, struct ap_report_options o)
{
	struct ap_why why = {.text = ""};
	struct ap_view *v;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_msg(!ap_view_open(db, &o.filter, AP_VIEW_EVENT, &v, &why), "%s", why.text);
	ck_assert_msg(!(kind == TOP            ? ap_report_top(v, NULL, &o, f, &why)
			      : kind == FOLDED ? ap_report_folded(v, NULL, &o, f, &why)
					       : ap_report_summary(db, v, &o, f, &why)),
		"%s", why.text);
	ap_view_free(v);
	fclose(f);
	return text;
}

START_TEST(folded_and_filters)
{
	static const struct {
		struct ap_report_filter filter;
		const char *text;
	} cases[] = {
		{{0}, "prog;main 10\nprog;main;work:<b> 30\n"},
		{{.cpu = "0"}, "prog;main 10\n"},
		{{.cpu = "0,1"}, "prog;main 10\nprog;main;work:<b> 30\n"},
		{{.pid = "11"}, ""},
		{{.comm = "prog' OR 1=1 --"}, ""},
		{{.function_regex = "^work"}, "prog;main;work:<b> 30\n"},
		{{.from = "150ns"}, "prog;main;work:<b> 30\n"},
		{{.to = "150ns"}, "prog;main 10\n"},
		{{.event = "cycles"}, ""},
	};
	sqlite3 *db = small_file();
	char *t;

	for (size_t i = 0; i < AP_ARRAY_LEN(cases); i++) {
		t = text_of(FOLDED, db, (struct ap_report_options){.filter = cases[i].filter});
		ck_assert_msg(!strcmp(t, cases[i].text), "case %zu: %s", i, t);
		free(t);
	}
	sqlite3_close(db);
}
END_TEST

START_TEST(top_and_summary)
{
	sqlite3 *db = small_file();
	char *t = text_of(TOP, db, (struct ap_report_options){.format = AP_FORMAT_CSV});
	char *work = strstr(t, "\"work;<b>\""), *top = strstr(t, "\"main\"");

	ck_assert_msg(work && top && work < top, "%s", t);
	free(t);
	t = text_of(TOP, db, (struct ap_report_options){.format = AP_FORMAT_JSON});
	ck_assert_msg(strstr(t, "work;\\u003cb\\u003e") && strstr(t, "75."), "%s", t);
	free(t);
	t = text_of(SUMMARY, db, (struct ap_report_options){.format = AP_FORMAT_JSON});
	ck_assert_msg(strstr(t, "\"samples\": 4, \"lost\": 0") && strstr(t, "\"complete_pct\": 100.00, \"symbolised_pct\": 100.00") &&
			      strstr(t, "\"incomplete\": false"),
		"%s", t);
	free(t);
	sqlite3_close(db);
}
END_TEST

static void when(const char *text, bool absolute, int64_t ns)
{
	struct report_when w;
	struct ap_why why;

	ck_assert_msg(!report_when_parse("--from", text, &w, &why), "%s", text);
	ck_assert_msg(w.given && w.absolute == absolute && w.ns == ns, "%s: %lld", text, (long long)w.ns);
}

START_TEST(times)
{
	static const char *const bad[] = {"", "-1", "+1", "1.5x", "1 s", "nan", "inf", "1e300", "0x10x", "2026-02-30T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24", "2026-11-24T10:00:00+25:00", "2026-11-24T10:00:00Zx",
		"2026-11-24T10:00:00+1:-5", "1969-12-31T23:59:59Z"};
	struct report_when w;
	struct ap_why why;

	when("1.5s", false, 1500000000);
	when("3", false, 3000000000);
	when("200ms", false, 200000000);
	when(".5us", false, 500);
	when("0.1", false, 100000000);
	when("2m", false, 120000000000);
	when("1970-01-01T00:00:01Z", true, 1000000000);
	when("1970-01-01T00:00:01.123456789123Z", true, 1123456789);
	when("1970-01-01T01:00:01+01:00", true, 1000000000);
	when("1970-01-01 00:00:01.5", true, 1500000000);
	when("2026-11-24T10:00:00-00:30", true, 1795516200000000000);
	for (size_t i = 0; i < AP_ARRAY_LEN(bad); i++)
		ck_assert_msg(report_when_parse("--from", bad[i], &w, &why) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(report_when_parse("--from", NULL, &w, &why), 0);
	ck_assert(!w.given);
}
END_TEST

START_TEST(names_are_cut_in_the_middle)
{
	static const struct {
		const char *name;
		size_t columns, width;
		const char *text;
	} cases[] = {
		{"short", 10, 5, "short"},
		{"exactly10!", 10, 10, "exactly10!"},
		{"one_too_lon", 10, 10, "one_\xe2\x80\xa6o_lon"},
		{"one_too_lon", 0, 11, "one_too_lon"},
		{"\xe6\xbc\xa2\xe5\xad\x97", 4, 4, "\xe6\xbc\xa2\xe5\xad\x97"},
		{"\xe6\xbc\xa2\xe5\xad\x97", 3, 3, "\xe2\x80\xa6\xe5\xad\x97"},
		{"e\xcc\x81", 1, 1, "e\xcc\x81"},
		{"\x1b", 0, 4, "\\x1b"},
		{"", 3, 0, ""},
	};

	for (size_t i = 0; i < AP_ARRAY_LEN(cases); i++) {
		struct ap_buf b = {0};
		size_t width;

		ck_assert_int_eq(report_fit(&b, cases[i].name, cases[i].columns, &width), 0);
		ck_assert_msg(!strcmp(b.data, cases[i].text) && width == cases[i].width, "case %zu: %s, %zu", i, b.data, width);
		ap_buf_done(&b);
	}
}
END_TEST

/* A view for a page has the rows of a view for text, and sums of all events besides. */
START_TEST(a_page_gets_what_the_reports_show)
{
	static const struct {
		struct ap_report_filter filter;
		int n;
	} cases[] = {{{0}, 4}, {{.cpu = "1-7"}, 3}, {{.pid = "9-10"}, 4}, {{.pid = "11"}, 0}, {{.comm = "prog"}, 4},
		{{.event = "cpu-clock"}, 4}, {{.event = "cpu"}, 0}, {{.from = "150ns", .to = "202ns"}, 2}, {{.host = "h"}, 4},
		{{.run = "zzzz"}, 0}};
	sqlite3 *db = small_file();

	for (size_t i = 0; i < AP_ARRAY_LEN(cases); i++) {
		struct ap_why why = {.text = ""};
		struct ap_view *text, *page;
		int n = 0;

		ck_assert_msg(!ap_view_open(db, &cases[i].filter, AP_VIEW_EVENT, &text, &why), "%s", why.text);
		ck_assert_msg(!ap_view_open(db, &cases[i].filter, AP_VIEW_PAGE, &page, &why), "%s", why.text);
		ck_assert_uint_eq(text->n_rows, page->n_rows);
		ck_assert(!text->n_rows || !memcmp(text->rows, page->rows, text->n_rows * sizeof *text->rows));
		for (size_t k = 0; k < page->n_sums; k++)
			n += (int)page->sums[k].n;
		ck_assert_msg(n == cases[i].n, "case %zu: %d", i, n);
		ck_assert(!text->sums);
		ap_view_free(text);
		ap_view_free(page);
	}
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_test(t, each_sink_is_safe_from_what_names_hold);
	tcase_add_test(t, folded_and_filters);
	tcase_add_test(t, top_and_summary);
	tcase_add_test(t, times);
	tcase_add_test(t, names_are_cut_in_the_middle);
	tcase_add_test(t, a_page_gets_what_the_reports_show);
	suite_add_tcase(s, t);
	return check_main(s);
}
