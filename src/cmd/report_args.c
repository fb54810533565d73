/* One switch over getopt_long. A list that is given twice is one longer list. */
#include "cmd/report_args.h"

#include "cmd/cmd.h"
#include "cmd/parse.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_TOP = 256,
	OPT_TREE,
	OPT_FLAME,
	OPT_FOLDED,
	OPT_SUMMARY,
	OPT_LATER,
	OPT_HOST,
	OPT_RUN,
	OPT_PID,
	OPT_TID,
	OPT_COMM,
	OPT_CPU,
	OPT_EVENT,
	OPT_FUNCTION,
	OPT_MODULE,
	OPT_LABEL,
	OPT_FROM,
	OPT_TO,
	OPT_BASE,
	OPT_INVERT,
	OPT_STRICT,
	OPT_MAX_LOSS,
	OPT_FORMAT,
	OPT_NO_PAGER
};

static const struct option OPTIONS[] = {{"top", no_argument, NULL, OPT_TOP}, {"tree", no_argument, NULL, OPT_TREE},
	{"flame", no_argument, NULL, OPT_FLAME}, {"folded", no_argument, NULL, OPT_FOLDED}, {"summary", no_argument, NULL, OPT_SUMMARY},
	{"heatmap", no_argument, NULL, OPT_LATER}, {"syscalls", no_argument, NULL, OPT_LATER}, {"locks", no_argument, NULL, OPT_LATER},
	{"off-cpu", no_argument, NULL, OPT_LATER}, {"gpu", no_argument, NULL, OPT_LATER}, {"host", required_argument, NULL, OPT_HOST},
	{"run", required_argument, NULL, OPT_RUN}, {"pid", required_argument, NULL, OPT_PID}, {"tid", required_argument, NULL, OPT_TID},
	{"comm", required_argument, NULL, OPT_COMM}, {"cpu", required_argument, NULL, OPT_CPU},
	{"event", required_argument, NULL, OPT_EVENT}, {"function", required_argument, NULL, OPT_FUNCTION},
	{"module", required_argument, NULL, OPT_MODULE}, {"label", required_argument, NULL, OPT_LABEL},
	{"from", required_argument, NULL, OPT_FROM}, {"to", required_argument, NULL, OPT_TO}, {"base", required_argument, NULL, OPT_BASE},
	{"invert", no_argument, NULL, OPT_INVERT}, {"strict", no_argument, NULL, OPT_STRICT},
	{"max-loss", required_argument, NULL, OPT_MAX_LOSS}, {"format", required_argument, NULL, OPT_FORMAT},
	{"output", required_argument, NULL, 'o'}, {"limit", required_argument, NULL, 'n'}, {"no-pager", no_argument, NULL, OPT_NO_PAGER},
	{"help", no_argument, NULL, 'h'}, {0}};

static int bad(const char *what, const char *want)
{
	fprintf(stderr, "aperture report: %s: %s\n", what, want);
	return AP_EXIT_USAGE;
}

static const char **list_field(struct ap_report_filter *f, int c)
{
	switch (c) {
	case OPT_HOST:
		return &f->host;
	case OPT_RUN:
		return &f->run;
	case OPT_PID:
		return &f->pid;
	case OPT_TID:
		return &f->tid;
	case OPT_COMM:
		return &f->comm;
	case OPT_CPU:
		return &f->cpu;
	default:
		return NULL;
	}
}

static const char **single_field(struct ap_report_filter *f, int c)
{
	switch (c) {
	case OPT_EVENT:
		return &f->event;
	case OPT_FUNCTION:
		return &f->function_regex;
	case OPT_MODULE:
		return &f->module_regex;
	case OPT_FROM:
		return &f->from;
	case OPT_TO:
		return &f->to;
	default:
		return NULL;
	}
}

static int add_to_list(struct report_args *a, const char **list, const char *s)
{
	struct ap_buf b = {0};
	int err;

	if (!*list) {
		*list = s;
		return 0;
	}
	err = ap_buf_printf(&b, "%s,%s", *list, s);
	*list = err ? NULL : ap_arena_strndup(&a->strings, b.data, b.len);
	ap_buf_done(&b);
	return *list ? 0 : bad(s, "out of memory");
}

static int parse_format(const char *s, enum ap_report_format *ret)
{
	static const char *const names[] = {[AP_FORMAT_TEXT] = "text", [AP_FORMAT_JSON] = "json", [AP_FORMAT_CSV] = "csv"};

	for (size_t i = 0; i < AP_ARRAY_LEN(names); i++)
		if (!strcmp(s, names[i])) {
			*ret = (enum ap_report_format)i;
			return 0;
		}
	return bad(s, "--format is text, json or csv");
}

static int parse_max_loss(struct report_args *a, const char *s)
{
	char *end;

	a->strict = true;
	a->max_loss_pct = strtod(s, &end);
	return end != s && (!*end || !strcmp(end, "%")) && a->max_loss_pct >= 0 && a->max_loss_pct <= 100
		       ? 0
		       : bad(s, "--max-loss takes a percentage, 0 to 100");
}

static int parse_rows(struct report_args *a, const char *s)
{
	uint64_t v;

	if (!ap_parse_u64(s, &v) || !v || v > UINT32_MAX)
		return bad(s, "-n takes a number of rows");
	a->options.limit = (uint32_t)v;
	return 0;
}

static int parse_flag(struct report_args *a, int c, const char *s)
{
	switch (c) {
	case OPT_INVERT:
		a->options.invert = true;
		return 0;
	case OPT_STRICT:
		a->strict = true;
		return 0;
	case OPT_NO_PAGER:
		a->no_pager = true;
		return 0;
	case OPT_BASE:
		a->base = s;
		return 0;
	case 'o':
		a->output = s;
		return 0;
	case 'h':
		a->help = true;
		return 0;
	default:
		return bad("usage", "see `aperture report --help`");
	}
}

static int parse_one(struct report_args *a, int c, const char *s, const char *option)
{
	const char **list = list_field(&a->options.filter, c), **single = single_field(&a->options.filter, c);

	if (list)
		return add_to_list(a, list, s);
	if (single && *single)
		return bad(option, "this option is given twice");
	if (single) {
		*single = s;
		return 0;
	}
	if (c >= OPT_TOP && c <= OPT_SUMMARY) {
		a->kind = (enum report_kind)(c - OPT_TOP + REPORT_TOP);
		return 0;
	}
	switch (c) {
	case OPT_LABEL:
		if (a->n_labels == AP_REPORT_LABELS_MAX)
			return bad("--label", "there are too many");
		a->labels[a->n_labels++] = s;
		return 0;
	case OPT_MAX_LOSS:
		return parse_max_loss(a, s);
	case OPT_FORMAT:
		return parse_format(s, &a->options.format);
	case 'n':
		return parse_rows(a, s);
	case OPT_LATER:
		return bad(option, "not in this version");
	default:
		return parse_flag(a, c, s);
	}
}

/* What would be ignored without a word is refused with one. */
static int check(const struct report_args *a)
{
	if (a->kind == REPORT_FLAME && a->options.format != AP_FORMAT_TEXT)
		return bad("--format", "a flame graph is one HTML file; --top, --tree, --folded and --summary have formats");
	if (a->options.limit && a->kind != REPORT_TOP)
		return bad("-n", "only --top is a list that can be cut");
	if (a->base && (a->kind == REPORT_TREE || a->kind == REPORT_SUMMARY))
		return bad("--base", "compares in --top, --folded and --flame");
	return 0;
}

int report_args_parse(struct report_args *a, int argc, char **argv)
{
	int c, err = 0;

	memset(a, 0, sizeof *a);
	a->max_loss_pct = 1;
	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "o:n:h", OPTIONS, NULL)) != -1)
		err = parse_one(a, c, optarg, argv[optind - 1]);
	if (err || a->help)
		return err;
	if (optind == argc)
		return bad("usage", "give a file, such as run.db");
	a->options.filter.labels = a->n_labels ? a->labels : NULL;
	a->files = argv + optind;
	a->n_files = argc - optind;
	return check(a);
}

void report_args_done(struct report_args *a)
{
	ap_arena_done(&a->strings);
}
