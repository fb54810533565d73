/* Any filter, a line a field: it is refused with a sentence, or it gives a view that every report can print. */
#include "tests/fuzz/report_db.h"

#include <errno.h>
#include <string.h>

enum { FIELDS = 12 };

static void print_all(sqlite3 *db, const struct ap_view *v, const struct ap_report_options *o)
{
	struct ap_buf header = {0};
	struct ap_why why;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f || ap_view_header(db, v, &header, &why) || ap_report_top(v, v, o, f, &why) || ap_report_tree(v, o, f, &why) ||
		ap_report_folded(v, v, o, f, &why) || ap_report_summary(db, v, o, f, &why))
		abort();
	fclose(f);
	free(text);
	ap_buf_done(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static sqlite3 *db;
	char *s = malloc(n + 1), *rest = s, *field[FIELDS];
	struct ap_report_options o = {0};
	struct ap_report_filter *f = &o.filter;
	const char *labels[2] = {NULL, NULL};
	const char **fields[FIELDS] = {&f->host, &f->run, &f->pid, &f->tid, &f->comm, &f->cpu, &f->event, &f->function_regex,
		&f->module_regex, &f->from, &f->to, &labels[0]};
	struct ap_why why = {""};
	struct ap_view *v;
	int err;

	if (!db)
		db = report_db();
	memcpy(s, data, n);
	s[n] = '\0';
	for (size_t i = 0; i < FIELDS; i++) {
		field[i] = rest ? strsep(&rest, "\n") : NULL;
		*fields[i] = field[i] && field[i][0] && field[i][0] != '~' ? field[i] : NULL; /* ~: an option that is not given */
	}
	f->labels = labels[0] ? labels : NULL;
	err = ap_view_open(db, f, (enum ap_view_of)(n % 3), &v, &why);
	if (!err) {
		print_all(db, v, &o);
		ap_view_free(v);
	} else if ((err != -EINVAL && err != -E2BIG) || !why.text[0] || strchr(why.text, '\n')) {
		abort();
	}
	free(s);
	return 0;
}
