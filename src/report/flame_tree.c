/* Nodes are appended, so that a parent comes before its children, and found through one table of (parent, frame). */
#include "report/flame_tree.h"

#include "report/large.h"

#include <errno.h>
#include <string.h>

/* Names longer than NAME_MAX_BYTES are cut, and end in an ellipsis. */
enum { NAME_MAX_BYTES = 4096, FIRST_CELLS = 1 << 12, EXPECTED_CELLS = 1 << 23, NODES_LIMIT = 1 << 30 };

static uint64_t child_hash(uint32_t parent, uint32_t frame)
{
	return ap_hash_u64((uint64_t)parent << 32 | frame);
}

/* The cell of that child, or the free one where it belongs. This is the innermost of it all, so it is no ap_index: nothing is called. */
static size_t find_cell(const struct flame_tree *t, uint32_t parent, uint32_t frame)
{
	uint64_t hash = child_hash(parent, frame);
	size_t mask = t->n_cells - 1, at = hash & mask;
	uint32_t i, tag = (uint32_t)(hash >> 32);

	for (; (i = t->cells[at].node); at = (at + 1) & mask)
		if (t->cells[at].tag == tag && t->nodes[i - 1].parent == parent && t->nodes[i - 1].frame == frame)
			break;
	return at;
}

static void set_cell(const struct flame_tree *t, size_t cell, uint32_t node)
{
	const struct flame_node *v = &t->nodes[node];

	t->cells[cell] = (struct flame_cell){node + 1, (uint32_t)(child_hash(v->parent, v->frame) >> 32)};
}

static int set_cells(struct flame_tree *t, size_t n)
{
	struct flame_cell *cells = report_large_calloc(n, sizeof *cells);

	if (!cells)
		return -ENOMEM;
	free(t->cells);
	t->cells = cells;
	t->n_cells = n;
	for (uint32_t i = 0; i < t->n; i++)
		set_cell(t, find_cell(t, t->nodes[i].parent, t->nodes[i].frame), i);
	return 0;
}

static uint64_t frame_key_hash(const struct flame_frame *f)
{
	return ap_hash_pair((uint64_t)f->name << 32 | f->module, (uint64_t)f->kind);
}

static uint64_t frame_hash(const void *ctx, uint32_t slot)
{
	return frame_key_hash(&((const struct flame_tree *)ctx)->frames[slot]);
}

static bool frame_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct flame_frame *a = &((const struct flame_tree *)ctx)->frames[slot], *b = key;

	return a->name == b->name && a->module == b->module && a->kind == b->kind;
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

/* A copy that ends in an ellipsis where the name is too long; not inside a UTF-8 character. */
static char *shortened(struct ap_arena *a, const char *s, size_t len)
{
	static const char dots[] = "\xe2\x80\xa6";
	char *copy;

	if (len <= NAME_MAX_BYTES)
		return ap_arena_strndup(a, s, len);
	for (len = NAME_MAX_BYTES; len > NAME_MAX_BYTES - 4 && ((unsigned char)s[len] & 0xc0) == 0x80;)
		len--;
	copy = ap_arena_alloc(a, len + sizeof dots);
	if (copy) {
		memcpy(copy, s, len);
		memcpy(copy + len, dots, sizeof dots);
	}
	return copy;
}

int flame_tree_string(struct flame_tree *t, const char *s, uint32_t *ret)
{
	size_t len = strlen(s);
	const char **v, *copy = s;
	uint64_t hash;
	int err;

	if (len > NAME_MAX_BYTES && !(copy = shortened(&t->arena, s, len)))
		return -ENOMEM;
	len = strlen(copy);
	hash = ap_hash_bytes(copy, len, 0);
	*ret = ap_index_find(&t->string_index, hash, string_same, t, copy);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->strings, &t->strings_cap, t->n_strings, sizeof *v);
	if (!v || (copy == s && !(copy = ap_arena_strndup(&t->arena, s, len))))
		return -ENOMEM;
	v[t->n_strings] = copy;
	err = ap_index_add(&t->string_index, hash, (uint32_t)t->n_strings, string_hash, t);
	if (!err)
		*ret = (uint32_t)t->n_strings++;
	return err;
}

uint32_t flame_tree_find(const struct flame_tree *t, const char *s)
{
	return ap_index_find(&t->string_index, ap_hash_bytes(s, strlen(s), 0), string_same, t, s);
}

int flame_tree_frame(struct flame_tree *t, const struct report_line *l, const char *module, int kind, uint32_t *ret)
{
	struct flame_frame key = {.kind = kind, .line = l->line}, *v;
	int err = flame_tree_string(t, l->function, &key.name);

	if (!err)
		err = flame_tree_string(t, module, &key.module);
	if (!err)
		err = flame_tree_string(t, l->file, &key.file);
	if (err)
		return err;
	*ret = ap_index_find(&t->frame_index, frame_key_hash(&key), frame_same, t, &key);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->frames, &t->frames_cap, t->n_frames, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[t->n_frames] = key;
	err = ap_index_add(&t->frame_index, frame_key_hash(&key), (uint32_t)t->n_frames, frame_hash, t);
	if (!err)
		*ret = (uint32_t)t->n_frames++;
	return err;
}

/* From *at to its child with that frame, made if it is not there. */
int flame_tree_child(struct flame_tree *t, uint32_t frame, uint32_t *at)
{
	size_t cell = find_cell(t, *at, frame);
	struct flame_node *v;
	int64_t *values;

	if (t->cells[cell].node) {
		*at = t->cells[cell].node - 1;
		return 0;
	}
	if (t->n >= NODES_LIMIT)
		return -E2BIG;
	v = ap_grow(&t->nodes, &t->cap, t->n, sizeof *v);
	values = ap_grow(&t->values, &t->values_cap, t->n, t->columns * sizeof *values);
	if (!v || !values)
		return -ENOMEM;
	v[t->n] = (struct flame_node){*at, frame};
	memset(&values[t->n * t->columns], 0, t->columns * sizeof *values);
	*at = (uint32_t)t->n++;
	set_cell(t, cell, *at);
	return t->n * 2 > t->n_cells ? set_cells(t, 2 * t->n_cells) : 0;
}

int flame_tree_init(struct flame_tree *t, size_t columns, size_t expected)
{
	uint32_t empty, root = 0;
	size_t cells = FIRST_CELLS;
	int err;

	while (cells < 2 * expected && cells < EXPECTED_CELLS)
		cells *= 2;
	memset(t, 0, sizeof *t);
	t->columns = columns;
	err = flame_tree_string(t, "", &empty); /* number 0 */
	if (!err)
		err = set_cells(t, cells);
	return err ? err
		   : flame_tree_child(t, UINT32_MAX, &root); /* the first node is its own parent, with a frame that no child of it has */
}

int flame_tree_sum(struct flame_tree *t)
{
	size_t c = t->columns;

	t->totals = malloc(t->n * c * sizeof *t->totals);
	if (!t->totals)
		return -ENOMEM;
	memcpy(t->totals, t->values, t->n * c * sizeof *t->totals);
	for (size_t i = t->n; i-- > 1;)
		for (size_t k = 0; k < c; k++)
			t->totals[t->nodes[i].parent * c + k] += t->totals[i * c + k];
	return 0;
}

void flame_tree_done(struct flame_tree *t)
{
	free(t->nodes);
	free(t->values);
	free(t->totals);
	free(t->frames);
	free(t->strings);
	free(t->cells);
	ap_index_done(&t->frame_index);
	ap_index_done(&t->string_index);
	ap_arena_done(&t->arena);
	memset(t, 0, sizeof *t);
}
