/* A thread that builds unwind tables. Private to tables.c. */
#ifndef AP_RECORD_TABLE_THREAD_H
#define AP_RECORD_TABLE_THREAD_H

#include "unwind/unwind.h"

#include <stdbool.h>

struct ap_table_job {
	struct ap_table_job *next;
	uint32_t id; /* the caller's */
	struct ap_unwind_input in;
	struct ap_unwind_table *table; /* when done and err is 0 */
	int err;
};
struct ap_table_thread;

struct ap_table_thread *ap_table_thread_new(void); /* NULL: no thread can be had */
/* Ends after the table at hand; jobs that are not done are dropped. Accepts NULL, returns NULL. */
struct ap_table_thread *ap_table_thread_free(struct ap_table_thread *th);

int ap_table_thread_put(struct ap_table_thread *th, uint32_t id, const struct ap_unwind_input *in); /* 0, -ENOMEM */
/* A list of what is done, the caller's to free; NULL: nothing. Waits until something is, at most so long (UINT64_MAX: without a bound), unless no
 * job is under way. */
struct ap_table_job *ap_table_thread_take(struct ap_table_thread *th, uint64_t wait_ns);

#endif
