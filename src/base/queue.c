/* A ring of pointers under one mutex; waits are on CLOCK_MONOTONIC. */
#include "base/queue.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct ap_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t head, used, capacity;
	bool closed;
	void *items[];
};

int ap_queue_new(size_t capacity, struct ap_queue **ret_queue)
{
	pthread_condattr_t attr;
	struct ap_queue *q;

	if (!capacity)
		return -EINVAL;
	q = calloc(1, sizeof *q + capacity * sizeof q->items[0]);
	if (!q)
		return -ENOMEM;
	q->capacity = capacity;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
	*ret_queue = q;
	return 0;
}

struct ap_queue *ap_queue_free(struct ap_queue *q)
{
	if (q) {
		pthread_cond_destroy(&q->changed);
		pthread_mutex_destroy(&q->lock);
		free(q);
	}
	return NULL;
}

/* False: the deadline has passed. */
static bool wait_change(struct ap_queue *q, uint64_t deadline_ns)
{
	struct timespec t;

	if (deadline_ns == UINT64_MAX) {
		pthread_cond_wait(&q->changed, &q->lock);
		return true;
	}
	t.tv_sec = (time_t)(deadline_ns / 1000000000u);
	t.tv_nsec = (long)(deadline_ns % 1000000000u);
	return pthread_cond_timedwait(&q->changed, &q->lock, &t) != ETIMEDOUT;
}

static uint64_t deadline(uint64_t timeout_ns)
{
	uint64_t now = ap_now_ns();

	return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

int ap_queue_put(struct ap_queue *q, void *item, uint64_t timeout_ns)
{
	uint64_t until = deadline(timeout_ns);
	int err = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->closed && q->used == q->capacity && wait_change(q, until))
		;
	if (q->closed) {
		err = -EPIPE;
	} else if (q->used == q->capacity) {
		err = -EAGAIN;
	} else {
		q->items[(q->head + q->used++) % q->capacity] = item;
		pthread_cond_broadcast(&q->changed);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

int ap_queue_take(struct ap_queue *q, uint64_t timeout_ns, void **ret_item)
{
	uint64_t until = deadline(timeout_ns);
	int err = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->used && !q->closed && wait_change(q, until))
		;
	if (q->used) {
		*ret_item = q->items[q->head];
		q->head = (q->head + 1) % q->capacity;
		q->used--;
		pthread_cond_broadcast(&q->changed);
	} else {
		err = q->closed ? -EPIPE : -EAGAIN;
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

void ap_queue_close(struct ap_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

size_t ap_queue_depth(struct ap_queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->used;
	pthread_mutex_unlock(&q->lock);
	return n;
}
