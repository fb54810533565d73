/* Functions by self and total. A function that recurs counts once in a stack's total; the same name in two modules is two functions. */
#include "report/names.h"
#include "report/table.h"

#include "agg/stacks.h"
#include "base/hash.h"

#include <errno.h>
#include <string.h>

enum { DEFAULT_ROWS = 40 };

struct function {
	const char *name, *module;
	int64_t self, total, self_n, total_n, stamp;
};
struct top {
	const struct report_names *names;
	struct function *v;
	size_t n, cap;
	struct ap_index index;
	uint32_t *of_line; /* function of each line */
	struct ap_arena strings;
	int64_t weight, stamp;
};

static uint64_t function_hash(const void *ctx, uint32_t slot)
{
	const struct function *f = &((const struct top *)ctx)->v[slot];

	return ap_hash_bytes(f->name, strlen(f->name), ap_hash_bytes(f->module, strlen(f->module), 0));
}

static bool function_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct function *a = &((const struct top *)ctx)->v[slot], *b = key;

	return !strcmp(a->name, b->name) && !strcmp(a->module, b->module);
}

static int intern(struct top *t, const char *name, const char *module, uint32_t *ret)
{
	struct function key = {.name = name, .module = module}, *v;
	uint64_t hash = ap_hash_bytes(name, strlen(name), ap_hash_bytes(module, strlen(module), 0));

	*ret = ap_index_find(&t->index, hash, function_same, t, &key);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->v, &t->cap, t->n, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[t->n] = key;
	*ret = (uint32_t)t->n++;
	return ap_index_add(&t->index, hash, *ret, function_hash, t);
}

/* "[liblzma.so.5]" for the frames of a module that have no name. The text dies with the names; NULL when there is no memory. */
static const char *module_name(struct top *t, const char *module)
{
	struct ap_buf b = {0};
	const char *name = NULL;

	if (!(module[0] == '[' ? ap_buf_puts(&b, module) : ap_buf_printf(&b, "[%s]", report_basename(module))))
		name = ap_arena_strndup(&t->strings, b.data, b.len);
	ap_buf_done(&b);
	return name ? name : "[no memory]";
}

static int intern_lines(struct top *t)
{
	const struct report_names *n = t->names;
	int err = 0;

	t->of_line = calloc(n->n_lines + 1, sizeof *t->of_line);
	if (!t->of_line)
		return -ENOMEM;
	for (size_t f = 1; f <= n->n_frames && !err; f++)
		for (uint32_t i = n->frames[f].first; i < n->frames[f].first + n->frames[f].n && !err; i++) {
			const struct report_frame *frame = &n->frames[f];

			err = intern(t, frame->named || !frame->module[0] ? n->lines[i].function : module_name(t, frame->module), frame->module,
				&t->of_line[i]);
		}
	return err;
}

static int add_stack(void *ctx, const struct ap_selection_row *row)
{
	const struct report_names *n;
	struct top *t = ctx;
	size_t id;

	n = t->names;
	t->weight += row->weight;
	t->stamp++;
	for (id = (size_t)row->stack; id; id = n->parent[id]) {
		const struct report_frame *f = &n->frames[n->frame_of[id]];

		for (uint32_t i = f->first; i < f->first + f->n && f->kind != AP_FRAME_CUT; i++) {
			struct function *fn = &t->v[t->of_line[i]];

			if (id == (size_t)row->stack && i == f->first) {
				fn->self += row->weight;
				fn->self_n += row->n;
			}
			if (fn->stamp == t->stamp)
				continue;
			fn->stamp = t->stamp;
			fn->total += row->weight;
			fn->total_n += row->n;
		}
	}
	return 0;
}

static int by_self(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int print(const struct top *t, const struct ap_report_options *o, FILE *out)
{
	static const struct report_column columns[] = {{"self_pct", CELL_REAL, 8}, {"total_pct", CELL_REAL, 9}, {"self_samples", CELL_INT, 12},
		{"total_samples", CELL_INT, 13}, {"function", CELL_TEXT, 48}, {"module", CELL_TEXT, 0}};
	struct report_table table = {.columns = columns, .n_columns = AP_ARRAY_LEN(columns), .format = o->format, .out = out};
	double all = t->weight ? (double)t->weight : 1;
	uint32_t limit = o->limit ? o->limit : DEFAULT_ROWS;
	int err = report_table_begin(&table), end;

	for (size_t i = 0; i < t->n && i < limit && !err && t->v[i].total_n; i++) {
		const struct function *f = &t->v[i];
		const struct report_value values[] = {{.real = 100.0 * (double)f->self / all}, {.real = 100.0 * (double)f->total / all},
			{.integer = f->self_n}, {.integer = f->total_n}, {.text = f->name},
			{.text = o->format == AP_FORMAT_TEXT ? report_basename(f->module) : f->module}};

		err = report_table_row(&table, values);
	}
	end = report_table_end(&table);
	return err ? err : end;
}

int ap_report_top(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct report_names names;
	struct top t = {.names = &names};
	int err = report_names_load(db, &names, why);

	if (err)
		return err;
	if (intern_lines(&t))
		err = ap_why(why, ENOMEM, "out of memory");
	if (!err)
		err = ap_report_select(db, &o->filter, add_stack, &t, why);
	if (!err) {
		if (t.n)
			qsort(t.v, t.n, sizeof *t.v, by_self);
		if (print(&t, o, out))
			err = ap_why(why, EIO, "cannot write the report: %s", strerror(errno));
	}
	free(t.v);
	free(t.of_line);
	ap_arena_done(&t.strings);
	ap_index_done(&t.index);
	report_names_done(&names);
	return err;
}
