/* A recording forgets its stacks when they are too many (agg/stacks.h) and gives ids anew. Its file has each stack once nevertheless: in a
 * batch of a later generation than the first, each stack is looked up in the file and left out where it is there, and rows that name a
 * stack get the file's id for it. New stacks get the file's next ids, so that these stay dense and parent < id holds. */
#ifndef AP_STORE_RESOLVE_H
#define AP_STORE_RESOLVE_H

#include "store/batch.h"

#include <sqlite3.h>

struct ap_resolve {
	uint32_t generation; /* of the map */
	uint32_t *map;       /* the file's ids, by the generation's; NULL: still generation 0 */
	size_t n, cap;
	int64_t first, next; /* the file's ids from first to before next were given in this generation */
	sqlite3_stmt *find;  /* NULL: not prepared yet */
};

/* Changes the batch, before it is inserted in the same transaction. In generation 0 it changes nothing. 0; -EBADMSG: its stacks or
 * generation are not in order (rows.h); -EOVERFLOW: a file cannot hold more stacks; -ENOMEM; or SQLite's error. After any of them no batch
 * can follow. */
int ap_resolve_batch(struct ap_resolve *r, sqlite3 *db, struct ap_batch *b);
void ap_resolve_done(struct ap_resolve *r); /* a zeroed one too; before the connection is closed */

#endif
