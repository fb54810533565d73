/* For `aperture symbolize`: the frames of a file that have no name of their own yet, and the adding of names. Ids stay as they are. */
#ifndef AP_STORE_UNNAMED_H
#define AP_STORE_UNNAMED_H

#include "base/why.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One executable's frames without a name of their own, sorted by address; all is valid until the callback returns. */
struct ap_unnamed {
	int64_t executable;
	int kind; /* executable.kind */
	const char *build_id, *path;
	const uint64_t *addresses;
	const uint32_t *frames;
	size_t n;
};
typedef int (*ap_unnamed_fn)(void *ctx, const struct ap_unnamed *u); /* non-zero stops and is returned */
int ap_store_unnamed(sqlite3 *db, ap_unnamed_fn fn, void *ctx, struct ap_why *why);

struct ap_namer; /* prepared statements on a connection of ap_store_open_names, in one transaction */
int ap_namer_new(sqlite3 *db, struct ap_namer **ret_namer, struct ap_why *why);
struct ap_namer_line {
	const char *function, *linkage_name, *function_file, *file; /* "" not known */
	uint32_t function_line, line;
	bool start_only; /* no name, but where the function starts */
};
/* In the place of what the frame has at that depth. 0 or negative errno. */
int ap_namer_add(struct ap_namer *n, uint32_t frame, size_t depth, const struct ap_namer_line *line);
int ap_namer_why(struct ap_namer *n, int64_t executable, const char *why);
/* Commits (`keep`) or rolls back, and frees whatever is returned. Accepts NULL. */
int ap_namer_end(struct ap_namer *n, int keep);

#endif
