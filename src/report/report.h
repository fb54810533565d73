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
enum { AP_REPORT_LABELS_MAX = 64 };

/* The filters of aperture-report(1), which says what each means; NULL: no filter. Lists are comma-separated as typed. */
struct ap_report_filter {
	const char *host, *run, *pid, *tid, *comm, *cpu;
	const char *event;			    /* one name; NULL: the first of the run (of most runs, where they differ) */
	const char *function_regex, *module_regex; /* POSIX extended; keep samples with such a frame in their stack */
	const char *const *labels;		    /* "key=value", NULL-terminated */
	const char *from, *to;			    /* "1.5s", "200ms" since the run's start, or an absolute RFC 3339 time */
};
/* What of a filter holds for --base too: another recording has hosts, runs, processes and labels of its own. */
struct ap_report_filter ap_report_base_filter(const struct ap_report_filter *f);

struct ap_report_options {
	struct ap_report_filter filter;
	enum ap_report_format format;
	bool invert;
	uint32_t limit; /* rows of --top; 0: default */
	bool colour;
	uint32_t width; /* of the terminal; 0: not one */
	sqlite3 *base;	/* --base, for the flame graph; NULL: none */
};

/* How whole the data is. Of what passes the filter, except for `lost`: a lost sample has no process and no stack, so that lost counts what
 * the runs lost in that time on those CPUs, whatever else the filter says. */
struct ap_quality {
	int64_t runs, samples, lost;
	int64_t processes, threads, executables; /* without a filter: all that the file knows; with one: those with samples */
	int64_t duration_ns;			 /* within --from and --to, summed over the runs */
	double complete_pct, symbolised_pct;	 /* of stacks, of frames; -1 without any */
	double lost_pct;			 /* of all that the runs sampled in that time on those CPUs */
	bool incomplete;			 /* a run without an end */
};

/* What a filter leaves of a file, read once; every report is made from one. AP_VIEW_EVENTS: where the filter names no event, the samples of
 * every event are in it: good for counting, not for weights. AP_VIEW_PAGE: of one event, and all that ap_report_flame draws is kept beside. */
enum ap_view_of { AP_VIEW_EVENT, AP_VIEW_EVENTS, AP_VIEW_PAGE };
struct ap_view;
int ap_view_open(sqlite3 *db, const struct ap_report_filter *f, enum ap_view_of of, struct ap_view **ret_view, struct ap_why *why);
struct ap_view *ap_view_free(struct ap_view *v);
const struct ap_quality *ap_view_quality(const struct ap_view *v);
const char *ap_view_event(const struct ap_view *v); /* NULL: all, or there is none */
bool ap_view_filtered(const struct ap_view *v);	    /* by more than the choice of the event */
/* A sentence about a view without samples: what there is instead. */
int ap_view_say_empty(const struct ap_view *v, const struct ap_report_filter *f, struct ap_buf *ret_text);

/* One or a few lines, each beginning with '#' and ending in newline: samples, lost, complete, symbolised; the event, and the others that are
 * there; what is cut or has no name, and the remedy. */
int ap_view_header(sqlite3 *db, const struct ap_view *v, struct ap_buf *ret_text, struct ap_why *why);
/* The same of every event that the filter lets through. */
int ap_report_header(sqlite3 *db, const struct ap_report_options *o, struct ap_buf *ret_text, struct ap_why *why);
/* `base` NULL: none. Where it is there, both are shown, base's weights scaled to the total of `v`. */
int ap_report_top(const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_folded(const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_tree(const struct ap_view *v, const struct ap_report_options *o, FILE *out, struct ap_why *why);
int ap_report_summary(sqlite3 *db, const struct ap_view *v, const struct ap_report_options *o, FILE *out, struct ap_why *why);
/* Every event that the filter lets through is in the page. `v` and `base` are AP_VIEW_PAGE; base of options->base. */
int ap_report_flame(sqlite3 *db, const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why);

/* The same for a reader that walks the tables itself: each distinct (comm, stack) with samples, in order of stack id. Weight is in the
 * event's unit, n the samples. */
struct ap_selection_row {
	const char *comm;
	int64_t stack, weight, n;
};
typedef int (*ap_selection_row_fn)(void *ctx, const struct ap_selection_row *row); /* non-zero stops and is returned */
int ap_report_select(sqlite3 *db, const struct ap_report_filter *f, ap_selection_row_fn row, void *ctx, struct ap_why *why);
int ap_report_quality(sqlite3 *db, const struct ap_report_filter *f, struct ap_quality *ret_quality, struct ap_why *why);

/* The escapes, one a sink. Append to b; raw bytes in, valid UTF-8 out (bytes that are not become U+FFFD), control and bidi characters made
 * visible (terminal: \xNN or \u{NNNN}). CSV: RFC 4180, and a leading = + - @ is defused with a '. */
int ap_escape_terminal(struct ap_buf *b, const char *s);
int ap_escape_html(struct ap_buf *b, const char *s);
int ap_escape_json(struct ap_buf *b, const char *s); /* with the quotes; also safe inside <script> */
int ap_escape_csv(struct ap_buf *b, const char *s);
int ap_escape_folded(struct ap_buf *b, const char *s); /* ';' and newline become visible */

#endif
