/* A sample's stack is walked leaf to root into a list, then followed from the root down. Nodes are only appended, so that totals are one
 * sweep backwards: nothing here recurses, however deep a stack is. */
#include "report/flame_tree.h"

#include <errno.h>
#include <string.h>

static uint64_t node_hash(const void *ctx, uint32_t slot)
{
	const struct flame_node *n = &((const struct flame_tree *)ctx)->nodes[slot];

	return ap_hash_pair((uint64_t)n->parent << 32 | n->function, (uint64_t)n->module << 8 | (uint64_t)n->kind);
}

static bool node_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct flame_node *a = &((const struct flame_tree *)ctx)->nodes[slot], *b = key;

	return a->parent == b->parent && a->function == b->function && a->module == b->module && a->kind == b->kind;
}

static uint64_t string_hash(const void *ctx, uint32_t slot)
{
	const char *s = ((const struct flame_tree *)ctx)->strings[slot];

	return ap_hash_bytes(s, strlen(s), 0);
}

static bool string_same(const void *ctx, uint32_t slot, const void *key)
{
	return !strcmp(((const struct flame_tree *)ctx)->strings[slot], key);
}

static int intern(struct flame_tree *t, const char *s, uint32_t *ret)
{
	size_t len = strlen(s);
	uint64_t hash = ap_hash_bytes(s, len, 0);
	const char **v;
	int err;

	*ret = ap_index_find(&t->string_index, hash, string_same, t, s);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->strings, &t->strings_cap, t->n_strings, sizeof *v);
	if (!v || !(v[t->n_strings] = ap_arena_strndup(&t->arena, s, len)))
		return -ENOMEM;
	err = ap_index_add(&t->string_index, hash, (uint32_t)t->n_strings, string_hash, t);
	if (!err)
		*ret = (uint32_t)t->n_strings++;
	return err;
}

static int append(struct flame_tree *t, const struct flame_node *key, uint32_t *ret)
{
	struct flame_node *v = ap_grow(&t->nodes, &t->cap, t->n, sizeof *v);
	int err;

	if (!v)
		return -ENOMEM;
	v[t->n] = *key;
	err = ap_index_add(&t->index, node_hash(t, (uint32_t)t->n), (uint32_t)t->n, node_hash, t);
	if (!err)
		*ret = (uint32_t)t->n++;
	return err;
}

/* From *at to its child of that name, made if it is not there. */
static int descend(struct flame_tree *t, const char *function, const char *module, int kind, const char *file, int64_t line, uint32_t *at)
{
	struct flame_node key = {.parent = *at, .kind = kind, .line = line};
	int err = intern(t, function, &key.function);

	if (!err)
		err = intern(t, module, &key.module);
	if (!err)
		err = intern(t, file, &key.file);
	if (err)
		return err;
	*at = ap_index_find(&t->index, ap_hash_pair((uint64_t)key.parent << 32 | key.function, (uint64_t)key.module << 8 | (uint64_t)kind),
		node_same, t, &key);
	return *at != (uint32_t)AP_INDEX_NONE ? 0 : append(t, &key, at);
}

static int box_kind(const struct report_frame *f, bool inlined)
{
	static const int kinds[] = {[1] = FLAME_USER, [2] = FLAME_KERNEL, [3] = FLAME_JIT, [4] = FLAME_CUT};

	if (inlined)
		return FLAME_INLINED;
	return f->kind >= 1 && f->kind <= 4 ? kinds[f->kind] : FLAME_OTHER;
}

static int descend_frame(struct flame_tree *t, const struct report_names *names, uint32_t frame, uint32_t *at)
{
	const struct report_frame *f = &names->frames[frame];
	int err = 0;

	for (uint32_t i = f->n; i-- > 0 && !err;) {
		const struct report_line *l = &names->lines[f->first + i];

		err = descend(t, l->function, f->module, box_kind(f, i + 1 < f->n), l->file, l->line, at);
	}
	return err;
}

int flame_tree_add(struct flame_tree *t, const struct report_names *names, const struct ap_selection_row *row)
{
	AP_AUTO_FREE uint32_t *path = NULL;
	size_t depth = 0, i = 0;
	uint32_t at = 0;
	int err = descend(t, row->comm, "", FLAME_COMMAND, "", 0, &at);

	for (size_t s = (size_t)row->stack; s; s = names->parent[s])
		depth++;
	if (!err && !(path = malloc((depth + 1) * sizeof *path)))
		err = -ENOMEM;
	for (size_t s = (size_t)row->stack; !err && s; s = names->parent[s])
		path[i++] = names->frame_of[s];
	while (!err && i-- > 0)
		err = descend_frame(t, names, path[i], &at);
	if (!err)
		t->nodes[at].self += row->n;
	return err;
}

int flame_tree_init(struct flame_tree *t)
{
	struct flame_node root = {.kind = FLAME_COMMAND};
	uint32_t empty, at;
	int err;

	memset(t, 0, sizeof *t);
	err = intern(t, "", &empty);
	if (!err)
		err = intern(t, "all", &root.function);
	root.module = root.file = empty;
	return err ? err : append(t, &root, &at);
}

void flame_tree_sum(struct flame_tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->nodes[i].total = t->nodes[i].self;
	for (size_t i = t->n; i-- > 1;)
		t->nodes[t->nodes[i].parent].total += t->nodes[i].total;
}

void flame_tree_done(struct flame_tree *t)
{
	free(t->nodes);
	free(t->strings);
	ap_index_done(&t->index);
	ap_index_done(&t->string_index);
	ap_arena_done(&t->arena);
	memset(t, 0, sizeof *t);
}
