/* Stacks become arrays by id; frames a run of keys each, a key being a (function, executable) that occurs. */
#include "store/tree.h"

#include "store/private.h"
#include "store/sql_text.h"

#include <errno.h>

static uint64_t key_hash(const void *ctx, uint32_t slot)
{
	const struct ap_tree_key *k = &((const struct ap_tree *)ctx)->keys[slot];

	return ap_hash_pair((uint64_t)k->function, (uint64_t)k->executable);
}

static bool key_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct ap_tree_key *a = &((const struct ap_tree *)ctx)->keys[slot], *b = key;

	return a->function == b->function && a->executable == b->executable;
}

static int key_id(struct ap_tree *t, struct ap_tree_key k, uint32_t *ret)
{
	uint64_t hash = ap_hash_pair((uint64_t)k.function, (uint64_t)k.executable);
	struct ap_tree_key *v;

	*ret = ap_index_find(&t->index, hash, key_same, t, &k);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&t->keys, &t->keys_cap, t->n_keys, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[t->n_keys] = k;
	*ret = (uint32_t)t->n_keys;
	if (ap_index_add(&t->index, hash, *ret, key_hash, t))
		return -ENOMEM;
	t->n_keys++;
	return 0;
}

static int highest_id(sqlite3 *db, const char *sql, uint64_t max_id, size_t *ret)
{
	int64_t v = ap_store_number(db, sql);

	if (v < 0 || (uint64_t)v > max_id || v >= INT32_MAX)
		return -EBADMSG;
	*ret = (size_t)v;
	return 0;
}

static void link_children(struct ap_tree *t)
{
	for (size_t id = t->n_stacks; id > 0; id--) {
		t->sibling[id] = t->child[t->parent[id]];
		t->child[t->parent[id]] = (uint32_t)id;
	}
}

/* Ids that no row has are leaves at the root without samples. */
static int read_stacks(struct ap_tree *t, sqlite3_stmt *st)
{
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0), parent = sqlite3_column_int64(st, 1), frame = sqlite3_column_int64(st, 2);

		if (id < 1 || (size_t)id > t->n_stacks || parent < 0 || parent >= id)
			return -EBADMSG;
		t->parent[id] = (uint32_t)parent;
		t->frame[id] = frame > 0 && (size_t)frame <= t->n_frames ? (uint32_t)frame : 0;
	}
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int load_stacks(struct ap_tree *t, sqlite3 *db)
{
	sqlite3_stmt *st;
	int err;

	t->parent = calloc(4 * (t->n_stacks + 1), sizeof *t->parent);
	if (!t->parent)
		return -ENOMEM;
	t->frame = t->parent + t->n_stacks + 1;
	t->child = t->frame + t->n_stacks + 1;
	t->sibling = t->child + t->n_stacks + 1;
	if (sqlite3_prepare_v2(db, "SELECT id, parent_id, frame_id FROM stack", -1, &st, NULL))
		return -EIO;
	err = read_stacks(t, st);
	sqlite3_finalize(st);
	if (!err)
		link_children(t);
	return err;
}

static int add_line(struct ap_tree *t, struct ap_tree_key k)
{
	uint32_t *v = ap_grow(&t->lines, &t->lines_cap, t->n_lines, sizeof *v);

	if (!v || t->n_lines >= UINT32_MAX || key_id(t, k, &v[t->n_lines]))
		return -ENOMEM;
	t->n_lines++;
	return 0;
}

static int read_frames(struct ap_tree *t, sqlite3_stmt *st, uint64_t max_lines)
{
	size_t filled = 0;
	int rc, err;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0);

		if (id < 1 || (size_t)id > t->n_frames || (size_t)id < filled || t->n_lines > max_lines)
			return -EBADMSG;
		while (filled < (size_t)id)
			t->first[++filled] = (uint32_t)t->n_lines;
		err = add_line(
			t, (struct ap_tree_key){sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), sqlite3_column_int(st, 3)});
		if (err)
			return err;
	}
	while (filled < t->n_frames + 1)
		t->first[++filled] = (uint32_t)t->n_lines;
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static int load_frames(struct ap_tree *t, sqlite3 *db, uint64_t max_lines)
{
	sqlite3_stmt *st;
	int err;

	t->first = calloc(t->n_frames + 2, sizeof *t->first);
	if (!t->first)
		return -ENOMEM;
	if (sqlite3_prepare_v2(db, ap_sql_frame_functions, -1, &st, NULL))
		return -EIO;
	err = read_frames(t, st, max_lines);
	sqlite3_finalize(st);
	return err;
}

int ap_tree_load(sqlite3 *db, uint64_t max_id, struct ap_tree **ret_tree)
{
	struct ap_tree *t = calloc(1, sizeof *t);
	int err;

	if (!t)
		return -ENOMEM;
	err = highest_id(db, "SELECT coalesce(max(id), 0) FROM stack", max_id, &t->n_stacks);
	if (!err)
		err = highest_id(db, "SELECT coalesce(max(id), 0) FROM frame", max_id, &t->n_frames);
	if (!err)
		err = load_frames(t, db, max_id);
	if (!err)
		err = load_stacks(t, db);
	if (err)
		ap_tree_free(t);
	else
		*ret_tree = t;
	return err;
}

struct ap_tree *ap_tree_free(struct ap_tree *t)
{
	if (t) {
		free(t->parent);
		free(t->first);
		free(t->lines);
		free(t->keys);
		ap_index_done(&t->index);
		free(t);
	}
	return NULL;
}
