/* An array by binary id. Each entry knows its table or why it has none; `used_at` is a counter, and the least of it goes first when the sum
 * of the tables passes the limit. An entry whose build ID another has too stands for that one: the same library under two paths. */
#include "record/tables.h"

#include "base/mem.h"
#include "record/table_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Up to this size a table takes a few milliseconds at most, less than handing it over. */
enum { INLINE_FILE_MAX = 4 << 20 };

enum entry_state { ENTRY_UNKNOWN, ENTRY_BUILDING, ENTRY_TABLE, ENTRY_NO_TABLE, ENTRY_NOTHING };

struct entry {
	enum entry_state state;
	struct ap_unwind_table *table; /* ENTRY_TABLE */
	enum ap_stack_end end;         /* ENTRY_NOTHING */
	uint64_t used_at;
	const char *build_id; /* the binary's; NULL: not seen, or none */
	uint32_t same_as;     /* id of the entry that holds its table; 0: itself */
};

struct ap_tables {
	struct entry *entries; /* by binary id - 1 */
	size_t n, cap;
	uint64_t bytes, max_bytes, ticks, evicted, built;
	struct ap_table_thread *thread; /* NULL: not needed yet, or not to be had */
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
		ap_table_thread_free(t->thread);
		for (size_t i = 0; i < t->n; i++)
			ap_unwind_table_free(t->entries[i].table);
		free(t->entries);
		free(t);
	}
	return NULL;
}

static uint32_t find_same(const struct ap_tables *t, const struct ap_binary *b)
{
	for (size_t i = 0; i < t->n; i++)
		if (i + 1 != b->id && t->entries[i].build_id && !t->entries[i].same_as && !strcmp(t->entries[i].build_id, b->build_id))
			return (uint32_t)i + 1;
	return 0;
}

/* The entry that holds the binary's table. NULL: no memory. */
static struct entry *entry_of(struct ap_tables *t, const struct ap_binary *b)
{
	struct entry *e;

	while (t->n < b->id) {
		if (!ap_grow(&t->entries, &t->cap, t->n, sizeof *t->entries))
			return NULL;
		memset(&t->entries[t->n++], 0, sizeof *t->entries);
	}
	e = &t->entries[b->id - 1];
	if (!e->build_id && b->kind == AP_BINARY_ELF && b->fd >= 0 && *b->build_id && *b->build_id != 'x') {
		e->build_id = b->build_id;
		e->same_as = find_same(t, b);
	}
	return e->same_as ? &t->entries[e->same_as - 1] : e;
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

/* What a build came to. Takes the table over. */
static void keep(struct ap_tables *t, struct entry *e, int err, struct ap_unwind_table *table)
{
	t->built++;
	if (!err) {
		e->table = table;
		e->used_at = ++t->ticks;
		settle(e, ENTRY_TABLE, AP_STACK_END_COMPLETE);
		t->bytes += ap_unwind_table_bytes(table);
	} else if (err == -E2BIG || err == -ENOMEM) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_TABLE_LIMIT);
	} else if (err == -ENOTSUP) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_COMPAT);
	} else {
		settle(e, ENTRY_NO_TABLE, AP_STACK_END_NO_TABLE);
	}
	while (t->bytes > t->max_bytes && evict_one(t, e))
		;
}

static bool is_large(const struct ap_binary *b)
{
	struct stat st;

	return b->fd >= 0 && !fstat(b->fd, &st) && st.st_size > INLINE_FILE_MAX;
}

static void build(struct ap_tables *t, const struct ap_binary *b, struct entry *e, bool now)
{
	struct ap_unwind_input in = {.fd = b->fd, .image = b->image, .image_size = b->image_size, .max_bytes = t->max_bytes};
	struct ap_unwind_table *table = NULL;
	int err;

	if (b->compat) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_COMPAT);
	} else if (b->kind != AP_BINARY_ELF && b->kind != AP_BINARY_VDSO) {
		settle(e, ENTRY_NO_TABLE, AP_STACK_END_NO_TABLE);
	} else if (b->fd < 0 && !b->image) {
		settle(e, ENTRY_NOTHING, AP_STACK_END_FILE_GONE);
	} else {
		if (!now && is_large(b)) {
			if (!t->thread)
				t->thread = ap_table_thread_new();
			if (t->thread && !ap_table_thread_put(t->thread, (uint32_t)(e - t->entries) + 1, &in)) {
				e->state = ENTRY_BUILDING;
				return;
			}
		}
		err = ap_unwind_table_build(&in, &table, NULL);
		keep(t, e, err, table);
	}
}

static bool collect(struct ap_tables *t, uint64_t wait_ns)
{
	struct ap_table_job *j = t->thread ? ap_table_thread_take(t->thread, wait_ns) : NULL, *next;
	bool any = j != NULL;

	for (; j; j = next) {
		next = j->next;
		keep(t, &t->entries[j->id - 1], j->err, j->table);
		free(j);
	}
	return any;
}

bool ap_tables_collect(struct ap_tables *t)
{
	return collect(t, 0);
}

bool ap_tables_wait(struct ap_tables *t, uint64_t wait_ns)
{
	return collect(t, wait_ns);
}

bool ap_tables_site(struct ap_tables *t, const struct ap_binary *b, bool now, struct ap_unwind_site *ret_site)
{
	struct entry *e = entry_of(t, b);

	ret_site->kind = AP_SITE_NOTHING;
	ret_site->end = AP_STACK_END_TABLE_LIMIT;
	if (!e)
		return true;
	if (e->state == ENTRY_UNKNOWN)
		build(t, b, e, now);
	while (now && e->state == ENTRY_BUILDING && collect(t, UINT64_MAX))
		;
	if (e->state == ENTRY_BUILDING)
		return false;
	e->used_at = ++t->ticks;
	ret_site->kind = e->state == ENTRY_TABLE ? AP_SITE_TABLE : e->state == ENTRY_NO_TABLE ? AP_SITE_NO_TABLE : AP_SITE_NOTHING;
	ret_site->table = e->table;
	ret_site->end = e->end;
	return true;
}

uint64_t ap_tables_evicted(const struct ap_tables *t)
{
	return t->evicted;
}

uint64_t ap_tables_built(const struct ap_tables *t)
{
	return t->built;
}
