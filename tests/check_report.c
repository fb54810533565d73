/* report: what each sink makes of hostile bytes; the outputs and filters on a small file written by hand. */
#include "report/report.h"
#include "store/store.h"
#include "tests/check_main.h"

#include <string.h>
#include <unistd.h>

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
	gives(ap_escape_terminal, "\xff" "a\xc3", "\xef\xbf\xbd" "a\xef\xbf\xbd");
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

static const char *const PATH = "check_report.db";

#define PUT(name, ...) ck_assert_int_eq(ap_batch_##name(b, &(struct ap_row_##name){__VA_ARGS__}), 0)

/* main (2) -> work (3 samples self), and main alone 1; thread 1 */
static sqlite3 *small_file(void)
{
	struct ap_store_run run = {.host_key = "k", .host_name = "h", .os = "", .kernel = "", .arch = "", .cpu_model = "", .boot = "b",
		.command = "", .options = "", .version = "", .source = "perf", .source_why = ""};
	struct ap_store_end end = {.end_ns = 1000000000, .reason = "target exited", .exit_code = 0};
	struct ap_store_config cfg = {.path = PATH};
	struct ap_why why = {.text = ""};
	struct ap_store *s;
	struct ap_batch *b;
	sqlite3 *db;

	unlink(PATH);
	ck_assert_msg(!ap_store_create(&cfg, &run, &s, &why), "%s", why.text);
	ck_assert_int_eq(ap_batch_new(&b), 0);
	PUT(event, 1, 1, 0, "cpu-clock", "perf", "", 99, 0, 0, "ns");
	PUT(process, 1, 1, "b", 10, 5, 0, 0, "prog", "prog", "", "", 0, AP_NULL);
	PUT(thread, 1, 1, 10, 5, "prog", AP_NULL);
	PUT(executable, 1, "", "/bin/prog", 1, "");
	PUT(function, 1, "main", "", "", 0);
	PUT(function, 2, "work;<b>", "", "", 0);
	PUT(frame, 1, 1, 16, 1);
	PUT(frame, 2, 1, 32, 1);
	PUT(frame_line, 1, 0, 1, "", 1);
	PUT(frame_line, 2, 0, 2, "", 2);
	PUT(stack, 1, 0, 1);
	PUT(stack, 2, 1, 2);
	PUT(sample, 1, 100, 0, 1, 1, 1, 10);
	for (int i = 0; i < 3; i++)
		PUT(sample, 1, 200 + i, 1, 1, 1, 2, 10);
	PUT(account, 1, "perf", 4, 4, 0, 0);
	ck_assert_int_eq(ap_store_put(s, b, UINT64_MAX), 0);
	ck_assert_msg(!ap_store_seal(s, &end, &why), "%s", why.text);
	ck_assert_msg(!ap_store_open_read(PATH, &db, &why), "%s", why.text);
	return db;
}

typedef int (*report)(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);

static char *text_of(report fn, sqlite3 *db, struct ap_report_options o)
{
	struct ap_why why = {.text = ""};
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ck_assert_msg(!fn(db, &o, f, &why), "%s", why.text);
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
		t = text_of(ap_report_folded, db, (struct ap_report_options){.filter = cases[i].filter});
		ck_assert_msg(!strcmp(t, cases[i].text), "case %zu: %s", i, t);
		free(t);
	}
	sqlite3_close(db);
	unlink(PATH);
}
END_TEST

START_TEST(top_and_summary)
{
	sqlite3 *db = small_file();
	char *t = text_of(ap_report_top, db, (struct ap_report_options){.format = AP_FORMAT_CSV});
	char *work = strstr(t, "\"work;<b>\""), *top = strstr(t, "\"main\"");

	ck_assert_msg(work && top && work < top, "%s", t);
	free(t);
	t = text_of(ap_report_top, db, (struct ap_report_options){.format = AP_FORMAT_JSON});
	ck_assert_msg(strstr(t, "work;\\u003cb\\u003e") && strstr(t, "75."), "%s", t);
	free(t);
	t = text_of(ap_report_summary, db, (struct ap_report_options){.format = AP_FORMAT_JSON});
	ck_assert_msg(strstr(t, "\"samples\": 4, \"lost\": 0") && strstr(t, "\"complete_pct\": 100.00, \"symbolised_pct\": 100.00") &&
		strstr(t, "\"incomplete\": false"), "%s", t);
	free(t);
	sqlite3_close(db);
	unlink(PATH);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_test(t, each_sink_is_safe_from_what_names_hold);
	tcase_add_test(t, folded_and_filters);
	tcase_add_test(t, top_and_summary);
	suite_add_tcase(s, t);
	return check_main(s);
}
