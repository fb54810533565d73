/* One recording: chooses a source, runs the loop, accounts for loss, seals the file. */
#ifndef AP_RECORD_SESSION_H
#define AP_RECORD_SESSION_H

#include "base/why.h"
#include "event/source.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ap_session_result;

struct ap_session_config {
	struct ap_source_config source;
	const struct ap_source_ops *const *sources; /* in order of preference, NULL-terminated: the command line's choice */
	bool source_forced;			     /* one was named: its refusal is a failure, not a reason to try the next */
	const char *output;
	char *const *command; /* argv of what to run, NULL-terminated; NULL: attach only */
	const char *const *labels; /* key, value, ..., NULL; or NULL */
	const char *options;  /* for the run row: the command line as typed */
	uint64_t duration_ns; /* 0: until the target ends or *stop is set */
	uint64_t delay_ns;    /* of target time that is not recorded at the start */
	uint64_t max_size;    /* of the file; 0: none */
	uint64_t max_memory;  /* of rings, tables and stacks; 0: default */
	/* NULL, or called once, when the events are open and the command is forked, and before any thread or file is made: the place to give up
	 * privilege. Its failure is the session's. */
	int (*attached)(struct ap_why *why);
	/* NULL, or called once, when the file is sealed or could not be (`err`, `why`), before the wait for a command that still runs (`running`,
	 * else 0). */
	void (*sealed)(void *ctx, const struct ap_session_result *r, int err, const struct ap_why *why, pid_t running);
	void *sealed_ctx;
	bool symbols;
	const char *const *debug_dirs; /* NULL: the default */
	const char *save_events; /* NULL, or where all events go too, for replay */
	sigset_t ignored;	 /* signals that the command is to ignore */
	const atomic_int *stop; /* set non-zero (a signal handler may) to end the recording early; set to 2 to skip symbols too, and not to wait for
				 * the command any more */
	const atomic_int *forward; /* a signal that was sent to us alone and that the command should get too; 0: none */
};

struct ap_session_result {
	uint64_t samples, lost, filtered;
	double complete_pct, symbolised_pct; /* -1 without samples */
	uint64_t file_bytes, duration_ns, recorder_cpu_ns, recorder_peak_bytes;
	bool sealed;	 /* cfg.sealed was called */
	bool has_status;
	int wait_status; /* the command's, as waitpid gives it */
	struct ap_source_cost hit_cost, unwind_cost;
	uint64_t cold;
	char source[16];
	struct ap_why note; /* "" or what the user should know: a fallback and its reason */
};

/* 0 with a sealed file; negative errno and why otherwise, with whatever was stored sealed as far as it could be. -ENOENT and -EACCES with
 * ret_result->note "exec" mean that the command could not be run. */
int ap_session_run(const struct ap_session_config *cfg, struct ap_session_result *ret_result, struct ap_why *why);

#endif
