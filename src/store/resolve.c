/* The map lives for one generation: 4 bytes a stack. What it costs is one look-up through the unique index of `stack` for each stack of the
 * generation whose parent the file had before; below a new stack all is new. */
#include "store/resolve.h"

#include "base/mem.h"
#include "store/private.h"
#include "store/sql_text.h"

#include <errno.h>
#include <string.h>

/* Readers hold ids in 32 bits, signed. */
enum { IDS_MAX = INT32_MAX - 1 };

static int remember(struct ap_resolve *r, int64_t id)
{
	uint32_t *v = ap_grow(&r->map, &r->cap, r->n, sizeof *v);

	if (!v)
		return -ENOMEM;
	v[r->n++] = (uint32_t)id;
	return 0;
}

static int begin(struct ap_resolve *r, sqlite3 *db, uint32_t generation)
{
	int64_t highest = ap_store_number(db, "SELECT coalesce(max(id), 0) FROM stack");
	int rc = r->find ? SQLITE_OK : sqlite3_prepare_v2(db, ap_sql_find_stack, -1, &r->find, NULL);

	if (rc)
		return -ap_store_errno(db, rc);
	if (highest < 0)
		return -EIO;
	r->first = r->next = highest + 1;
	r->generation = generation;
	r->n = 0;
	return remember(r, 0);
}

/* *ret_id 0: the file does not have it. */
static int find(struct ap_resolve *r, sqlite3 *db, const struct ap_row_stack *row, int64_t *ret_id)
{
	int rc;

	*ret_id = 0;
	if (row->parent_id >= r->first)
		return 0;
	sqlite3_bind_int64(r->find, 1, row->parent_id);
	sqlite3_bind_int64(r->find, 2, row->frame_id);
	if (sqlite3_step(r->find) == SQLITE_ROW)
		*ret_id = sqlite3_column_int64(r->find, 0);
	rc = sqlite3_reset(r->find);
	return rc ? -ap_store_errno(db, rc) : 0;
}

static int resolve_stacks(struct ap_resolve *r, sqlite3 *db, struct ap_batch_table *t)
{
	struct ap_row_stack *rows = (struct ap_row_stack *)t->rows, row;
	size_t kept = 0;
	int64_t id;
	int err = 0;

	for (size_t i = 0; i < t->n && !err; i++) {
		row = rows[i];
		if (row.id != (int64_t)r->n || row.parent_id < 0 || row.parent_id >= row.id)
			return -EBADMSG;
		row.parent_id = r->map[row.parent_id];
		err = find(r, db, &row, &id);
		if (err)
			return err;
		if (!id) {
			if (r->next > IDS_MAX)
				return -EOVERFLOW;
			id = row.id = r->next++;
			rows[kept++] = row;
		}
		err = remember(r, id);
	}
	t->n = kept;
	return err;
}

static bool names_a_stack(const struct ap_column *c)
{
	static const char end[] = "stack"; /* stack, waker_stack, owner_stack */
	size_t n = strlen(c->name);

	return c->type == 'I' && n >= sizeof end - 1 && !strcmp(c->name + n - (sizeof end - 1), end);
}

static int resolve_column(const struct ap_resolve *r, struct ap_batch_table *t, size_t row_size, size_t offset)
{
	char *field = t->rows + offset;
	int64_t v;

	for (size_t i = 0; i < t->n; i++, field += row_size) {
		memcpy(&v, field, sizeof v);
		if (v == AP_NULL)
			continue;
		if (v < 0 || (uint64_t)v >= r->n)
			return -EBADMSG;
		v = r->map[v];
		memcpy(field, &v, sizeof v);
	}
	return 0;
}

int ap_resolve_batch(struct ap_resolve *r, sqlite3 *db, struct ap_batch *b)
{
	int err = 0;

	if (b->generation < r->generation)
		return -EBADMSG;
	if (!b->generation)
		return 0;
	if (b->generation > r->generation)
		err = begin(r, db, b->generation);
	if (!err)
		err = resolve_stacks(r, db, &b->tables[AP_TABLE_STACK]);
	for (int i = 0; i < AP_TABLE_COUNT; i++)
		for (size_t c = 0; c < ap_tables_info[i].n_columns && !err; c++)
			if (names_a_stack(&ap_tables_info[i].columns[c]))
				err = resolve_column(r, &b->tables[i], ap_tables_info[i].row_size, ap_tables_info[i].columns[c].offset);
	return err;
}

void ap_resolve_done(struct ap_resolve *r)
{
	sqlite3_finalize(r->find);
	free(r->map);
	memset(r, 0, sizeof *r);
}
