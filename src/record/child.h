/* The command that is recorded: forked at once, held before exec until the sources are open. */
#ifndef AP_RECORD_CHILD_H
#define AP_RECORD_CHILD_H

#include "base/why.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct ap_child {
	pid_t pid;	/* -1: none */
	int go_fd;	/* write end; -1 once released */
	int error_fd;	/* read end: the errno of a failed exec; -1 once read */
	int pidfd;	/* readable when it has ended; -1: none */
	bool reaped;
	int wait_status; /* valid when reaped */
	int forwarded;	 /* the signal that it was sent for us; 0: none yet */
};
#define AP_CHILD_NONE ((struct ap_child){.pid = -1, .go_fd = -1, .error_fd = -1, .pidfd = -1})

/* `ignored`: signals that were ignored when we began, which the command ignores too, as if we were not there; the others it gets as default. */
int ap_child_fork(char *const *argv, const sigset_t *ignored, struct ap_child *ret_child, struct ap_why *why);
/* Lets it exec and waits until it has. 0, or the negative errno of the exec. */
int ap_child_release(struct ap_child *c);
bool ap_child_poll(struct ap_child *c); /* reaps it if it has ended; true when it has */
void ap_child_wait(struct ap_child *c);
/* Waits until it has ended or *stop is 2 or more. Meanwhile a signal that appears in *forward goes to it, once. True: it has ended. */
bool ap_child_await(struct ap_child *c, const atomic_int *stop, const atomic_int *forward);
/* Ends one that was never released, waits, closes what is open. Accepts AP_CHILD_NONE. */
void ap_child_done(struct ap_child *c);

#endif
