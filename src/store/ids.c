/* While the file is asked for its own rows, what it answers is kept too; a key that was added since is in memory alone. */
#include "store/ids.h"

#include "store/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Reading a row of the whole costs about a quarter of looking one up. */
enum { LOOKUP_COST = 4, SMALL = 256, MAX_ID = 1 << 28 };

static int prepare(struct ap_ids *ids, sqlite3 *db, const char *table, const char *const *names)
{
	struct ap_buf find = {0}, all = {0};
	int err = ap_buf_printf(&find, "SELECT id FROM %s WHERE ", table);

	if (!err)
		err = ap_buf_puts(&all, "SELECT id");
	for (int i = 0; i < ids->n_key && !err; i++) {
		err = ap_buf_printf(&find, "%s\"%s\" = ?", i ? " AND " : "", names[i]);
		if (!err)
			err = ap_buf_printf(&all, ", \"%s\"", names[i]);
	}
	if (!err)
		err = ap_buf_printf(&all, " FROM %s", table);
	if (!err && (sqlite3_prepare_v2(db, find.data, -1, &ids->find, NULL) || sqlite3_prepare_v2(db, all.data, -1, &ids->all, NULL)))
		err = -EIO;
	ap_buf_done(&find);
	ap_buf_done(&all);
	return err;
}

int ap_ids_init(struct ap_ids *ids, sqlite3 *db, const char *table, const char *const *names, const int *key, int n_key)
{
	char sql[128];
	int64_t highest;
	int err;

	memset(ids, 0, sizeof *ids);
	memcpy(ids->key, key, (size_t)n_key * sizeof *key);
	ids->n_key = n_key;
	if (getrandom(ids->seed, sizeof ids->seed, 0) != sizeof ids->seed)
		return -EIO;
	snprintf(sql, sizeof sql, "SELECT coalesce(max(id), 0) FROM %s", table);
	highest = ap_store_number(db, sql);
	if (highest < 0 || highest > MAX_ID)
		return -EFBIG;
	ids->next = highest + 1;
	ids->rows = (uint64_t)highest;
	err = prepare(ids, db, table, names);
	if (!err && !highest) {
		sqlite3_finalize(AP_STEAL(ids->find));
		sqlite3_finalize(AP_STEAL(ids->all));
	}
	return err;
}

void ap_ids_done(struct ap_ids *ids)
{
	sqlite3_finalize(ids->find);
	sqlite3_finalize(ids->all);
	free(ids->entries);
	ap_index_done(&ids->index);
	memset(ids, 0, sizeof *ids);
}

static int hash_number(struct ap_ids_entry *e, int64_t v)
{
	e->a = ap_hash_pair(e->a, (uint64_t)v);
	e->b = ap_hash_bytes(&v, sizeof v, e->b);
	return 0;
}

static int hash_cell(struct ap_ids_entry *e, const struct ap_cell *cell)
{
	const void *text;
	size_t n;

	if (!cell->value)
		return hash_number(e, cell->number);
	if (sqlite3_value_type(cell->value) == SQLITE_INTEGER)
		return hash_number(e, sqlite3_value_int64(cell->value));
	if (sqlite3_value_type(cell->value) != SQLITE_TEXT)
		return -EBADMSG;
	text = sqlite3_value_text(cell->value);
	n = (size_t)sqlite3_value_bytes(cell->value);
	if (!text)
		return -ENOMEM;
	/* the lengths keep ("ab", "c") from being ("a", "bc") */
	e->a = ap_hash_bytes(text, n, e->a + n);
	e->b = ap_hash_bytes(text, n, e->b ^ n);
	return 0;
}

static bool same(const void *ctx, uint32_t slot, const void *key)
{
	const struct ap_ids_entry *x = &((const struct ap_ids *)ctx)->entries[slot], *y = key;

	return x->a == y->a && x->b == y->b;
}

static uint64_t hash_of(const void *ctx, uint32_t slot)
{
	return ((const struct ap_ids *)ctx)->entries[slot].a;
}

static int remember(struct ap_ids *ids, const struct ap_ids_entry *e)
{
	struct ap_ids_entry *v = ap_grow(&ids->entries, &ids->cap, ids->n, sizeof *v);
	int err;

	if (!v)
		return -ENOMEM;
	v[ids->n] = *e;
	err = ap_index_add(&ids->index, e->a, (uint32_t)ids->n, hash_of, ids);
	ids->n += !err;
	return err;
}

static int hash_key(const struct ap_ids *ids, const struct ap_cell *cells, struct ap_ids_entry *e)
{
	int err = 0;

	*e = (struct ap_ids_entry){.a = ids->seed[0], .b = ids->seed[1]};
	for (int i = 0; i < ids->n_key && !err; i++)
		err = hash_cell(e, &cells[ids->key[i]]);
	return err;
}

/* Takes all rows of the file that are not in memory yet. */
static int load(struct ap_ids *ids)
{
	struct ap_ids_entry e;
	struct ap_cell cell;
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(ids->all)) == SQLITE_ROW) {
		e = (struct ap_ids_entry){.a = ids->seed[0], .b = ids->seed[1], .id = sqlite3_column_int(ids->all, 0)};
		for (int i = 0; i < ids->n_key && !err; i++) {
			cell.value = sqlite3_column_value(ids->all, i + 1);
			err = hash_cell(&e, &cell);
		}
		if (!err && ap_index_find(&ids->index, e.a, same, ids, &e) == (uint32_t)AP_INDEX_NONE)
			err = remember(ids, &e);
	}
	if (!err && rc != SQLITE_DONE)
		err = -EIO;
	sqlite3_finalize(AP_STEAL(ids->find));
	sqlite3_finalize(AP_STEAL(ids->all));
	return err;
}

/* e->id: 0 when the file has none. */
static int ask_file(struct ap_ids *ids, const struct ap_cell *cells, struct ap_ids_entry *e)
{
	int rc;

	for (int i = 0; i < ids->n_key; i++) {
		const struct ap_cell *c = &cells[ids->key[i]];

		rc = c->value ? sqlite3_bind_value(ids->find, i + 1, c->value) : sqlite3_bind_int64(ids->find, i + 1, c->number);
		if (rc)
			return -EIO;
	}
	rc = sqlite3_step(ids->find);
	if (rc == SQLITE_ROW)
		e->id = sqlite3_column_int(ids->find, 0);
	sqlite3_reset(ids->find);
	ids->misses++;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return -EIO;
	return e->id ? remember(ids, e) : 0;
}

int ap_ids_find(struct ap_ids *ids, const struct ap_cell *cells, int32_t *ret)
{
	struct ap_ids_entry e;
	int err = hash_key(ids, cells, &e);
	uint32_t slot;

	if (err)
		return err;
	if (ids->find && ids->misses * LOOKUP_COST > ids->rows + SMALL)
		err = load(ids);
	if (err)
		return err;
	slot = ap_index_find(&ids->index, e.a, same, ids, &e);
	if (slot != (uint32_t)AP_INDEX_NONE)
		e.id = ids->entries[slot].id;
	else if (ids->find)
		err = ask_file(ids, cells, &e);
	if (err)
		return err;
	ids->asked = e;
	*ret = e.id;
	return 0;
}

int ap_ids_add(struct ap_ids *ids, int32_t *ret)
{
	int err;

	if (ids->next > MAX_ID)
		return -EFBIG;
	ids->asked.id = (int32_t)ids->next;
	err = remember(ids, &ids->asked);
	if (err)
		return err;
	ids->next++;
	*ret = ids->asked.id;
	return 0;
}
