/* `aperture query FILE 'SQL'`: read-only, one statement, as text, JSON or CSV. */
#include "cmd/cmd.h"
#include "report/report.h"
#include "store/store.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int put_value(struct ap_buf *b, sqlite3_stmt *st, int i, enum ap_report_format format)
{
	const char *text = (const char *)sqlite3_column_text(st, i);
	int type = sqlite3_column_type(st, i);

	if (type == SQLITE_NULL)
		return ap_buf_puts(b, format == AP_FORMAT_JSON ? "null" : "");
	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		return ap_buf_puts(b, text);
	return format == AP_FORMAT_JSON ? ap_escape_json(b, text) : format == AP_FORMAT_CSV ? ap_escape_csv(b, text) : ap_escape_terminal(b, text);
}

static int put_name(struct ap_buf *b, const char *name, enum ap_report_format format)
{
	return format == AP_FORMAT_JSON ? ap_escape_json(b, name) : format == AP_FORMAT_CSV ? ap_escape_csv(b, name) : ap_escape_terminal(b, name);
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
			err = put_name(b, sqlite3_column_name(st, i), format);
		if (!err && format == AP_FORMAT_JSON)
			err = ap_buf_puts(b, ": ");
		if (!err && !names)
			err = put_value(b, st, i, format);
	}
	return err ? err : ap_buf_puts(b, format == AP_FORMAT_JSON ? "}" : format == AP_FORMAT_CSV ? "\r\n" : "\n");
}

static int print_rows(sqlite3 *db, sqlite3_stmt *st, enum ap_report_format format, struct ap_why *why)
{
	struct ap_buf b = {0};
	bool first = true;
	int rc, err = 0;

	if (format == AP_FORMAT_JSON)
		fputs("[", stdout);
	else if (!(err = put_row(&b, st, format, true, true)))
		fputs(b.data, stdout);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		err = put_row(&b, st, format, false, first);
		if (!err && fputs(b.data, stdout) < 0)
			err = -EIO;
		first = false;
	}
	ap_buf_done(&b);
	if (format == AP_FORMAT_JSON)
		fputs("\n]\n", stdout);
	if (err)
		return ap_why(why, -err, "cannot write the result: %s", strerror(-err));
	if (rc != SQLITE_DONE)
		return ap_why(why, EINVAL, "%s", sqlite3_errmsg(db));
	return fflush(stdout) ? ap_why(why, errno, "cannot write the result: %s", strerror(errno)) : 0;
}

static int query(const char *path, const char *sql, enum ap_report_format format, struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	const char *rest = "";
	sqlite3 *db;
	int err = ap_store_open_read(path, &db, why);

	if (err)
		return err;
	if (sqlite3_prepare_v2(db, sql, -1, &st, &rest))
		err = ap_why(why, EINVAL, "%s", sqlite3_errmsg(db));
	else if (!st || rest[strspn(rest, " \t\r\n;")])
		err = ap_why(why, EINVAL, "give one SQL statement");
	else if (!sqlite3_stmt_readonly(st))
		err = ap_why(why, EACCES, "a query only reads; that statement would write");
	if (!err)
		err = print_rows(db, st, format, why);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return err;
}

int cmd_query(int argc, char **argv)
{
	static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	enum ap_report_format format = AP_FORMAT_TEXT;
	struct ap_why why = {""};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			printf("Examples:\n  aperture query run.db 'SELECT * FROM top_functions LIMIT 10'\n"
			       "  aperture query run.db 'SELECT * FROM data_quality' --format=json\n\nRead-only. --format=text|json|csv\n");
			return 0;
		}
		if (c != 'f')
			return AP_EXIT_USAGE;
		format = !strcmp(optarg, "json") ? AP_FORMAT_JSON : !strcmp(optarg, "csv") ? AP_FORMAT_CSV : AP_FORMAT_TEXT;
		if (format == AP_FORMAT_TEXT && strcmp(optarg, "text")) {
			fprintf(stderr, "aperture query: --format is text, json or csv\n");
			return AP_EXIT_USAGE;
		}
	}
	if (optind + 2 != argc) {
		fprintf(stderr, "aperture query: give a file and one SQL statement: aperture query run.db 'SELECT * FROM top_functions LIMIT 10'\n");
		return AP_EXIT_USAGE;
	}
	if (query(argv[optind], argv[optind + 1], format, &why)) {
		fprintf(stderr, "aperture query: %s\n", why.text);
		return AP_EXIT_FAILED;
	}
	return 0;
}
