/* A bounded queue of pointers between one producer thread and one consumer thread. */
#ifndef AP_BASE_QUEUE_H
#define AP_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_queue;

int ap_queue_new(size_t capacity, struct ap_queue **ret_queue); /* 0, -ENOMEM, -EINVAL for capacity 0 */
struct ap_queue *ap_queue_free(struct ap_queue *q);		/* the items still inside are the caller's to have taken out before */

/* Waits until there is room, at most timeout_ns (UINT64_MAX: for ever). 0, -EAGAIN (full all that time), -EPIPE (closed). */
int ap_queue_put(struct ap_queue *q, void *item, uint64_t timeout_ns);
/* Waits for an item, at most timeout_ns. 0, -EAGAIN (none came), -EPIPE (closed and empty). */
int ap_queue_take(struct ap_queue *q, uint64_t timeout_ns, void **ret_item);
void ap_queue_close(struct ap_queue *q); /* no more puts; takes go on until it is empty */
size_t ap_queue_depth(struct ap_queue *q);

#endif
