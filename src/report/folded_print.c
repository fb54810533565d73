/* Each line's text begins with what it shares with the line before: only the rest is put together anew. */
#include "report/folded.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

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

static int print_line(const struct folded *f, const struct folded_line *l, const struct ap_buf *path, FILE *out)
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
static int put_path(const struct folded *f, const struct folded_line *l, bool new_command, struct path *p)
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

int report_folded_print(const struct folded *f, FILE *out)
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
