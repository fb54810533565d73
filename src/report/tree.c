/* The call tree from the root, heaviest child first; branches below half a percent are summed in a line of their own. */
#include "report/names.h"

#include "base/hash.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 4096 };
static const double SHOWN = 0.005;

struct node {
	const char *name, *module;
	uint32_t parent, child, next; /* indexes; 0 none, node 0 is the root */
	int64_t self, total;
};
struct tree {
	const struct report_names *names;
	struct node *v;
	size_t n, cap;
	struct ap_index index;
	uint32_t *path;
	bool invert;
};
struct node_key {
	uint32_t parent;
	const char *name, *module;
};

static uint64_t hash_of(uint32_t parent, const char *name, const char *module)
{
	return ap_hash_bytes(name, strlen(name), ap_hash_bytes(module, strlen(module), parent));
}

static uint64_t node_hash(const void *ctx, uint32_t slot)
{
	const struct node *n = &((const struct tree *)ctx)->v[slot];

	return hash_of(n->parent, n->name, n->module);
}

static bool node_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct node *n = &((const struct tree *)ctx)->v[slot];
	const struct node_key *k = key;

	return n->parent == k->parent && !strcmp(n->name, k->name) && !strcmp(n->module, k->module);
}

static int child(struct tree *t, uint32_t parent, const char *name, const char *module, uint32_t *ret)
{
	struct node_key key = {parent, name, module};
	uint64_t hash = hash_of(parent, name, module);
	struct node *v;

	*ret = ap_index_find(&t->index, hash, node_same, t, &key);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->v, &t->cap, t->n, sizeof *v);
	if (!v)
		return -ENOMEM;
	*ret = (uint32_t)t->n;
	v[t->n++] = (struct node){.name = name, .module = module, .parent = parent, .next = v[parent].child};
	v[parent].child = *ret;
	return ap_index_add(&t->index, hash, *ret, node_hash, t);
}

static int add_frame(struct tree *t, const struct report_frame *f, uint32_t *at, const struct ap_selection_row *row)
{
	int err = 0;

	for (uint32_t k = 0; k < f->n && !err; k++) {
		uint32_t i = t->invert ? k : f->n - 1 - k;

		err = child(t, *at, t->names->lines[f->first + i].function, f->module, at);
		if (!err)
			t->v[*at].total += row->n;
	}
	return err;
}

static int add(void *ctx, const struct ap_selection_row *row)
{
	struct tree *t = ctx;
	uint32_t at = 0;
	size_t depth = 0, i;
	int err = 0;

	t->v[0].total += row->n;
	for (size_t id = (size_t)row->stack; id; id = t->names->parent[id])
		t->path[depth++] = t->names->frame_of[id];
	for (i = 0; i < depth && !err; i++)
		err = add_frame(t, &t->names->frames[t->path[t->invert ? i : depth - 1 - i]], &at, row);
	if (!err)
		t->v[at].self += row->n;
	return err;
}

static uint32_t heaviest(const struct tree *t, uint32_t of, const bool *done)
{
	uint32_t best = 0;

	for (uint32_t c = t->v[of].child; c; c = t->v[c].next)
		if (!done[c] && (!best || t->v[c].total > t->v[best].total ||
			(t->v[c].total == t->v[best].total && strcmp(t->v[c].name, t->v[best].name) < 0)))
			best = c;
	return best;
}

static int print_node(const struct tree *t, uint32_t at, size_t depth, FILE *out)
{
	struct ap_buf b = {0};
	const struct node *n = &t->v[at];
	double all = t->v[0].total ? (double)t->v[0].total : 1;
	int err = ap_buf_printf(&b, "%6.2f%% %6.2f%%  %*s", 100.0 * (double)n->total / all, 100.0 * (double)n->self / all, (int)depth, "");

	if (!err)
		err = ap_escape_terminal(&b, n->name);
	if (!err && n->module[0]) {
		err = ap_buf_puts(&b, "  ");
		if (!err)
			err = ap_escape_terminal(&b, report_basename(n->module));
	}
	if (!err && fprintf(out, "%s\n", b.data) < 0)
		err = -EIO;
	ap_buf_done(&b);
	return err;
}

/* Depth first without recursion: the node's parent is the way back. */
static int print(const struct tree *t, FILE *out)
{
	AP_AUTO_FREE bool *done = calloc(t->n + 1, sizeof *done);
	double least = SHOWN * (double)t->v[0].total;
	uint32_t at = 0, next;
	size_t depth = 0;
	int err = done ? 0 : -ENOMEM;

	if (!err && fputs("  total    self  function  module\n", out) < 0)
		err = -EIO;
	while (!err) {
		next = heaviest(t, at, done);
		if (next && (double)t->v[next].total >= least && depth < DEPTH_MAX) {
			done[next] = true;
			err = print_node(t, next, depth++, out);
			at = next;
		} else if (at) {
			at = t->v[at].parent;
			depth--;
		} else {
			break;
		}
	}
	return err;
}

int ap_report_tree(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct report_names names;
	struct tree t = {.names = &names, .invert = o->invert};
	int err = report_names_load(db, &names, why);

	if (err)
		return err;
	t.path = calloc(names.n_stacks + 1, sizeof *t.path);
	t.v = calloc(16, sizeof *t.v);
	t.cap = 16;
	t.n = 1;
	if (!t.path || !t.v)
		err = ap_why(why, ENOMEM, "out of memory");
	else
		t.v[0].name = t.v[0].module = "";
	if (!err)
		err = ap_report_select(db, &o->filter, add, &t, why);
	if (!err && print(&t, out))
		err = ap_why(why, EIO, "cannot write the report: %s", strerror(errno));
	free(t.v);
	free(t.path);
	ap_index_done(&t.index);
	report_names_done(&names);
	return err;
}
