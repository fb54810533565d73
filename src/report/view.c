/* A view is filled by one scan (scan.c). Where a page is to be drawn the scan keeps parts, and the rows of the text reports are made from
 * those. */
#include "report/view.h"

#include <errno.h>
#include <string.h>

static int by_comm(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	return x->comm < y->comm ? -1 : x->comm > y->comm;
}

/* The sums of one stack, in order of part, become rows in order of name. */
static void add_rows(struct ap_view *v, const struct report_row *sums, size_t n)
{
	struct report_row *rows = &v->rows[v->n_rows], *last = rows;
	size_t taken = 0;

	for (size_t i = 0; i < n; i++) {
		const struct report_part *p = &v->parts[sums[i].comm];

		if (!v->scope.events[p->event].pass)
			continue;
		rows[taken] = sums[i];
		rows[taken++].comm = report_comm_of(&v->scope, p->thread);
	}
	if (taken > 1)
		qsort(rows, taken, sizeof *rows, by_comm);
	for (size_t i = 1; i < taken; i++) {
		if (last->comm != rows[i].comm) {
			*++last = rows[i];
			continue;
		}
		last->weight = report_add(last->weight, rows[i].weight);
		last->n += rows[i].n;
	}
	if (taken)
		v->n_rows += (size_t)(last - rows) + 1;
}

static int read_samples(sqlite3 *db, struct ap_view *v, const bool *stacks, enum ap_view_of of)
{
	size_t n;
	int err;

	if (of != AP_VIEW_PAGE)
		return report_view_scan(db, v, stacks, false, &v->rows, &v->n_rows);
	err = report_view_scan(db, v, stacks, true, &v->sums, &v->n_sums);
	if (!err && !(v->rows = malloc((v->n_sums + 1) * sizeof *v->rows)))
		err = -ENOMEM;
	for (size_t i = 0; !err && i < v->n_sums; i += n) {
		for (n = 1; i + n < v->n_sums && v->sums[i + n].stack == v->sums[i].stack;)
			n++;
		add_rows(v, &v->sums[i], n);
	}
	return err;
}

int ap_view_open(sqlite3 *db, const struct ap_report_filter *f, enum ap_view_of of, struct ap_view **ret_view, struct ap_why *why)
{
	AP_AUTO_FREE bool *stacks = NULL;
	struct ap_view *v = calloc(1, sizeof *v);
	int err = v ? report_scope_load(db, f, of == AP_VIEW_EVENTS, &v->scope, why) : ap_why(why, ENOMEM, "out of memory");

	if (!err) {
		v->one_event = f->event != NULL;
		err = report_names_load(db, &v->names, why);
	}
	if (!err)
		err = report_matching_stacks(&v->names, f, &stacks, why);
	if (!err && (err = read_samples(db, v, stacks, of)))
		ap_why(why, -err, "cannot read the samples: %s",
			err == -EIO       ? sqlite3_errmsg(db)
			: err == -EBADMSG ? "a sample names a stack that is not there"
					  : strerror(-err));
	if (!err)
		err = report_quality_fill(db, v, why);
	if (err) {
		ap_view_free(v);
		return err;
	}
	*ret_view = v;
	return 0;
}

struct ap_view *ap_view_free(struct ap_view *v)
{
	if (v) {
		report_names_done(&v->names);
		report_scope_done(&v->scope);
		free(v->rows);
		free(v->sums);
		free(v->parts);
		free(v);
	}
	return NULL;
}

const struct ap_quality *ap_view_quality(const struct ap_view *v)
{
	return &v->quality;
}

const char *ap_view_event(const struct ap_view *v)
{
	return v->scope.event;
}

bool ap_view_filtered(const struct ap_view *v)
{
	return v->scope.filtered;
}

int ap_report_select(sqlite3 *db, const struct ap_report_filter *f, ap_selection_row_fn row, void *ctx, struct ap_why *why)
{
	struct ap_view *v;
	int err = ap_view_open(db, f, AP_VIEW_EVENT, &v, why);

	if (err)
		return err;
	for (size_t i = 0; !err && i < v->n_rows; i++)
		err = row(ctx,
			&(struct ap_selection_row){v->scope.comms[v->rows[i].comm], v->rows[i].stack, v->rows[i].weight, v->rows[i].n});
	ap_view_free(v);
	return err;
}

int ap_report_quality(sqlite3 *db, const struct ap_report_filter *f, struct ap_quality *ret_quality, struct ap_why *why)
{
	struct ap_view *v;
	int err = ap_view_open(db, f, AP_VIEW_EVENT, &v, why);

	if (err)
		return err;
	*ret_quality = v->quality;
	ap_view_free(v);
	return 0;
}
