/* `aperture report`: one file (or several, merged into a temporary one first) through one report to stdout or a file. */
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/parse.h"
#include "report/report.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LABELS_MAX = 64 };
enum { OPT_TOP = 256, OPT_TREE, OPT_FLAME, OPT_FOLDED, OPT_SUMMARY, OPT_LATER, OPT_HOST, OPT_RUN, OPT_PID, OPT_TID, OPT_COMM, OPT_CPU, OPT_EVENT,
	OPT_FUNCTION, OPT_MODULE, OPT_LABEL, OPT_FROM, OPT_TO, OPT_INVERT, OPT_STRICT, OPT_MAX_LOSS, OPT_FORMAT, OPT_HELP };

static const struct option OPTIONS[] = {{"top", 0, NULL, OPT_TOP}, {"tree", 0, NULL, OPT_TREE}, {"flame", 0, NULL, OPT_FLAME},
	{"folded", 0, NULL, OPT_FOLDED}, {"summary", 0, NULL, OPT_SUMMARY}, {"heatmap", 0, NULL, OPT_LATER}, {"syscalls", 0, NULL, OPT_LATER},
	{"locks", 0, NULL, OPT_LATER}, {"off-cpu", 0, NULL, OPT_LATER}, {"gpu", 0, NULL, OPT_LATER}, {"base", 1, NULL, OPT_LATER},
	{"host", 1, NULL, OPT_HOST}, {"run", 1, NULL, OPT_RUN}, {"pid", 1, NULL, OPT_PID}, {"tid", 1, NULL, OPT_TID}, {"comm", 1, NULL, OPT_COMM},
	{"cpu", 1, NULL, OPT_CPU}, {"event", 1, NULL, OPT_EVENT}, {"function", 1, NULL, OPT_FUNCTION}, {"module", 1, NULL, OPT_MODULE},
	{"label", 1, NULL, OPT_LABEL}, {"from", 1, NULL, OPT_FROM}, {"to", 1, NULL, OPT_TO}, {"invert", 0, NULL, OPT_INVERT},
	{"strict", 0, NULL, OPT_STRICT}, {"max-loss", 1, NULL, OPT_MAX_LOSS}, {"format", 1, NULL, OPT_FORMAT}, {"output", 1, NULL, 'o'},
	{"limit", 1, NULL, 'n'}, {"help", 0, NULL, OPT_HELP}, {0}};

struct report_args {
	struct ap_report_options options;
	const char *labels[LABELS_MAX + 1];
	size_t n_labels;
	int report;
	const char *output;
	bool strict, help;
	double max_loss_pct;
};

static void help(void)
{
	printf("Examples:\n"
	       "  aperture report run.db                              functions by self time\n"
	       "  aperture report run.db --flame -o flame.html        one HTML file\n"
	       "  aperture report run.db --tree --comm git --from 1s --to 2s\n"
	       "  aperture report run.db --summary --format=json\n\n"
	       "Report: --top (default) --tree --flame --folded --summary   Format: --format=text|json|csv\n"
	       "Filter: --host --run --pid --tid --comm --cpu --event LIST  --function REGEX --module REGEX --label KEY=VALUE --from TIME --to TIME\n"
	       "Other:  -o FILE  -n ROWS  --invert  --strict [--max-loss PERCENT]  exit 1 when more is missing (default 1)\n");
}

static int bad(const char *what, const char *want)
{
	fprintf(stderr, "aperture report: %s: %s\n", what, want);
	return AP_EXIT_USAGE;
}

static const char **filter_field(struct ap_report_filter *f, int c)
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

static int parse_one(struct report_args *a, int c, const char *s, const char *option)
{
	const char **field = filter_field(&a->options.filter, c);
	uint64_t v;
	char *end;

	if (field) {
		*field = s;
		return 0;
	}
	switch (c) {
	case OPT_TOP:
	case OPT_TREE:
	case OPT_FLAME:
	case OPT_FOLDED:
	case OPT_SUMMARY:
		a->report = c;
		return 0;
	case OPT_LABEL:
		if (a->n_labels == LABELS_MAX)
			return bad("--label", "there are too many");
		a->labels[a->n_labels++] = s;
		return 0;
	case OPT_INVERT:
		a->options.invert = true;
		return 0;
	case OPT_STRICT:
		a->strict = true;
		return 0;
	case OPT_MAX_LOSS:
		a->max_loss_pct = strtod(s, &end);
		return end != s && !*end ? 0 : bad(s, "--max-loss takes a percentage");
	case OPT_FORMAT:
		return parse_format(s, &a->options.format);
	case 'o':
		a->output = s;
		return 0;
	case 'n':
		if (!ap_parse_u64(s, &v) || !v || v > UINT32_MAX)
			return bad(s, "-n takes a number of rows");
		a->options.limit = (uint32_t)v;
		return 0;
	case OPT_HELP:
	case 'h':
		a->help = true;
		return 0;
	case OPT_LATER:
		return bad(option, "not in this version");
	default:
		return bad("usage", "see `aperture report --help`");
	}
}

static int run_report(sqlite3 *db, const struct report_args *a, FILE *out, struct ap_why *why)
{
	const struct ap_report_options *o = &a->options;
	struct ap_buf header = {0};
	int err = 0;

	if (o->format == AP_FORMAT_TEXT && (a->report == OPT_TOP || a->report == OPT_TREE || a->report == OPT_SUMMARY)) {
		err = ap_report_header(db, o, &header, why);
		if (!err)
			fputs(header.data, out);
		ap_buf_done(&header);
	}
	if (err)
		return err;
	switch (a->report) {
	case OPT_TREE:
		return ap_report_tree(db, o, out, why);
	case OPT_FOLDED:
		return ap_report_folded(db, o, out, why);
	case OPT_SUMMARY:
		return ap_report_summary(db, o, out, why);
	case OPT_FLAME:
		return ap_report_flame(db, o, out, why);
	default:
		return ap_report_top(db, o, out, why);
	}
}

/* --strict: 1 when more is missing than allowed. */
static int check_strict(sqlite3 *db, const struct report_args *a, struct ap_why *why)
{
	struct ap_quality q;
	double missing;
	int err = ap_report_quality(db, &a->options.filter, &q, why);

	if (err || !a->strict)
		return err;
	missing = q.samples ? 100.0 * (double)q.lost / (double)(q.samples + q.lost) + (100.0 - q.complete_pct) : 100;
	if (missing <= a->max_loss_pct)
		return 0;
	return ap_why(why, ERANGE, "%.2f %% is missing (lost samples and cut stacks), --max-loss allows %.2f %%", missing, a->max_loss_pct);
}

static int open_files(char **paths, int n, sqlite3 **ret_db, struct ap_why *why)
{
	char folder[] = "/tmp/aperture.XXXXXX", merged[sizeof folder + 16];
	struct ap_merge_stats stats;
	int err;

	if (n == 1)
		return ap_store_open_read(paths[0], ret_db, why);
	if (!mkdtemp(folder))
		return ap_why(why, errno, "cannot make a temporary folder in /tmp: %s", strerror(errno));
	snprintf(merged, sizeof merged, "%s/merged.db", folder);
	err = ap_store_merge(merged, (const char *const *)paths, (size_t)n, &stats, why);
	if (!err)
		err = ap_store_open_read(merged, ret_db, why);
	unlink(merged); /* the connection keeps it alive */
	rmdir(folder);
	return err;
}

/* -o must not name a file that is read, or something that is no regular file but could be renamed over. */
static int refuse_input(const char *output, char **paths, int n, struct ap_why *why)
{
	struct stat out, in;

	if (stat(output, &out))
		return 0;
	for (int i = 0; i < n; i++)
		if (!stat(paths[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return ap_why(why, EEXIST, "%s: the report would overwrite the recording; choose another name with -o", output);
	return 0;
}

static int report(const struct report_args *a, char **paths, int n, struct ap_why *why)
{
	FILE *out = a->output ? NULL : stdout;
	char beside[PATH_MAX] = "";
	struct stat there;
	bool replace;
	sqlite3 *db;
	int err = open_files(paths, n, &db, why);

	if (err)
		return err;
	/* Written beside and renamed, so that a report that fails leaves what was there. */
	replace = a->output && (stat(a->output, &there) || S_ISREG(there.st_mode)); /* /dev/stdout, a pipe: written as they are */
	if (a->output)
		snprintf(beside, sizeof beside, "%s%s", a->output, replace ? ".new" : "");
	if (a->output)
		err = refuse_input(a->output, paths, n, why);
	if (!err && a->output && !(out = fopen(beside, "we")))
		err = ap_why(why, errno, "%s: cannot write: %s", a->output, strerror(errno));
	if (!err)
		err = run_report(db, a, out, why);
	if (out && (out == stdout ? fflush(out) : fclose(out)) && !err)
		err = ap_why(why, errno, "%s: cannot write: %s", a->output ? a->output : "stdout", strerror(errno));
	if (replace && !err && rename(beside, a->output))
		err = ap_why(why, errno, "%s: cannot write: %s", a->output, strerror(errno));
	if (replace && err)
		unlink(beside);
	if (!err)
		err = check_strict(db, a, why);
	sqlite3_close(db);
	return err;
}

int cmd_report(int argc, char **argv)
{
	struct report_args a = {.report = OPT_TOP, .max_loss_pct = 1};
	struct ap_why why = {""};
	int c, err = 0;

	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "o:n:h", OPTIONS, NULL)) != -1)
		err = parse_one(&a, c, optarg, argv[optind - 1]);
	if (err)
		return err;
	if (a.help) {
		help();
		return 0;
	}
	if (optind == argc)
		return bad("usage", "give a file, such as run.db");
	a.options.filter.labels = a.n_labels ? a.labels : NULL;
	err = report(&a, argv + optind, argc - optind, &why);
	if (err) {
		fprintf(stderr, "aperture report: %s\n", why.text[0] ? why.text : strerror(-err));
		return err == -EINVAL ? AP_EXIT_USAGE : AP_EXIT_FAILED;
	}
	return 0;
}
