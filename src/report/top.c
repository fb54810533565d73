/* Functions by self and total. A function that recurs counts once in a stack's total; the same name in two modules is two functions. With a
 * base, both sides' shares and what changed between them, the greatest change first: shares are of each side's own total, so that a longer
 * recording does not look slower. */
#include "report/fit.h"
#include "report/labels.h"
#include "report/table.h"

#include "agg/stacks.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { DEFAULT_ROWS = 40 };

struct sums {
	int64_t self, total, self_n, total_n;
};
struct function {
	const char *name, *module;
	struct sums now, then;
	double delta_self, delta_total; /* percentage points */
};
struct side {
	struct sums *v; /* by label */
	double all;     /* weight; 1 where there is none */
};

/* One walk over the tree of stacks, callers first: a function counts a stack's total where it is entered, unless it is on the way from the
 * root already. */
struct walk {
	const struct report_names *n;
	const uint32_t *of_line;
	struct sums *sums;         /* by label */
	uint32_t *on_way;          /* by label: how often */
	int64_t *weight, *samples; /* by stack: of it and of what it called */
	uint32_t *child, *next;    /* by stack; 0: none */
};

static void enter(const struct walk *w, uint32_t id)
{
	const struct report_frame *f = &w->n->frames[w->n->frame_of[id]];

	for (uint32_t i = f->first; i < f->first + f->n && f->kind != AP_FRAME_CUT; i++)
		if (!w->on_way[w->of_line[i]]++) {
			struct sums *s = &w->sums[w->of_line[i]];

			s->total = report_add(s->total, w->weight[id]);
			s->total_n += w->samples[id];
		}
}

static void leave(const struct walk *w, uint32_t id)
{
	const struct report_frame *f = &w->n->frames[w->n->frame_of[id]];

	for (uint32_t i = f->first; i < f->first + f->n && f->kind != AP_FRAME_CUT; i++)
		w->on_way[w->of_line[i]]--;
}

/* Only what has samples is linked. */
static void link_stacks(const struct walk *w)
{
	for (size_t id = w->n->n_stacks; id > 0; id--) {
		uint32_t parent = w->n->parent[id];

		if (!w->samples[id])
			continue;
		w->weight[parent] = report_add(w->weight[parent], w->weight[id]);
		w->samples[parent] += w->samples[id];
		w->next[id] = w->child[parent];
		w->child[parent] = (uint32_t)id;
	}
}

static void walk(const struct walk *w)
{
	uint32_t at = w->child[0];

	while (at) {
		enter(w, at);
		if (w->child[at]) {
			at = w->child[at];
			continue;
		}
		while (at && !w->next[at]) {
			leave(w, at);
			at = w->n->parent[at];
		}
		if (at) {
			leave(w, at);
			at = w->next[at];
		}
	}
}

static void add_self(const struct walk *w, const struct report_row *r)
{
	const struct report_frame *f = &w->n->frames[w->n->frame_of[r->stack]];

	w->weight[r->stack] = report_add(w->weight[r->stack], r->weight);
	w->samples[r->stack] += r->n;
	if (f->n && f->kind != AP_FRAME_CUT) {
		struct sums *s = &w->sums[w->of_line[f->first]];

		s->self = report_add(s->self, r->weight);
		s->self_n += r->n;
	}
}

static int add_view(const struct ap_view *view, const uint32_t *of_line, size_t n_labels, struct side *side)
{
	size_t ids = view->names.n_stacks + 1;
	AP_AUTO_FREE int64_t *weight = calloc(ids, sizeof *weight);
	AP_AUTO_FREE int64_t *samples = calloc(ids, sizeof *samples);
	AP_AUTO_FREE uint32_t *child = calloc(ids, sizeof *child);
	AP_AUTO_FREE uint32_t *next = calloc(ids, sizeof *next);
	AP_AUTO_FREE uint32_t *on_way = calloc(n_labels + 1, sizeof *on_way);
	struct walk w = {&view->names, of_line, NULL, on_way, weight, samples, child, next};

	w.sums = side->v = calloc(n_labels + 1, sizeof *side->v);
	if (!weight || !samples || !child || !next || !on_way || !side->v)
		return -ENOMEM;
	for (size_t i = 0; i < view->n_rows; i++)
		add_self(&w, &view->rows[i]);
	link_stacks(&w);
	walk(&w);
	side->all = weight[0] > 0 ? (double)weight[0] : 1;
	return 0;
}

static int by_self(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->now.self != y->now.self)
		return x->now.self > y->now.self ? -1 : 1;
	if (x->now.total != y->now.total)
		return x->now.total > y->now.total ? -1 : 1;
	return strcmp(x->name, y->name) ? strcmp(x->name, y->name) : strcmp(x->module, y->module);
}

static int by_change(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	double self = fabs(x->delta_self) - fabs(y->delta_self), total = fabs(x->delta_total) - fabs(y->delta_total);

	if (self != 0)
		return self > 0 ? -1 : 1;
	return total != 0 ? (total > 0 ? -1 : 1) : by_self(a, b);
}

static double share(int64_t part, const struct side *s)
{
	return 100.0 * (double)part / s->all;
}

static const struct report_column COLUMNS[] = {{"self_pct", CELL_SHARE, 8, false}, {"total_pct", CELL_SHARE, 9, false},
	{"self_samples", CELL_INT, 12, false}, {"total_samples", CELL_INT, 13, false}, {"function", CELL_TEXT, 0, false, true},
	{"module", CELL_TEXT, 0, false}, {"self", CELL_INT, 0, true}, {"total", CELL_INT, 0, true}, {"event", CELL_TEXT, 0, true},
	{"unit", CELL_TEXT, 0, true}};
static const struct report_column CHANGES[] = {{"base_self_pct", CELL_REAL, 13, false}, {"self_pct", CELL_REAL, 8, false},
	{"delta_self", CELL_REAL, 10, false}, {"base_total_pct", CELL_REAL, 14, false}, {"total_pct", CELL_REAL, 9, false},
	{"delta_total", CELL_REAL, 11, false}, {"function", CELL_TEXT, 0, false, true}, {"module", CELL_TEXT, 0, false},
	{"event", CELL_TEXT, 0, true}, {"unit", CELL_TEXT, 0, true}};

/* A dash in text where there is none, so that every line has as many words before the function. */
static const char *module_of(const struct function *f, const struct ap_report_options *o)
{
	if (o->format != AP_FORMAT_TEXT)
		return f->module;
	return f->module[0] ? report_basename(f->module) : "-";
}

/* How wide the modules of the first rows are; names in text are escaped, so that only report_fit knows. */
static int widest_module(const struct function *f, size_t n, const struct ap_report_options *o, size_t *ret_width)
{
	struct ap_buf b = {0};
	size_t widest = 0, width;
	int err = 0;

	for (size_t i = 0; i < n && !err && o->format == AP_FORMAT_TEXT; i++) {
		b.len = 0;
		err = report_fit(&b, module_of(&f[i], o), 0, &width);
		widest = !err && width > widest ? width : widest;
	}
	ap_buf_done(&b);
	*ret_width = widest;
	return err;
}

static int print_row(
	struct report_table *t, const struct function *f, const struct side *now, const struct side *then, const struct ap_view *v)
{
	const char *module = module_of(f, t->o);
	const char *event = v->scope.event ? v->scope.event : "", *unit = v->scope.unit ? v->scope.unit : "";

	if (!then->v) {
		const struct report_value values[] = {{.real = share(f->now.self, now)}, {.real = share(f->now.total, now)},
			{.integer = f->now.self_n}, {.integer = f->now.total_n}, {.text = f->name}, {.text = module},
			{.integer = f->now.self}, {.integer = f->now.total}, {.text = event}, {.text = unit}};

		return report_table_row(t, values);
	}
	const struct report_value values[] = {{.real = share(f->then.self, then)}, {.real = share(f->now.self, now)},
		{.real = f->delta_self}, {.real = share(f->then.total, then)}, {.real = share(f->now.total, now)}, {.real = f->delta_total},
		{.text = f->name}, {.text = module}, {.text = event}, {.text = unit}};

	return report_table_row(t, values);
}

static int print(const struct function *f, size_t n, const struct side *now, const struct side *then, const struct ap_view *v,
	const struct ap_report_options *o, FILE *out)
{
	struct report_table table = {.columns = then->v ? CHANGES : COLUMNS,
		.o = o,
		.out = out,
		.n_columns = then->v ? AP_ARRAY_LEN(CHANGES) : AP_ARRAY_LEN(COLUMNS)};
	size_t limit = o->limit ? o->limit : o->format == AP_FORMAT_TEXT ? DEFAULT_ROWS : n;
	int err = widest_module(f, n < limit ? n : limit, o, &table.text_width), end;

	if (!err)
		err = report_table_begin(&table);
	for (size_t i = 0; i < n && i < limit && !err; i++)
		err = print_row(&table, &f[i], now, then, v);
	end = report_table_end(&table);
	if (!err && !end && n > limit && o->format == AP_FORMAT_TEXT && fprintf(out, "# %zu more; -n %zu shows all\n", n - limit, n) < 0)
		err = -EIO;
	return err ? err : end;
}

/* The functions that have samples on either side, in order. */
static size_t collect(const struct report_labels *l, const struct side *now, const struct side *then, struct function *v)
{
	static const struct sums none;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct sums *b = then->v ? &then->v[i] : &none;

		if (!now->v[i].total_n && !b->total_n)
			continue;
		v[n] = (struct function){l->v[i].name, l->v[i].module, now->v[i], *b, 0, 0};
		v[n].delta_self = share(v[n].now.self, now) - share(b->self, then);
		v[n].delta_total = share(v[n].now.total, now) - share(b->total, then);
		n++;
	}
	qsort(v, n, sizeof *v, then->v ? by_change : by_self);
	return n;
}

int ap_report_top(const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	AP_AUTO_FREE uint32_t *of_line = NULL;
	AP_AUTO_FREE uint32_t *base_of_line = NULL;
	AP_AUTO_FREE struct function *functions = NULL;
	struct report_labels labels = {0};
	struct side now = {.all = 1}, then = {.all = 1};
	int err = report_label_lines(&labels, &v->names, LABEL_FUNCTIONS, &of_line);

	if (!err && base)
		err = report_label_lines(&labels, &base->names, LABEL_FUNCTIONS, &base_of_line);
	if (!err)
		err = add_view(v, of_line, labels.n, &now);
	if (!err && base)
		err = add_view(base, base_of_line, labels.n, &then);
	if (!err && !(functions = malloc((labels.n + 1) * sizeof *functions)))
		err = -ENOMEM;
	if (!err)
		err = print(functions, collect(&labels, &now, &then, functions), &now, &then, v, o, out);
	if (err)
		ap_why(why, -err, "cannot write the report: %s", err == -EIO ? strerror(errno) : strerror(-err));
	free(now.v);
	free(then.v);
	report_labels_done(&labels);
	return err;
}
