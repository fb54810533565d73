/* One row: its ids are mapped on the way by an array a kind, and its own id is found or made. Nothing of the input is believed: an id must
 * be an integer that the file's own tables have, a value of the declared type. */
#include "store/merge_copy.h"

#include "store/private.h"

#include <ctype.h>
#include <errno.h>

static bool is_key(char letter)
{
	return isupper((unsigned char)letter);
}

int ap_copy_map_id(const struct ap_copy *c, sqlite3_value *v, char letter, struct ap_cell *cell)
{
	char kind = (char)tolower((unsigned char)letter);
	const struct ap_id_map *m = &c->maps[(unsigned char)kind];
	int type = sqlite3_value_type(v);
	int64_t id = sqlite3_value_int64(v);
	int32_t to = 0;

	*cell = (struct ap_cell){.number = AP_NULL};
	if (type == SQLITE_NULL && !is_key(letter))
		return 0; /* where the schema forbids it, the insertion fails */
	if (type != SQLITE_INTEGER || id < 0 || id > m->n)
		return -EBADMSG;
	if (id)
		to = m->to[id];
	if (kind == 'r' && to == AP_MERGE_KNOWN_RUN)
		return AP_COPY_SKIP;
	if (to < 0 || (!to && (id || (kind != 's' && kind != 't' && kind != 'x' && kind != 'f'))))
		return -EBADMSG;
	cell->number = to;
	return 0;
}

/* A number is handed on as such, which costs less than a value; the one that stands for NULL is not. */
static int plain(sqlite3_value *v, char want, struct ap_cell *cell)
{
	int type = sqlite3_value_type(v);

	if (type != SQLITE_NULL && ((want == 'I' && type != SQLITE_INTEGER) || (want == 'T' && type != SQLITE_TEXT)))
		return -EBADMSG;
	*cell = (struct ap_cell){.number = sqlite3_value_int64(v), .value = v};
	if (type == SQLITE_INTEGER && cell->number != AP_NULL)
		cell->value = NULL;
	return 0;
}

static int fill_cells(struct ap_copy *c, struct ap_cell *cells)
{
	int err = 0;

	for (int i = 0; c->t->columns[i] && !err; i++) {
		char k = c->t->columns[i];

		if (i >= c->n_columns || k == 'i' || k == '_' || k == 'q')
			cells[i] = (struct ap_cell){.number = AP_NULL};
		else if (k == '.' || k == 'K')
			err = plain(sqlite3_column_value(c->read, i), c->types[i], &cells[i]);
		else
			err = ap_copy_map_id(c, sqlite3_column_value(c->read, i), k, &cells[i]);
	}
	return err;
}

/* A run's id comes from the ledger. */
static int find_run(struct ap_copy *c, int64_t old, int32_t *ret_id, bool *ret_add)
{
	enum ap_run_state state;
	int64_t id;
	int err = ap_merge_run_state(c->m->out, c->in, old, &state, &id);

	if (err)
		return err;
	*ret_add = state != AP_RUN_KNOWN;
	c->stats->runs_known += state == AP_RUN_KNOWN;
	c->stats->runs_added += state != AP_RUN_KNOWN;
	if (state == AP_RUN_NEW)
		id = ap_store_number(c->m->out, "SELECT coalesce(max(id), 0) + 1 FROM run");
	else if (state == AP_RUN_FULLER && ap_merge_forget_run(c->m->out, id))
		return -EIO;
	if (id < 1 || id > AP_MERGE_MAX_ID)
		return -EFBIG;
	*ret_id = state == AP_RUN_KNOWN ? AP_MERGE_KNOWN_RUN : (int32_t)id;
	return 0;
}

static int find_id(struct ap_copy *c, struct ap_cell *cells, int64_t old, int32_t *ret_id, bool *ret_add)
{
	struct ap_ids *ids = &c->m->ids[(unsigned char)c->t->kind];
	int err;

	if (c->t->kind == 'r')
		return find_run(c, old, ret_id, ret_add);
	err = ap_ids_find(ids, cells, ret_id);
	*ret_add = !*ret_id || !c->t->fixed;
	return !err && !*ret_id ? ap_ids_add(ids, ret_id) : err;
}

/* 0: the row is to be added; AP_COPY_SKIP; negative errno. parent < id: the parent of a stack must be mapped when its row comes, which the
 * order by id makes sure of. */
static int take_row(struct ap_copy *c, struct ap_cell *cells)
{
	unsigned char kind = (unsigned char)c->t->kind;
	int64_t old = kind ? sqlite3_column_int64(c->read, 0) : 0;
	int err = fill_cells(c, cells);
	int32_t id = 0;
	bool add;

	if (kind && (old <= c->last_id || old > c->maps[kind].n))
		return -EBADMSG;
	c->last_id = old;
	if (err == AP_COPY_SKIP && kind)
		c->ids_of[kind][old] = AP_MERGE_KNOWN_RUN;
	if (err || !kind)
		return err;
	err = find_id(c, cells, old, &id, &add);
	if (err)
		return err;
	c->ids_of[kind][old] = id;
	cells[0].number = id;
	return add ? 0 : AP_COPY_SKIP;
}

int ap_copy_next_row(void *ctx, struct ap_cell *cells)
{
	struct ap_copy *c = ctx;
	int err = AP_COPY_SKIP, rc;

	while (err == AP_COPY_SKIP) {
		rc = sqlite3_step(c->read);
		if (rc == SQLITE_DONE)
			return 0;
		if (rc != SQLITE_ROW || c->rows++ > c->max_rows)
			return -EBADMSG;
		err = take_row(c, cells);
	}
	return err ? err : 1;
}
