/* The arguments of `aperture record`, parsed. */
#ifndef AP_CMD_RECORD_ARGS_H
#define AP_CMD_RECORD_ARGS_H

#include "base/mem.h"
#include "record/session.h"

enum { RECORD_LIST_MAX = 4096 };

struct record_args {
	struct ap_session_config session;
	pid_t *pids, *tids; /* heap, or NULL */
	int *cpus;
	const char **events, **labels;
	struct ap_arena strings; /* what the lists point into */
	struct ap_buf options;
	bool quiet, verbose, help;
	char *const *command;
	char source[16]; /* "auto", "perf", "replay" */
};

/* 0, or the exit code 2 after it has printed one sentence to stderr. */
int record_args_parse(int argc, char **argv, struct record_args *ret_args);
void record_args_done(struct record_args *a);

#endif
