/* The inside of a batch, for the virtual table and the writer. */
#ifndef AP_STORE_BATCH_H
#define AP_STORE_BATCH_H

#include "base/mem.h"
#include "store/rows.h"

enum ap_table {
#define X(NAME, name, conflict) AP_TABLE_##NAME,
	AP_ROWS(X)
#undef X
	AP_TABLE_COUNT
};

struct ap_batch_table {
	char *rows; /* NULL when empty */
	size_t n, cap;
};

struct ap_batch {
	struct ap_batch_table tables[AP_TABLE_COUNT];
	struct ap_arena strings;
	size_t bytes;
	uint32_t generation; /* of its stack ids */
};

struct ap_column {
	const char *name;
	char type; /* 'I' or 'T' */
	size_t offset;
};
struct ap_table_info {
	const char *name;
	bool replace;
	size_t row_size, n_columns;
	const struct ap_column *columns;
};
extern const struct ap_table_info ap_tables_info[AP_TABLE_COUNT];

#endif
