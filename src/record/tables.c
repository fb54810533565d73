/* An array by binary id. Each entry knows its table or why it has none; `used_at` is a counter, and the least of it goes first when the sum
 * of the tables passes the limit. */
#include "record/tables.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum entry_state { ENTRY_UNKNOWN, ENTRY_TABLE, ENTRY_NO_TABLE, ENTRY_NOTHING };

struct entry {
	enum entry_state state;
	struct ap_unwind_table *table; /* ENTRY_TABLE */
	enum ap_stack_end end;	       /* ENTRY_NOTHING */
	uint64_t used_at;
};

struct ap_tables {
	struct entry *entries; /* by binary id - 1 */
	size_t n, cap;
	uint64_t bytes, max_bytes, ticks, evicted;
};

int ap_tables_new(uint64_t max_bytes, struct ap_tables **ret_tables)
{
	struct ap_tables *t = calloc(1, sizeof *t);

	if (!t)
		return -ENOMEM;
	t->max_bytes = max_bytes;
	*ret_tables = t;
	return 0;
}

struct ap_tables *ap_tables_free(struct ap_tables *t)
{
	if (t) {
		for (size_t i = 0; i < t->n; i++)
			ap_unwind_table_free(t->entries[i].table);
		free(t->entries);
		free(t);
	}
	return NULL;
}

static struct entry *entry_of(struct ap_tables *t, uint32_t id)
{
	struct entry *v;

	while (t->n < id) {
		v = ap_grow(&t->entries, &t->cap, t->n, sizeof *v);
		if (!v)
			return NULL;
		memset(&v[t->n++], 0, sizeof *v);
	}
	return &t->entries[id - 1];
}

static bool evict_one(struct ap_tables *t, const struct entry *keep)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (t->entries[i].table && &t->entries[i] != keep && (!oldest || t->entries[i].used_at < oldest->used_at))
			oldest = &t->entries[i];
	if (!oldest)
		return false;
	t->bytes -= ap_unwind_table_bytes(oldest->table);
	oldest->table = ap_unwind_table_free(oldest->table);
	oldest->state = ENTRY_UNKNOWN;
	t->evicted++;
	return true;
}

static void settle(struct entry *e, enum entry_state state, enum ap_stack_end end)
{
	e->state = state;
	e->end = end;
}

static void build(struct ap_tables *t, const struct ap_binary *b, struct entry *e)
{
	struct ap_unwind_input in = {.fd = b->fd, .image = b->image, .image_size = b->image_size, .max_bytes = t->max_bytes};
	int err;

	if (b->compat) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_COMPAT);
	} else if (b->kind != AP_BINARY_ELF && b->kind != AP_BINARY_VDSO) {
		settle(e, ENTRY_NO_TABLE, AP_STACK_END_NO_TABLE);
	} else if (b->fd < 0 && !b->image) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_FILE_GONE);
	} else {
		err = ap_unwind_table_build(&in, &e->table, NULL);
		if (!err) {
			settle(e, ENTRY_TABLE, AP_STACK_END_COMPLETE);
			t->bytes += ap_unwind_table_bytes(e->table);
		} else if (err == -E2BIG || err == -ENOMEM) {
			settle(e, ENTRY_NOTHING, AP_STACK_END_TABLE_LIMIT);
		} else if (err == -ENOTSUP) {
			settle(e, ENTRY_NOTHING, AP_STACK_END_COMPAT);
		} else {
			settle(e, ENTRY_NO_TABLE, AP_STACK_END_NO_TABLE);
		}
	}
	while (t->bytes > t->max_bytes && evict_one(t, e))
		;
}

void ap_tables_site(struct ap_tables *t, const struct ap_binary *b, struct ap_unwind_site *ret_site)
{
	struct entry *e = entry_of(t, b->id);

	if (!e) {
		ret_site->kind = AP_SITE_NOTHING;
		ret_site->end = AP_STACK_END_TABLE_LIMIT;
		return;
	}
	if (e->state == ENTRY_UNKNOWN)
		build(t, b, e);
	e->used_at = ++t->ticks;
	ret_site->kind = e->state == ENTRY_TABLE ? AP_SITE_TABLE : e->state == ENTRY_NO_TABLE ? AP_SITE_NO_TABLE : AP_SITE_NOTHING;
	ret_site->table = e->table;
	ret_site->end = e->end;
}

uint64_t ap_tables_evicted(const struct ap_tables *t)
{
	return t->evicted;
}
