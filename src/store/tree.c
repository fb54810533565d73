/* Stacks become arrays by id; frames a run of keys each, a key being a (function, executable) that occurs. */
#include "store/tree.h"

#include "store/private.h"

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

/* Three scans side by side, which cost half of what the joins of SQL do. */
struct frames {
	sqlite3_stmt *frame, *line, *start;
	uint8_t *start_only; /* by function: its name is where it starts alone */
	size_t n_functions;
	int line_state; /* SQLITE_ROW: a line is at hand */
};

static int read_starts(struct frames *f)
{
	int rc;

	while ((rc = sqlite3_step(f->start)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(f->start, 0);

		if (id < 1 || (size_t)id > f->n_functions)
			return -EBADMSG;
		f->start_only[id] = 1;
	}
	return rc == SQLITE_DONE ? 0 : -EIO;
}

static bool is_named(const struct frames *f, int64_t function)
{
	return function && !(function > 0 && (size_t)function <= f->n_functions && f->start_only[function]);
}

/* A frame's lines; function 0 where it has none. */
static int add_lines(struct ap_tree *t, struct frames *f, int64_t id, int64_t executable, uint64_t max_lines)
{
	bool any = false;
	int64_t function;
	int err;

	for (; f->line_state == SQLITE_ROW && sqlite3_column_int64(f->line, 0) <= id; f->line_state = sqlite3_step(f->line)) {
		if (sqlite3_column_int64(f->line, 0) < id)
			continue;
		any = true;
		function = sqlite3_column_int64(f->line, 1);
		err = t->n_lines > max_lines ? -EBADMSG : add_line(t, (struct ap_tree_key){function, executable, is_named(f, function)});
		if (err)
			return err;
	}
	if (f->line_state != SQLITE_ROW && f->line_state != SQLITE_DONE)
		return -EIO;
	return any ? 0 : t->n_lines > max_lines ? -EBADMSG : add_line(t, (struct ap_tree_key){.executable = executable});
}

static int read_frames(struct ap_tree *t, struct frames *f, uint64_t max_lines)
{
	size_t filled = 0;
	int rc, err;

	f->line_state = sqlite3_step(f->line);
	while ((rc = sqlite3_step(f->frame)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(f->frame, 0);

		if (id < 1 || (size_t)id > t->n_frames || (size_t)id <= filled)
			return -EBADMSG;
		while (filled < (size_t)id)
			t->first[++filled] = (uint32_t)t->n_lines;
		err = add_lines(t, f, id, sqlite3_column_int64(f->frame, 1), max_lines);
		if (err)
			return err;
	}
	while (filled < t->n_frames + 1)
		t->first[++filled] = (uint32_t)t->n_lines;
	return rc == SQLITE_DONE ? 0 : -EIO;
}

/* Marks (kind 4) are no functions. */
static int open_frames(struct ap_tree *t, sqlite3 *db, uint64_t max_id, struct frames *f)
{
	int err = highest_id(db, "SELECT coalesce(max(id), 0) FROM function", max_id, &f->n_functions);

	if (err)
		return err;
	t->first = calloc(t->n_frames + 2, sizeof *t->first);
	f->start_only = calloc(f->n_functions + 1, sizeof *f->start_only);
	if (!t->first || !f->start_only)
		return -ENOMEM;
	if (sqlite3_prepare_v2(db, "SELECT id, executable FROM frame WHERE kind <> 4 ORDER BY id", -1, &f->frame, NULL) ||
		sqlite3_prepare_v2(db, "SELECT frame, function FROM frame_line ORDER BY frame, depth", -1, &f->line, NULL) ||
		sqlite3_prepare_v2(db, "SELECT id FROM function WHERE start_only", -1, &f->start, NULL))
		return -EIO;
	return 0;
}

static int load_frames(struct ap_tree *t, sqlite3 *db, uint64_t max_id)
{
	struct frames f = {0};
	int err = open_frames(t, db, max_id, &f);

	if (!err)
		err = read_starts(&f);
	if (!err)
		err = read_frames(t, &f, max_id);
	sqlite3_finalize(f.frame);
	sqlite3_finalize(f.line);
	sqlite3_finalize(f.start);
	free(f.start_only);
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
