/* What tests, fuzz targets and benchmarks put into a store: they say what they care about, the rest is empty. */
#ifndef TESTS_STORE_ROWS_H
#define TESTS_STORE_ROWS_H

#include "store/store.h"

#include <stdlib.h>

/* uuid may be NULL: the store makes one. */
static inline struct ap_store_run store_run(const char *host, const char *uuid)
{
	return (struct ap_store_run){.host_key = host,
		.host_name = host,
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "b",
		.uuid = uuid,
		.command = "",
		.options = "",
		.version = "",
		.source = "perf",
		.source_why = ""};
}

static const struct ap_store_end STORE_END = {.end_ns = 1000, .reason = "target exited", .exit_code = AP_NULL};

/* ROW(batch, thread, .id = 1, .tid = 7): a row of a table, by the names of rows.h. */
#define ROW(batch, table, ...) row_is_put(ap_batch_##table(batch, &(struct ap_row_##table){__VA_ARGS__}))

static inline void row_is_put(int err)
{
	if (err)
		abort(); /* out of memory */
}

#endif
