/* The call tree, heaviest child first. As text, branches below half a percent become one line that sums them; JSON and CSV have every node,
 * one row each, callers before callees, with its depth (nested objects would be deeper than parsers go). Inverted: leaves are the first
 * level and callers stand below them; self is then what has no further caller. */
#include "report/fit.h"
#include "report/table.h"
#include "report/trie.h"

#include <errno.h>
#include <string.h>

enum { INDENT_MAX = 60, NUMBERS_WIDTH = 19 };
static const double SHOWN = 0.005;

struct printing {
	const struct report_labels *labels;
	const struct report_trie *trie;
	const struct ap_view *view;
	const struct ap_report_options *o;
	struct report_table *table; /* JSON and CSV */
	FILE *out;
	double all;
};

static const struct report_column COLUMNS[] = {{"depth", CELL_INT, 0, false}, {"total_pct", CELL_REAL, 0, false},
	{"self_pct", CELL_REAL, 0, false}, {"total_samples", CELL_INT, 0, false}, {"self_samples", CELL_INT, 0, false},
	{"function", CELL_TEXT, 0, false}, {"module", CELL_TEXT, 0, false}, {"total", CELL_INT, 0, false}, {"self", CELL_INT, 0, false},
	{"event", CELL_TEXT, 0, false}, {"unit", CELL_TEXT, 0, false}};

static int by_weight(const void *a, const void *b, void *ctx)
{
	const struct report_labels *l = ctx;
	const struct report_node *x = a, *y = b;
	int order;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	order = strcmp(l->v[x->label].name, l->v[y->label].name);
	return order ? order : strcmp(l->v[x->label].module, l->v[y->label].module);
}

/* A level deeper is a column further, up to a limit that a terminal can show. */
static int put_numbers(struct ap_buf *b, const struct printing *p, double total, double self, size_t depth)
{
	double total_pct = 100 * total / p->all;
	const char *colour = !p->o->colour ? "" : total_pct >= 10 ? report_colour_hot : total_pct >= 1 ? report_colour_warn : "";
	int err = ap_buf_printf(b, "%s%6.2f%%%s", colour, total_pct, colour[0] ? report_colour_off : "");

	if (!err)
		err = self < 0 ? ap_buf_printf(b, "%8s", "") : ap_buf_printf(b, " %6.2f%%", 100 * self / p->all);
	return err ? err : ap_buf_printf(b, "  %*s", (int)(depth < INDENT_MAX ? depth : INDENT_MAX), "");
}

static int print_text(const struct printing *p, const struct report_node *n, size_t depth)
{
	const struct report_label *l = &p->labels->v[n->label];
	const char *module = report_basename(l->module);
	size_t room = 0, used, indent = NUMBERS_WIDTH + (depth < INDENT_MAX ? depth : INDENT_MAX);
	struct ap_buf b = {0};
	int err = put_numbers(&b, p, (double)n->total, (double)n->self, depth);

	if (p->o->width)
		room = p->o->width > indent + 32 ? p->o->width - indent : 32;
	if (!err)
		err = report_fit(&b, l->name, room * 2 / 3, &used);
	if (!err && module[0])
		err = ap_buf_puts(&b, "  ");
	if (!err && module[0])
		err = report_fit(&b, module, room ? room - room * 2 / 3 - 2 : 0, &used);
	if (!err && fprintf(p->out, "%s\n", b.data) < 0)
		err = -EIO;
	ap_buf_done(&b);
	return err;
}

static int print_row(const struct printing *p, const struct report_node *n, size_t depth)
{
	const struct report_label *l = &p->labels->v[n->label];
	const struct report_value values[] = {{.integer = (int64_t)depth}, {.real = 100.0 * (double)n->total / p->all},
		{.real = 100.0 * (double)n->self / p->all}, {.integer = n->total_n}, {.integer = n->self_n}, {.text = l->name},
		{.text = l->module}, {.integer = n->total}, {.integer = n->self},
		{.text = p->view->scope.event ? p->view->scope.event : ""}, {.text = p->view->scope.unit ? p->view->scope.unit : ""}};

	return report_table_row(p->table, values);
}

static bool small(const struct printing *p, const struct report_node *n)
{
	return p->o->format == AP_FORMAT_TEXT && (double)n->total < SHOWN * p->all;
}

/* From the first child that is too small, which is followed by smaller ones alone. */
static int print_rest(const struct printing *p, uint32_t at, size_t depth)
{
	struct ap_buf b = {0};
	double sum = 0;
	size_t n = 0;
	int err;

	for (; at; at = p->trie->v[at].next, n++)
		sum += (double)p->trie->v[at].total;
	err = put_numbers(&b, p, sum, -1, depth);
	if (!err && fprintf(p->out, "%s(%zu more below %.1f %%)\n", b.data, n, 100 * SHOWN) < 0)
		err = -EIO;
	ap_buf_done(&b);
	return err;
}

/* The node's parent is the way back: nothing recurses. */
static int print_nodes(const struct printing *p)
{
	const struct report_node *v = p->trie->v;
	uint32_t at = v[0].child;
	size_t depth = 0;
	int err = 0;

	while (at && !err) {
		bool skip = small(p, &v[at]);

		if (skip)
			err = print_rest(p, at, depth);
		else
			err = p->table ? print_row(p, &v[at], depth) : print_text(p, &v[at], depth);
		if (!skip && v[at].child) {
			at = v[at].child;
			depth++;
			continue;
		}
		while (at && (skip || !v[at].next)) {
			at = v[at].parent;
			depth--;
			skip = false;
		}
		at = at ? v[at].next : 0;
	}
	return err;
}

static int print(const struct printing *p)
{
	struct printing with = *p;
	struct report_table table = {.columns = COLUMNS, .n_columns = AP_ARRAY_LEN(COLUMNS), .o = p->o, .out = p->out};
	int err, end;

	if (p->o->format == AP_FORMAT_TEXT) {
		if (fprintf(p->out, "%s  total    self  function  module%s\n", p->o->colour ? report_colour_head : "",
			    p->o->colour ? report_colour_off : "") < 0)
			return -EIO;
		return print_nodes(p);
	}
	with.table = &table;
	err = report_table_begin(&table);
	if (!err)
		err = print_nodes(&with);
	end = report_table_end(&table);
	return err ? err : end;
}

int ap_report_tree(const struct ap_view *v, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	AP_AUTO_FREE uint32_t *of_line = NULL;
	AP_AUTO_FREE uint32_t *node_of_row = NULL;
	struct report_labels labels = {0};
	struct report_trie trie;
	struct printing p = {&labels, &trie, v, o, NULL, out, 1};
	int err = report_trie_init(&trie);

	if (!err)
		err = report_label_lines(&labels, &v->names, LABEL_FRAMES, &of_line);
	if (!err)
		err = report_trie_plant(&trie, v, of_line, o->invert, &node_of_row);
	if (!err) {
		for (size_t i = 0; i < v->n_rows; i++) {
			struct report_node *n = &trie.v[node_of_row[i]];

			n->self = report_add(n->self, v->rows[i].weight);
			n->self_n += v->rows[i].n;
		}
		report_trie_sum(&trie);
		p.all = trie.v[0].total > 0 ? (double)trie.v[0].total : 1;
		err = report_trie_sort(&trie, by_weight, &labels);
	}
	if (!err)
		err = print(&p);
	if (err)
		ap_why(why, -err, "cannot write the report: %s", err == -EIO ? strerror(errno) : strerror(-err));
	report_trie_done(&trie);
	report_labels_done(&labels);
	return err;
}
