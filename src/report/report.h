/* Reads a store, writes text, JSON, CSV or a page. Never sees live events. */
#ifndef AP_REPORT_REPORT_H
#define AP_REPORT_REPORT_H

#include "base/mem.h"
#include "base/why.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ap_report_format { AP_FORMAT_TEXT, AP_FORMAT_JSON, AP_FORMAT_CSV };

/* The filters of ../shared/CLI.md; NULL or 0-length: no filter. Lists are comma-separated as typed. */
struct ap_report_filter {
	const char *host, *run, *pid, *tid, *comm, *cpu, *event;
	const char *function_regex, *module_regex; /* POSIX extended; keep samples with such a frame in their stack */
	const char *const *labels;		    /* "key=value", NULL-terminated */
	const char *from, *to;			    /* "1.5s", "200ms" since the run's start, or an absolute RFC 3339 time */
};

struct ap_report_options {
	struct ap_report_filter filter;
	enum ap_report_format format;
	bool invert;
	uint32_t limit; /* rows of --top; 0: default */
	bool colour;
	uint32_t width; /* of the terminal; 0: not one */
	sqlite3 *base;	/* --base, for the flame graph; NULL: none */
};

int ap_report_top(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_tree(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_folded(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_summary(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_flame(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why);

/* How whole the data is: every report begins with it, and --summary is it. */
struct ap_quality {
	int64_t runs, samples, lost, processes, threads, executables, duration_ns;
	double complete_pct, symbolised_pct; /* -1 without samples */
	bool incomplete;		     /* a run without an end */
};
int ap_report_quality(sqlite3 *db, const struct ap_report_filter *f, struct ap_quality *ret_quality, struct ap_why *why);
/* One or a few lines, ending in newline: samples, lost, complete, symbolised, worst modules and their remedy. */
int ap_report_header(sqlite3 *db, const struct ap_report_options *o, struct ap_buf *ret_text, struct ap_why *why);

/* The stacks that pass the filter: for each distinct (comm, stack) with self weight > 0, root last in `stack` ids -> the caller walks
 * `stack`. Weight is the event's unit, n the samples. Rows come ordered by stack id. The one place where filters are applied. */
struct ap_selection_row {
	const char *comm;
	int64_t stack, weight, n;
};
typedef int (*ap_selection_row_fn)(void *ctx, const struct ap_selection_row *row); /* non-zero stops and is returned */
int ap_report_select(sqlite3 *db, const struct ap_report_filter *f, ap_selection_row_fn row, void *ctx, struct ap_why *why);

/* The escapes, one a sink. Append to b; raw bytes in, valid UTF-8 out (bytes that are not become U+FFFD), control and bidi characters made
 * visible (terminal: \xNN or \u{NNNN}). CSV: RFC 4180, and a leading = + - @ is defused with a '. */
int ap_escape_terminal(struct ap_buf *b, const char *s);
int ap_escape_html(struct ap_buf *b, const char *s);
int ap_escape_json(struct ap_buf *b, const char *s); /* with the quotes; also safe inside <script> */
int ap_escape_csv(struct ap_buf *b, const char *s);
int ap_escape_folded(struct ap_buf *b, const char *s); /* ';' and newline become visible */

#endif
