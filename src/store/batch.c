/* A batch is one growable array a table and one arena for the strings of all. */
#include "store/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What copying a row's strings needs to know: where they are. */
#define COPY_I(name)
#define COPY_T(name)                                                                                                   \
	if (copy.name && !(copy.name = ap_arena_strndup(&b->strings, copy.name, strlen(copy.name))))                   \
		return -ENOMEM;

#define X(NAME, name, conflict)                                                                                        \
	int ap_batch_##name(struct ap_batch *b, const struct ap_row_##name *row)                                       \
	{                                                                                                              \
		struct ap_batch_table *t = &b->tables[AP_TABLE_##NAME];                                                \
		struct ap_row_##name copy = *row;                                                                      \
		char *rows = ap_grow(&t->rows, &t->cap, t->n, sizeof copy);                                            \
		if (!rows)                                                                                             \
			return -ENOMEM;                                                                                \
		AP_ROW_##NAME(COPY_I, COPY_T) memcpy(rows + t->n++ * sizeof copy, &copy, sizeof copy);                 \
		b->bytes += sizeof copy;                                                                               \
		return 0;                                                                                              \
	}
AP_ROWS(X)
#undef X

int ap_batch_new(struct ap_batch **ret_batch)
{
	struct ap_batch *b = calloc(1, sizeof *b);

	if (!b)
		return -ENOMEM;
	*ret_batch = b;
	return 0;
}

void ap_batch_set_generation(struct ap_batch *b, uint32_t generation)
{
	b->generation = generation;
}

struct ap_batch *ap_batch_free(struct ap_batch *b)
{
	if (b) {
		for (size_t i = 0; i < AP_TABLE_COUNT; i++)
			free(b->tables[i].rows);
		ap_arena_done(&b->strings);
		free(b);
	}
	return NULL;
}

size_t ap_batch_bytes(const struct ap_batch *b)
{
	return b->bytes + b->strings.bytes;
}

size_t ap_batch_rows(const struct ap_batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < AP_TABLE_COUNT; i++)
		n += b->tables[i].n;
	return n;
}
