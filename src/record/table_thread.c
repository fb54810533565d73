/* Two lists under one lock: jobs to do, in order, and jobs done. At most one job a binary is ever in them, so that they need no bound of
 * their own. */
#include "record/table_thread.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct ap_table_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, finished;
	struct ap_table_job *todo, **todo_end, *done;
	size_t under_way; /* put and not done */
	bool ends;
};

static void free_list(struct ap_table_job *j)
{
	for (struct ap_table_job *next; j; j = next) {
		next = j->next;
		ap_unwind_table_free(j->table);
		free(j);
	}
}

/* Called with the lock held. NULL: the thread ends. */
static struct ap_table_job *next_job(struct ap_table_thread *th)
{
	struct ap_table_job *j;

	while (!th->todo && !th->ends)
		pthread_cond_wait(&th->wake, &th->lock);
	if (th->ends)
		return NULL;
	j = th->todo;
	th->todo = j->next;
	if (!th->todo)
		th->todo_end = &th->todo;
	return j;
}

static void *work(void *arg)
{
	struct ap_table_thread *th = arg;
	struct ap_table_job *j;

	pthread_mutex_lock(&th->lock);
	while ((j = next_job(th))) {
		pthread_mutex_unlock(&th->lock);
		j->err = ap_unwind_table_build(&j->in, &j->table, NULL);
		pthread_mutex_lock(&th->lock);
		j->next = th->done;
		th->done = j;
		th->under_way--;
		pthread_cond_signal(&th->finished);
	}
	pthread_mutex_unlock(&th->lock);
	return NULL;
}

struct ap_table_thread *ap_table_thread_new(void)
{
	struct ap_table_thread *th = calloc(1, sizeof *th);
	sigset_t all, was;
	int err;

	if (!th)
		return NULL;
	th->todo_end = &th->todo;
	pthread_mutex_init(&th->lock, NULL);
	pthread_cond_init(&th->wake, NULL);
	pthread_cond_init(&th->finished, NULL);
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&th->thread, NULL, work, th);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (err) {
		free(th);
		return NULL;
	}
	return th;
}

struct ap_table_thread *ap_table_thread_free(struct ap_table_thread *th)
{
	if (!th)
		return NULL;
	pthread_mutex_lock(&th->lock);
	th->ends = true;
	pthread_cond_signal(&th->wake);
	pthread_mutex_unlock(&th->lock);
	pthread_join(th->thread, NULL);
	free_list(th->todo);
	free_list(th->done);
	pthread_cond_destroy(&th->finished);
	pthread_cond_destroy(&th->wake);
	pthread_mutex_destroy(&th->lock);
	free(th);
	return NULL;
}

int ap_table_thread_put(struct ap_table_thread *th, uint32_t id, const struct ap_unwind_input *in)
{
	struct ap_table_job *j = calloc(1, sizeof *j);

	if (!j)
		return -ENOMEM;
	j->id = id;
	j->in = *in;
	pthread_mutex_lock(&th->lock);
	*th->todo_end = j;
	th->todo_end = &j->next;
	th->under_way++;
	pthread_cond_signal(&th->wake);
	pthread_mutex_unlock(&th->lock);
	return 0;
}

struct ap_table_job *ap_table_thread_take(struct ap_table_thread *th, uint64_t wait_ns)
{
	uint64_t until = wait_ns == UINT64_MAX ? UINT64_MAX / 2 : ap_now_ns() + wait_ns;
	struct timespec at = {.tv_sec = (time_t)(until / 1000000000), .tv_nsec = (long)(until % 1000000000)};
	struct ap_table_job *j;

	pthread_mutex_lock(&th->lock);
	while (wait_ns && !th->done && th->under_way)
		if (pthread_cond_clockwait(&th->finished, &th->lock, CLOCK_MONOTONIC, &at) == ETIMEDOUT)
			break;
	j = th->done;
	th->done = NULL;
	pthread_mutex_unlock(&th->lock);
	return j;
}
