/* One line a distinct stack: command;root;...;leaf weight, sorted. Two stacks that read the same become one line. */
#include "report/names.h"

#include <errno.h>
#include <string.h>

struct line {
	char *text; /* in the arena */
	int64_t weight;
};
struct folded {
	const struct report_names *names;
	struct ap_arena strings;
	struct line *v;
	size_t n, cap;
	uint32_t *path;
};

static int put_frames(struct folded *f, size_t stack, struct ap_buf *b)
{
	const struct report_names *n = f->names;
	size_t depth = 0;
	int err = 0;

	for (size_t id = stack; id; id = n->parent[id])
		f->path[depth++] = n->frame_of[id];
	while (depth-- > 0 && !err) {
		const struct report_frame *frame = &n->frames[f->path[depth]];

		for (uint32_t i = frame->n; i-- > 0 && !err;) {
			err = ap_buf_puts(b, ";");
			if (!err)
				err = ap_escape_folded(b, n->lines[frame->first + i].function);
		}
	}
	return err;
}

static int add(void *ctx, const struct ap_selection_row *row)
{
	struct folded *f = ctx;
	struct ap_buf b = {0};
	struct line *v = ap_grow(&f->v, &f->cap, f->n, sizeof *v);
	int err = v ? ap_escape_folded(&b, row->comm) : -ENOMEM;

	if (!err)
		err = put_frames(f, (size_t)row->stack, &b);
	if (!err) {
		v[f->n] = (struct line){ap_arena_strndup(&f->strings, b.data, b.len), row->weight};
		err = v[f->n++].text ? 0 : -ENOMEM;
	}
	ap_buf_done(&b);
	return err;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

static int print(const struct folded *f, FILE *out)
{
	int64_t weight;

	for (size_t i = 0; i < f->n; i++) {
		for (weight = f->v[i].weight; i + 1 < f->n && !strcmp(f->v[i].text, f->v[i + 1].text); i++)
			weight += f->v[i + 1].weight;
		if (fprintf(out, "%s %lld\n", f->v[i].text, (long long)weight) < 0)
			return -EIO;
	}
	return 0;
}

int ap_report_folded(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct report_names names;
	struct folded f = {.names = &names};
	int err = report_names_load(db, &names, why);

	if (err)
		return err;
	f.path = calloc(names.n_stacks + 1, sizeof *f.path);
	err = f.path ? ap_report_select(db, &o->filter, add, &f, why) : ap_why(why, ENOMEM, "out of memory");
	if (!err) {
		if (f.n)
			qsort(f.v, f.n, sizeof *f.v, by_text);
		if (print(&f, out))
			err = ap_why(why, EIO, "cannot write the report: %s", strerror(errno));
	}
	free(f.v);
	free(f.path);
	ap_arena_done(&f.strings);
	report_names_done(&names);
	return err;
}
