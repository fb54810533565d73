/* The inside of a recording's store. */
#ifndef AP_STORE_PRIVATE_H
#define AP_STORE_PRIVATE_H

#include "base/queue.h"
#include "store/batch.h"
#include "store/resolve.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct ap_store {
	char *path, *old_path; /* old_path NULL: nothing was moved away */
	bool created;	       /* the file at path is ours */
	int ballast_fd;	       /* room for the end; -1: none */
	uint64_t max_bytes;
	uint64_t stacks, frames; /* rows written; the totals grow with them */
	sqlite3 *db;		 /* the writer thread's alone between start and join */
	struct ap_batch *current; /* what the virtual tables show */
	sqlite3_stmt *inserts[AP_TABLE_COUNT];
	struct ap_resolve resolve;
	struct ap_queue *queue;
	pthread_t thread;
	bool running;
	atomic_ullong put, written; /* batches */
	atomic_int error;	    /* positive errno; 0: works */
	struct ap_why error_why;    /* written before error is set */
};

int ap_ballast_take(const char *path); /* beside that file: a descriptor whose closing frees room; -1: none */

int ap_store_writer_start(struct ap_store *s, size_t queue_batches, struct ap_why *why);
void ap_store_writer_join(struct ap_store *s); /* after what is queued is written */
struct ap_store *ap_store_close(struct ap_store *s);
/* The one number that a statement answers; -1 where it fails or answers nothing. */
int64_t ap_store_number(sqlite3 *db, const char *sql);
/* Ids of a well-formed file are dense: none is above this, which its size gives. What is allocated by id is bounded by it. */
uint64_t ap_store_max_id(sqlite3 *db);
/* The totals cover all samples. */
bool ap_store_totals_fresh(sqlite3 *db);
int ap_store_mark_totals(sqlite3 *db); /* an SQLite code */
/* As ap_store_derive, without the mark that makes them fresh. */
int ap_store_derive_unmarked(sqlite3 *db, struct ap_why *why);
/* As ap_store_open_read, with the file's own tables alone: totals and views may be missing, or an older version's. In a read transaction. */
struct ap_schema;
int ap_store_open_raw(const char *path, sqlite3 **ret_db, const struct ap_schema **ret_schema, struct ap_why *why);
/* To add to: no recording in progress, its log folded in, migrated to the newest schema. Its totals may not be fresh. */
int ap_store_open_write(const char *path, sqlite3 **ret_db, struct ap_why *why);
/* errno for an SQLite result. */
int ap_store_errno(sqlite3 *db, int rc);

#endif
