/* One line a distinct stack: command;root;...;leaf weight, in order of the commands and then of the frames' names. Stacks that read the
 * same are one line. With a base, two weights a line, the base's first and scaled to the view's total: what difffolded.pl -n prints. JSON
 * and CSV hold the same, a row a line.
 *
 * The stacks of all commands grow one tree of names; a line is then (command, place in the tree), and lines are put in order by these two
 * numbers. folded_print.c writes them. */
#include "report/folded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct report_column COLUMNS[] = {
	{"stack", CELL_TEXT, 0, false}, {"weight", CELL_INT, 0, false}, {"samples", CELL_INT, 0, false}};
static const struct report_column CHANGES[] = {
	{"stack", CELL_TEXT, 0, false}, {"base_weight", CELL_INT, 0, false}, {"weight", CELL_INT, 0, false}};

static int command_labels(struct folded *f, const struct report_scope *s, uint32_t **ret)
{
	AP_AUTO_FREE uint32_t *v = calloc(s->n_comms + 1, sizeof *v);
	int err = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < s->n_comms && !err; i++) {
		struct ap_buf b = {0};
		const char *name = NULL;

		err = ap_escape_folded(&b, s->comms[i][0] ? s->comms[i] : "[unnamed]");
		if (!err && !(name = ap_arena_strndup(&f->labels.strings, b.data, b.len)))
			err = -ENOMEM;
		if (!err)
			err = report_label(&f->labels, name, "", &v[i]);
		ap_buf_done(&b);
	}
	if (!err)
		*ret = AP_STEAL(v);
	return err;
}

static int add_view(struct folded *f, const struct ap_view *v, bool base, bool invert)
{
	AP_AUTO_FREE uint32_t *commands = NULL;
	AP_AUTO_FREE uint32_t *of_line = NULL;
	AP_AUTO_FREE uint32_t *node_of_row = NULL;
	struct folded_line *lines;
	int err = command_labels(f, &v->scope, &commands);

	if (!err)
		err = report_label_lines(&f->labels, &v->names, LABEL_FOLDED, &of_line);
	if (!err)
		err = report_trie_plant(&f->trie, v, of_line, invert, &node_of_row);
	for (size_t i = 0; i < v->n_rows && !err; i++) {
		const struct report_row *r = &v->rows[i];

		lines = ap_grow(&f->lines, &f->cap, f->n, sizeof *lines);
		if (!lines)
			return -ENOMEM;
		lines[f->n++] = (struct folded_line){.node = node_of_row[i],
			.label = commands[r->comm],
			.now = base ? 0 : r->weight,
			.n = base ? 0 : r->n,
			.then = base ? r->weight : 0};
	}
	return err;
}

static int by_text(const void *a, const void *b, void *ctx)
{
	const struct report_labels *l = ctx;

	return strcmp(l->v[*(const uint32_t *)a].name, l->v[*(const uint32_t *)b].name);
}

static int rank_labels(struct folded *f)
{
	AP_AUTO_FREE uint32_t *order = malloc((f->labels.n + 1) * sizeof *order);

	f->rank = malloc((f->labels.n + 1) * sizeof *f->rank);
	if (!order || !f->rank)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->labels.n; i++)
		order[i] = i;
	qsort_r(order, f->labels.n, sizeof *order, by_text, &f->labels);
	for (uint32_t i = 0; i < f->labels.n; i++)
		f->rank[order[i]] = i;
	return 0;
}

static int by_rank(const void *a, const void *b, void *ctx)
{
	const uint32_t *rank = ctx;
	const struct report_node *x = a, *y = b;

	return rank[x->label] < rank[y->label] ? -1 : rank[x->label] > rank[y->label];
}

static int by_place(const void *a, const void *b)
{
	const struct folded_line *x = a, *y = b;

	if (x->command != y->command)
		return x->command < y->command ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Each node's number, depth first. */
static void number_nodes(const struct report_trie *t, uint32_t *place, struct folded_spot *spots)
{
	uint32_t at = t->v[0].child, n = 1;

	while (at) {
		uint32_t parent = place[t->v[at].parent];

		spots[n] = (struct folded_spot){parent, t->v[at].label, spots[parent].depth + 1};
		place[at] = n++;
		if (t->v[at].child) {
			at = t->v[at].child;
			continue;
		}
		while (at && !t->v[at].next)
			at = t->v[at].parent;
		at = at ? t->v[at].next : 0;
	}
}

/* In order, and those that read the same summed. */
static int order_lines(struct folded *f)
{
	AP_AUTO_FREE uint32_t *place = calloc(f->trie.n, sizeof *place);
	size_t n = 0;

	f->spots = calloc(f->trie.n, sizeof *f->spots);
	f->length = calloc(f->labels.n + 1, sizeof *f->length);
	if (!place || !f->spots || !f->length)
		return -ENOMEM;
	number_nodes(&f->trie, place, f->spots);
	for (size_t i = 0; i < f->labels.n; i++)
		f->length[i] = strlen(f->labels.v[i].name);
	for (size_t i = 0; i < f->n; i++) {
		f->lines[i].command = f->rank[f->lines[i].label];
		f->lines[i].place = place[f->lines[i].node];
	}
	if (f->n)
		qsort(f->lines, f->n, sizeof *f->lines, by_place);
	for (size_t i = 0; i < f->n; i++) {
		struct folded_line *l = &f->lines[i], *last = n ? &f->lines[n - 1] : NULL;

		if (!last || by_place(last, l)) {
			f->lines[n++] = *l;
			continue;
		}
		last->now = report_add(last->now, l->now);
		last->then = report_add(last->then, l->then);
		last->n += l->n;
	}
	f->n = n;
	return 0;
}

static void find_scale(struct folded *f)
{
	int64_t now = 0, then = 0;

	for (size_t i = 0; i < f->n; i++) {
		now = report_add(now, f->lines[i].now);
		then = report_add(then, f->lines[i].then);
	}
	f->scale = now > 0 && then > 0 ? (double)now / (double)then : 1;
}

static int print_all(struct folded *f, const struct ap_report_options *o, FILE *out)
{
	struct report_table table = {.columns = f->both ? CHANGES : COLUMNS, .n_columns = AP_ARRAY_LEN(COLUMNS), .o = o, .out = out};
	int err, end;

	if (o->format == AP_FORMAT_TEXT)
		return report_folded_print(f, out);
	f->table = &table;
	err = report_table_begin(&table);
	if (!err)
		err = report_folded_print(f, out);
	end = report_table_end(&table);
	return err ? err : end;
}

int ap_report_folded(const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct folded f = {.both = base != NULL};
	int err = report_trie_init(&f.trie);

	if (!err)
		err = add_view(&f, v, false, o->invert);
	if (!err && base)
		err = add_view(&f, base, true, o->invert);
	if (!err)
		err = rank_labels(&f);
	if (!err)
		err = report_trie_sort(&f.trie, by_rank, f.rank);
	if (!err)
		err = order_lines(&f);
	if (!err) {
		find_scale(&f);
		err = print_all(&f, o, out);
	}
	if (err)
		ap_why(why, -err, "cannot write the report: %s", err == -EIO ? strerror(errno) : strerror(-err));
	free(f.rank);
	free(f.spots);
	free(f.length);
	free(f.lines);
	report_trie_done(&f.trie);
	report_labels_done(&f.labels);
	return err;
}
