/* `aperture report`: one file (or several, merged into a temporary one first) through one report to stdout or a file. */
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/report_args.h"
#include "cmd/terminal.h"
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void help(void)
{
	printf("Examples:\n"
	       "  aperture report run.db                              functions by self time\n"
	       "  aperture report run.db --flame -o flame.html        one HTML file\n"
	       "  aperture report run.db --tree --comm git --from 1s --to 2s\n"
	       "  aperture report new.db --base old.db                what changed, the greatest change first\n"
	       "  aperture report run.db --summary --format=json\n\n"
	       "Report: --top (default)  --tree  --flame  --folded  --summary\n"
	       "Filter: --host --run --pid --tid --comm --cpu LIST  --event NAME  --function REGEX  --module REGEX\n"
	       "        --label KEY=VALUE  --from TIME  --to TIME   (man aperture-report says what each keeps)\n"
	       "Other:  --format=text|json|csv  -o FILE  -n ROWS (of --top)  --invert  --base FILE  --no-pager\n"
	       "        --strict  exit 1 when more is missing than --max-loss PERCENT (default 1)\n"
	       "Exit:   0 done, 1 failed or no sample passes the filter, 2 wrong usage\n");
}

/* A folder of our own for a merged file; its name is gone as soon as the file is open. */
static int merge_files(char **paths, int n, sqlite3 **ret_db, struct ap_why *why)
{
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX], merged[PATH_MAX + 16];
	struct ap_merge_stats stats;
	int err;

	if ((size_t)snprintf(folder, sizeof folder, "%s/aperture.XXXXXX", tmp && tmp[0] ? tmp : "/tmp") >= sizeof folder ||
		!mkdtemp(folder))
		return ap_why(why, errno, "cannot make a temporary folder %s: %s", folder, strerror(errno));
	snprintf(merged, sizeof merged, "%s/merged.db", folder);
	err = ap_store_merge(merged, (const char *const *)paths, (size_t)n, &stats, why);
	if (!err)
		err = ap_store_open_plain(merged, ret_db, why);
	unlink(merged);
	rmdir(folder);
	return err;
}

static int open_files(char **paths, int n, sqlite3 **ret_db, struct ap_why *why)
{
	return n == 1 ? ap_store_open_plain(paths[0], ret_db, why) : merge_files(paths, n, ret_db, why);
}

static bool same_file(const char *path, const struct stat *st)
{
	struct stat other;

	return path && !stat(path, &other) && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

/* -o must not name a file that is read. */
static int refuse_input(const struct report_args *a, struct ap_why *why)
{
	struct stat out;
	bool same;

	if (stat(a->output, &out))
		return 0;
	same = same_file(a->base, &out);
	for (int i = 0; i < a->n_files; i++)
		same |= same_file(a->files[i], &out);
	return same ? ap_why(why, EEXIST, "%s: the report would overwrite the recording; choose another name with -o", a->output) : 0;
}

struct work {
	const struct report_args *a;
	sqlite3 *db, *base_db;
	struct ap_view *view, *base;
	FILE *out;
};

/* The first lines go with the report where it is text for people, else to stderr: they are no row of a table. */
static int print_header(const struct work *w, struct ap_why *why)
{
	const struct report_args *a = w->a;
	bool inside = a->options.format == AP_FORMAT_TEXT && (a->kind == REPORT_TOP || a->kind == REPORT_TREE || a->kind == REPORT_SUMMARY);
	struct ap_buf text = {0};
	int err;

	if (a->kind == REPORT_SUMMARY && !inside)
		return 0; /* it is all in the object or row */
	err = ap_view_header(w->db, w->view, &text, why);

	if (!err && w->base) {
		err = ap_buf_puts(&text, "# compared with ");
		if (!err)
			err = ap_escape_terminal(&text, a->base);
		if (!err)
			err = ap_buf_printf(&text, ", %lld samples; shares are of each side's own total\n",
				(long long)ap_view_quality(w->base)->samples);
		if (err)
			ap_why(why, ENOMEM, "out of memory");
	}
	if (!err)
		fputs(text.data, inside ? w->out : stderr);
	ap_buf_done(&text);
	return err;
}

static int print_report(const struct work *w, const struct ap_report_options *o, struct ap_why *why)
{
	switch (w->a->kind) {
	case REPORT_TREE:
		return ap_report_tree(w->view, o, w->out, why);
	case REPORT_FOLDED:
		return ap_report_folded(w->view, w->base, o, w->out, why);
	case REPORT_SUMMARY:
		return ap_report_summary(w->db, w->view, o, w->out, why);
	case REPORT_FLAME:
		return ap_report_flame(w->db, w->view, w->base, o, w->out, why);
	case REPORT_TOP:
		break;
	}
	return ap_report_top(w->view, w->base, o, w->out, why);
}

/* Weights of two events cannot be compared. */
static int check_base(const struct work *w, struct ap_why *why)
{
	const char *a = ap_view_event(w->view), *b = ap_view_event(w->base);

	if (!a || !b || !strcmp(a, b))
		return 0;
	return ap_why(
		why, EINVAL, "%s shows the event %s and %s %s: name one that both have with --event", w->a->files[0], a, w->a->base, b);
}

static enum ap_view_of kind_of_view(enum report_kind kind)
{
	return kind == REPORT_SUMMARY ? AP_VIEW_EVENTS : kind == REPORT_FLAME ? AP_VIEW_PAGE : AP_VIEW_EVENT;
}

static int open_all(struct work *w, struct ap_why *why)
{
	const struct report_args *a = w->a;
	const struct ap_report_filter base_filter = ap_report_base_filter(&a->options.filter);
	int err = open_files(a->files, a->n_files, &w->db, why);

	if (!err)
		err = ap_view_open(w->db, &a->options.filter, kind_of_view(a->kind), &w->view, why);
	if (!err && a->base)
		err = ap_store_open_plain(a->base, &w->base_db, why);
	if (!err && a->base)
		err = ap_view_open(w->base_db, &base_filter, a->kind == REPORT_FLAME ? AP_VIEW_PAGE : AP_VIEW_EVENT, &w->base, why);
	return !err && a->base ? check_base(w, why) : err;
}

/* To the terminal, perhaps through a pager; a reader that leaves early is no failure. */
static int to_stdout(struct work *w, struct ap_report_options *o, struct ap_why *why)
{
	const struct terminal t = terminal_look();
	struct pager pager = {0};
	int err;

	o->colour = t.colour && o->format == AP_FORMAT_TEXT;
	o->width = o->format == AP_FORMAT_TEXT ? t.width : 0;
	signal(SIGPIPE, SIG_DFL);
	if (t.is_one && !w->a->no_pager && w->a->kind != REPORT_FLAME)
		pager_start(&pager);
	w->out = stdout;
	err = print_header(w, why);
	if (!err)
		err = print_report(w, o, why);
	if (fflush(stdout) && !err)
		err = ap_why(why, errno, "stdout: cannot write: %s", strerror(errno));
	if (pager.pid && err && ferror(stdout))
		err = 0; /* the pager was left before the end */
	pager_end(&pager);
	return err;
}

/* Written beside and renamed, so that a report that fails leaves what was there. A device or a pipe is written as it is. */
static int to_file(struct work *w, struct ap_report_options *o, struct ap_why *why)
{
	const char *output = w->a->output;
	char beside[PATH_MAX];
	struct stat there;
	bool replace = stat(output, &there) || S_ISREG(there.st_mode);
	int err = refuse_input(w->a, why);

	if (err)
		return err;
	if ((size_t)snprintf(beside, sizeof beside, "%s%s", output, replace ? ".new" : "") >= sizeof beside)
		return ap_why(why, ENAMETOOLONG, "%s: the name is too long", output);
	w->out = fopen(beside, "we");
	if (!w->out)
		return ap_why(why, errno, "%s: cannot write: %s", output, strerror(errno));
	err = print_header(w, why);
	if (!err)
		err = print_report(w, o, why);
	if (fclose(w->out) && !err)
		err = ap_why(why, errno, "%s: cannot write: %s", output, strerror(errno));
	if (replace && !err && rename(beside, output))
		err = ap_why(why, errno, "%s: cannot write: %s", output, strerror(errno));
	if (replace && err)
		unlink(beside);
	return err;
}

/* A filter that nothing passes fails; a recording without samples does not. */
static int check_found(const struct work *w, struct ap_why *why)
{
	struct ap_buf text = {0};
	int err = 0;

	if (ap_view_quality(w->view)->samples)
		return 0;
	if (ap_view_say_empty(w->view, &w->a->options.filter, &text))
		err = ap_why(why, ENOMEM, "out of memory");
	else if (ap_view_filtered(w->view) || w->a->options.filter.event)
		err = ap_why(why, ENODATA, "%s: %s", w->a->files[0], text.data);
	else
		fprintf(stderr, "aperture report: %s: %s\n", w->a->files[0], text.data);
	ap_buf_done(&text);
	return err;
}

/* --strict: 1 when more is missing than allowed. */
static int check_strict(const struct work *w, struct ap_why *why)
{
	const struct ap_quality *q = ap_view_quality(w->view);
	double missing = q->samples ? q->lost_pct + (100.0 - q->complete_pct) : 100;

	if (!w->a->strict || missing <= w->a->max_loss_pct)
		return 0;
	return ap_why(
		why, ERANGE, "%.2f %% is missing (lost samples and cut stacks), --max-loss allows %.2f %%", missing, w->a->max_loss_pct);
}

static int report(const struct report_args *a, struct ap_why *why)
{
	struct work w = {.a = a};
	struct ap_report_options o = a->options;
	int err = open_all(&w, why);

	o.base = w.base_db;
	if (!err)
		err = a->output ? to_file(&w, &o, why) : to_stdout(&w, &o, why);
	if (!err)
		err = check_found(&w, why);
	if (!err)
		err = check_strict(&w, why);
	ap_view_free(w.view);
	ap_view_free(w.base);
	sqlite3_close(w.db);
	sqlite3_close(w.base_db);
	return err;
}

int cmd_report(int argc, char **argv)
{
	struct report_args a;
	struct ap_why why = {""};
	int err = report_args_parse(&a, argc, argv), code = err;

	if (!err && a.help) {
		help();
	} else if (!err && (err = report(&a, &why))) {
		fprintf(stderr, "aperture report: %s\n", why.text[0] ? why.text : strerror(-err));
		code = err == -EINVAL || err == -E2BIG ? AP_EXIT_USAGE : AP_EXIT_FAILED;
	}
	report_args_done(&a);
	return code;
}
