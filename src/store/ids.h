/* From the natural keys of one table of the merged file to its ids: a hash table in memory, filled from the file whole when much is looked
 * up in it, and by the file's own index while little is. About 40 bytes a row. */
#ifndef AP_STORE_IDS_H
#define AP_STORE_IDS_H

#include "base/hash.h"
#include "store/feed.h"

enum { AP_KEY_COLUMNS = 5 };

struct ap_ids_entry {
	uint64_t a, b; /* two hashes with seeds of this process: 128 bits that no file can aim at */
	int32_t id;
};
struct ap_ids {
	sqlite3_stmt *find;      /* id of a key; NULL: all is in memory */
	sqlite3_stmt *all;       /* id and key of every row; NULL likewise */
	int key[AP_KEY_COLUMNS]; /* columns of a row's cells */
	int n_key;
	int64_t next;          /* the id of the next new row */
	uint64_t rows, misses; /* in the file at the start; looked up there so far */
	uint64_t seed[2];
	struct ap_ids_entry asked; /* the last key that was not found */
	struct ap_ids_entry *entries;
	size_t n, cap;
	struct ap_index index;
};

/* The key's columns are at those places of a row. 0 or negative errno. */
int ap_ids_init(struct ap_ids *ids, sqlite3 *db, const char *table, const char *const *names, const int *key, int n_key);
void ap_ids_done(struct ap_ids *ids); /* also where it was never made */
/* 0: *ret is the id, 0 when there is none. -ENOMEM, -EIO, -EBADMSG (a key that is neither integer nor text). */
int ap_ids_find(struct ap_ids *ids, const struct ap_cell *cells, int32_t *ret);
/* Gives the key that ap_ids_find has just not found the next id. -EFBIG: too many. */
int ap_ids_add(struct ap_ids *ids, int32_t *ret);

#endif
