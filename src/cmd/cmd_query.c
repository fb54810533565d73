/* `aperture query FILE 'SQL'`: read-only, one statement, as text, JSON or CSV. */
#include "cmd/cmd.h"
#include "base/clock.h"
#include "report/report.h"
#include "store/guard.h"
#include "store/store.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_S = 60, TIMEOUT_MAX_S = 1000000 };

struct query_args {
	const char *path, *sql;
	enum ap_report_format format;
	long timeout_s; /* 0: none */
};

static int put_text(struct ap_buf *b, const char *text, enum ap_report_format format)
{
	return format == AP_FORMAT_JSON  ? ap_escape_json(b, text)
	       : format == AP_FORMAT_CSV ? ap_escape_csv(b, text)
					 : ap_escape_terminal(b, text);
}

/* As hexadecimal digits: no sink takes raw bytes. */
static int put_blob(struct ap_buf *b, sqlite3_stmt *st, int i, enum ap_report_format format)
{
	const unsigned char *bytes = sqlite3_column_blob(st, i);
	int n = sqlite3_column_bytes(st, i), err = format == AP_FORMAT_JSON ? ap_buf_puts(b, "\"") : 0;

	for (int k = 0; k < n && !err; k++)
		err = ap_buf_printf(b, "%02x", bytes[k]);
	return !err && format == AP_FORMAT_JSON ? ap_buf_puts(b, "\"") : err;
}

static int put_value(struct ap_buf *b, sqlite3_stmt *st, int i, enum ap_report_format format)
{
	int type = sqlite3_column_type(st, i);
	const char *text;

	if (type == SQLITE_BLOB)
		return put_blob(b, st, i, format);
	if (type == SQLITE_NULL || (type == SQLITE_FLOAT && format == AP_FORMAT_JSON && !isfinite(sqlite3_column_double(st, i))))
		return ap_buf_puts(b, format == AP_FORMAT_JSON ? "null" : "");
	text = (const char *)sqlite3_column_text(st, i);
	if (!text)
		return -ENOMEM;
	return type == SQLITE_TEXT ? put_text(b, text, format) : ap_buf_puts(b, text);
}

static int put_row(struct ap_buf *b, sqlite3_stmt *st, enum ap_report_format format, bool names, bool first)
{
	int n = sqlite3_column_count(st), err = 0;

	b->len = 0;
	if (format == AP_FORMAT_JSON)
		err = ap_buf_puts(b, first ? "\n{" : ",\n{");
	for (int i = 0; i < n && !err; i++) {
		if (i)
			err = ap_buf_puts(b, format == AP_FORMAT_JSON ? ", " : format == AP_FORMAT_CSV ? "," : "|");
		if (!err && (names || format == AP_FORMAT_JSON))
			err = put_text(b, sqlite3_column_name(st, i), format);
		if (!err && format == AP_FORMAT_JSON)
			err = ap_buf_puts(b, ": ");
		if (!err && !names)
			err = put_value(b, st, i, format);
	}
	return err ? err : ap_buf_puts(b, format == AP_FORMAT_JSON ? "}" : format == AP_FORMAT_CSV ? "\r\n" : "\n");
}

static int print_rows(sqlite3_stmt *st, enum ap_report_format format, int *ret_rc, struct ap_why *why)
{
	struct ap_buf b = {0};
	bool first = true;
	int rc = SQLITE_DONE, err = 0;

	if (format == AP_FORMAT_JSON)
		fputs("[", stdout);
	else if (!(err = put_row(&b, st, format, true, true)))
		fputs(b.data, stdout);
	while (!err && !ferror(stdout) && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = put_row(&b, st, format, false, first);
		if (!err)
			fputs(b.data, stdout);
		first = false;
	}
	ap_buf_done(&b);
	if (format == AP_FORMAT_JSON)
		fputs("\n]\n", stdout);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = errno ? -errno : -EIO;
	*ret_rc = rc;
	return err ? ap_why(why, -err, "cannot write the result: %s", strerror(-err)) : 0;
}

static int sql_error(sqlite3 *db, const struct query_args *a, const struct ap_guard *g, struct ap_why *why)
{
	if (g->late)
		return ap_why(why, ETIME, "stopped after %ld s; add a LIMIT, or give it longer with --timeout=SECONDS (0: for ever)",
			a->timeout_s);
	if ((sqlite3_errcode(db) & 0xff) == SQLITE_AUTH)
		return ap_why(why, EACCES, "a query only reads this file: %s", sqlite3_errmsg(db));
	return ap_why(why, EINVAL, "%s", sqlite3_errmsg(db));
}

static int run(sqlite3 *db, const struct query_args *a, struct ap_guard *g, struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	const char *rest = "";
	int err = 0, rc;

	if (sqlite3_prepare_v2(db, a->sql, -1, &st, &rest))
		err = sql_error(db, a, g, why);
	else if (!st || rest[strspn(rest, " \t\r\n;")])
		err = ap_why(why, EINVAL, "give one SQL statement");
	else if (!sqlite3_stmt_readonly(st))
		err = ap_why(why, EACCES, "a query only reads; that statement would write");
	if (!err)
		err = print_rows(st, a->format, &rc, why);
	if (!err && rc != SQLITE_DONE)
		err = sql_error(db, a, g, why);
	sqlite3_finalize(st);
	return err;
}

static int query(const struct query_args *a, struct ap_why *why)
{
	struct ap_guard g = {.deadline_ns = a->timeout_s ? ap_now_ns() + (uint64_t)a->timeout_s * 1000000000u : 0};
	sqlite3 *db;
	int err = ap_store_open_read(a->path, &db, why);

	if (err)
		return err;
	ap_guard_set(db, &g);
	err = run(db, a, &g, why);
	sqlite3_close(db);
	return err;
}

static void help(void)
{
	printf("Examples:\n"
	       "  aperture query run.db 'SELECT * FROM top_functions LIMIT 10'\n"
	       "  aperture query run.db 'SELECT * FROM data_quality' --format=json\n\n"
	       "One statement that only reads. --format=text|json|csv; --timeout=SECONDS (%d; 0: for ever)\n",
		DEFAULT_TIMEOUT_S);
}

static int set_option(int c, const char *arg, struct query_args *a)
{
	char *end;

	if (c == 'f' && (!strcmp(arg, "text") || !strcmp(arg, "json") || !strcmp(arg, "csv"))) {
		a->format = arg[0] == 'j' ? AP_FORMAT_JSON : arg[0] == 'c' ? AP_FORMAT_CSV : AP_FORMAT_TEXT;
		return 0;
	}
	if (c == 't' && arg[0] >= '0' && arg[0] <= '9') {
		errno = 0;
		a->timeout_s = strtol(arg, &end, 10);
		if (!*end && !errno && a->timeout_s <= TIMEOUT_MAX_S)
			return 0;
	}
	if (c == 'f')
		fprintf(stderr, "aperture query: --format is text, json or csv\n");
	else if (c == 't')
		fprintf(stderr, "aperture query: --timeout is a number of seconds, at most %d\n", TIMEOUT_MAX_S);
	else
		fprintf(stderr, "aperture query: see `aperture query --help`\n");
	return AP_EXIT_USAGE;
}

int cmd_query(int argc, char **argv)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'}, {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct query_args a = {.format = AP_FORMAT_TEXT, .timeout_s = DEFAULT_TIMEOUT_S};
	struct ap_why why = {""};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return 0;
		}
		if (set_option(c, optarg, &a))
			return AP_EXIT_USAGE;
	}
	if (optind + 2 != argc) {
		fprintf(stderr, "aperture query: give a file and one SQL statement: aperture query run.db 'SELECT * FROM top_functions "
				"LIMIT 10'\n");
		return AP_EXIT_USAGE;
	}
	a.path = argv[optind];
	a.sql = argv[optind + 1];
	if (query(&a, &why)) {
		fprintf(stderr, "aperture query: %s\n", why.text);
		return AP_EXIT_FAILED;
	}
	return 0;
}
