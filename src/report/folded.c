/* One line a distinct stack: command;root;...;leaf weight, in order of the commands and then of the frames' names. Stacks that read the
 * same are one line. With a base, two weights a line, the base's first and scaled to the view's total: what difffolded.pl -n prints. JSON
 * and CSV hold the same, a row a line.
 *
 * The stacks of all commands grow one tree of names; a line is then (command, place in the tree), and lines are put in order by these two
 * numbers. Each line's text begins with what it shares with the line before. */
#include "report/table.h"
#include "report/trie.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct line {
	uint32_t command; /* its rank among the labels */
	uint32_t place;   /* of its node, depth first */
	uint32_t node, label;
	int64_t now, n, then; /* weight and samples; weight in the base */
};
struct spot {
	uint32_t parent, label, depth; /* parent: a place */
};
struct folded {
	struct report_labels labels;
	struct report_trie trie;
	uint32_t *rank;     /* of each label in the order of their texts */
	struct spot *spots; /* the nodes of the tree by place: a walk to the root stays near */
	size_t *length;     /* of each label's text */
	struct line *lines;
	size_t n, cap;
	double scale; /* of the base */
	bool both;
	struct report_table *table; /* JSON and CSV; NULL: text */
};

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
	struct line *lines;
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
		lines[f->n++] = (struct line){.node = node_of_row[i],
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
	const struct line *x = a, *y = b;

	if (x->command != y->command)
		return x->command < y->command ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Each node's number, depth first. */
static void number_nodes(const struct report_trie *t, uint32_t *place, struct spot *spots)
{
	uint32_t at = t->v[0].child, n = 1;

	while (at) {
		uint32_t parent = place[t->v[at].parent];

		spots[n] = (struct spot){parent, t->v[at].label, spots[parent].depth + 1};
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
		struct line *l = &f->lines[i], *last = n ? &f->lines[n - 1] : NULL;

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

/* After a space. A line each has one: printf would cost more than the rest of the line. */
static void put_number(int64_t v, FILE *out)
{
	char text[24], *at = text + sizeof text;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		*--at = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--at = '-';
	*--at = ' ';
	fwrite_unlocked(at, 1, (size_t)(text + sizeof text - at), out);
}

static int print_line(const struct folded *f, const struct line *l, const struct ap_buf *path, FILE *out)
{
	int64_t base = llround((double)l->then * f->scale);

	if (f->table) {
		const struct report_value rows[] = {{.text = path->data}, {.integer = l->now}, {.integer = l->n}};
		const struct report_value changes[] = {{.text = path->data}, {.integer = base}, {.integer = l->now}};

		return report_table_row(f->table, f->both ? changes : rows);
	}
	fwrite_unlocked(path->data, 1, path->len, out);
	if (f->both)
		put_number(base, out);
	put_number(l->now, out);
	return putc_unlocked('\n', out) < 0 ? -EIO : 0;
}

/* The places from the root to where the last line ended, and where the text of each ends; 0 is the command. */
struct path {
	struct ap_buf text;
	uint32_t *node;
	size_t *end;
	size_t depth; /* of the last line */
};

static int put_label(const struct folded *f, uint32_t label, struct path *p)
{
	return ap_buf_add(&p->text, f->labels.v[label].name, f->length[label]);
}

/* From the node up to where the last line's path is met; the rest of the text is new. */
static int put_path(const struct folded *f, const struct line *l, bool new_command, struct path *p)
{
	size_t depth = f->spots[l->place].depth, known;
	uint32_t at = l->place;
	int err = 0;

	if (new_command) {
		p->text.len = p->depth = 0;
		err = put_label(f, l->label, p);
		if (err)
			return err;
		p->end[0] = p->text.len;
	}
	for (known = depth; known && (known > p->depth || p->node[known] != at); known--) {
		p->node[known] = at;
		at = f->spots[at].parent;
	}
	p->text.len = p->end[known];
	p->text.data[p->text.len] = '\0';
	for (; known < depth && !err; known++) {
		err = ap_buf_add(&p->text, ";", 1);
		if (!err)
			err = put_label(f, f->spots[p->node[known + 1]].label, p);
		p->end[known + 1] = p->text.len;
	}
	p->depth = depth;
	return err;
}

static int print(const struct folded *f, FILE *out)
{
	struct path p = {.node = malloc((f->trie.n + 1) * sizeof *p.node), .end = malloc((f->trie.n + 1) * sizeof *p.end)};
	int err = p.node && p.end ? 0 : -ENOMEM;

	for (size_t i = 0; i < f->n && !err; i++) {
		err = put_path(f, &f->lines[i], !i || f->lines[i - 1].command != f->lines[i].command, &p);
		if (!err)
			err = print_line(f, &f->lines[i], &p.text, out);
	}
	free(p.node);
	free(p.end);
	ap_buf_done(&p.text);
	return err;
}

static int print_all(struct folded *f, const struct ap_report_options *o, FILE *out)
{
	struct report_table table = {.columns = f->both ? CHANGES : COLUMNS, .n_columns = AP_ARRAY_LEN(COLUMNS), .o = o, .out = out};
	int err, end;

	if (o->format == AP_FORMAT_TEXT)
		return print(f, out);
	f->table = &table;
	err = report_table_begin(&table);
	if (!err)
		err = print(f, out);
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
