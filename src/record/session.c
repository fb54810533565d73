/* A recording's life: choose and open a source, create the file, start, loop until the target ends or somebody stops it, drain, name, seal.
 * What fails before the file exists leaves nothing behind; what fails later still seals what was stored. */
#include "config.h"
#include "record/session.h"

#include "base/clock.h"
#include "base/mem.h"
#include "record/child.h"
#include "record/host.h"
#include "record/names.h"
#include "record/pipeline.h"
#include "record/rows.h"
#include "record/targets.h"
#include "record/tee.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_BUDGET = 8 << 20, MMAP_THRESHOLD = 256 << 10, POLL_MS = 20 /* where the source does not say */ };
static const uint64_t DEFAULT_MEMORY = 48ull << 20;
enum { RINGS_SHARE = 4 }; /* of a bound that the user set, the rings get one part in so many */

struct session {
	const struct ap_session_config *cfg;
	struct ap_session_result *result;
	struct ap_child child;
	const struct ap_source_ops *ops;
	struct ap_source *source;
	struct ap_pipeline *pipeline;
	struct ap_store *store;
	struct ap_host host;
	struct ap_why source_why;             /* why not the source before */
	struct ap_tee *tee;                   /* NULL: events are not kept */
	struct ap_targets targets;            /* still to be read */
	uint64_t start_ns, start_realtime_ns; /* the same moment */
	struct ap_why failure;                /* what stopped the recording before its time; "" */
};

static int open_source(struct session *s, struct ap_why *why)
{
	struct ap_source_config sc = s->cfg->source;
	pid_t own = s->child.pid;
	struct ap_why last = {""};
	int err = -ENODEV;

	sc.max_memory = s->cfg->max_memory / RINGS_SHARE;
	if (own > 0) {
		sc.pids = &own;
		sc.n_pids = 1;
		sc.enable_on_exec = !s->cfg->delay_ns;
	}
	for (const struct ap_source_ops *const *o = s->cfg->sources; *o; o++) {
		err = (*o)->open(&sc, &s->source, &last);
		if (!err) {
			s->ops = *o;
			snprintf(s->result->source, sizeof s->result->source, "%s", (*o)->name);
			return 0;
		}
		if (s->source_why.text[0])
			ap_why_add(&s->source_why, "; ");
		ap_why_add(&s->source_why, "%s: %s", (*o)->name, last.text);
		if (s->cfg->source_forced)
			break;
	}
	return ap_why(why, -err, "%s", last.text[0] ? last.text : "no source can record here; `aperture doctor` says why");
}

static int create_store(struct session *s, struct ap_why *why)
{
	struct ap_store_config sc = {.path = s->cfg->output, .max_bytes = s->cfg->max_size};
	struct ap_store_run run = {.start_ns = (int64_t)s->start_ns,
		.start_realtime_ns = (int64_t)s->start_realtime_ns,
		.options = s->cfg->options,
		.version = PACKAGE_VERSION,
		.source = s->ops->name,
		.source_why = s->source_why.text,
		.labels = s->cfg->labels};
	struct ap_buf command = {0};
	int err;

	for (size_t i = 0; s->cfg->command && s->cfg->command[i]; i++)
		ap_buf_printf(&command, "%s%s", i ? " " : "", s->cfg->command[i]);
	run.command = command.data;
	ap_host_fill_run(&s->host, &run);
	err = ap_store_create(&sc, &run, &s->store, why);
	ap_buf_done(&command);
	return err;
}

static bool delayed(const struct session *s)
{
	return s->cfg->delay_ns != 0;
}

/* The source starts before anything else is made: what comes meanwhile waits in its rings. */
static int open_and_start(struct session *s, struct ap_why *why)
{
	int err = open_source(s, why);

	if (!err && s->cfg->attached)
		err = s->cfg->attached(why);
	s->start_ns = ap_now_ns();
	s->start_realtime_ns = ap_now_realtime_ns();
	return err || delayed(s) ? err : s->ops->start(s->source, why);
}

static int prepare(struct session *s, struct ap_why *why)
{
	uint64_t bound = s->cfg->max_memory;
	struct ap_pipeline_config pc = {.max_memory = bound ? bound - bound / RINGS_SHARE : DEFAULT_MEMORY};
	const struct ap_source_event *events;
	size_t n_events;
	int err = 0;

	ap_host_read(&s->host);
	if (s->cfg->command)
		err = ap_child_fork(s->cfg->command, &s->cfg->ignored, &s->child, why);
	if (!err)
		err = open_and_start(s, why);
	if (err)
		return err;
	pc.start_ns = (int64_t)s->start_ns;
	pc.boot = s->host.boot;
	pc.source = s->ops->name;
	pc.replayed = s->cfg->source.replay_path != NULL;
	pc.has_uid = s->cfg->source.has_uid;
	pc.uid = s->cfg->source.uid;
	err = ap_pipeline_new(&pc, &s->pipeline, why);
	if (!err)
		err = create_store(s, why);
	if (err)
		return err;
	ap_pipeline_connect(s->pipeline, s->store);
	ap_pipeline_teach(s->pipeline, s->ops, s->source);
	n_events = s->ops->events(s->source, &events);
	ap_pipeline_events(s->pipeline, events, n_events);
	return s->cfg->save_events ? ap_tee_new(s->cfg->save_events, events, n_events, &s->tee, why) : 0;
}

static struct ap_sink sink_of(struct session *s)
{
	struct ap_sink sink = ap_pipeline_sink(s->pipeline);

	return s->tee ? ap_tee_sink(s->tee, sink) : sink;
}

/* The target's first moments that are not recorded: the command runs, nothing is watched yet. False: it was cut short. */
static bool sit_out_delay(struct session *s)
{
	uint64_t until = ap_now_ns() + s->cfg->delay_ns;
	const struct timespec tick = {.tv_nsec = 5000000};

	while (ap_now_ns() < until && !atomic_load(s->cfg->stop)) {
		if (s->child.pid > 0 && ap_child_poll(&s->child))
			return false;
		nanosleep(&tick, NULL);
	}
	return !atomic_load(s->cfg->stop);
}

static int start(struct session *s, struct ap_why *why)
{
	int err = 0;

	if (delayed(s)) {
		if (s->child.pid > 0 && (err = ap_child_release(&s->child)))
			goto not_run;
		if (!sit_out_delay(s))
			return 0;
		err = s->ops->start(s->source, why);
		if (err)
			return err;
	}
	ap_targets_scan(&s->targets, ap_pipeline_tracker(s->pipeline), &s->cfg->source, delayed(s) ? s->child.pid : -1);
	if (!delayed(s) && s->child.pid > 0 && (err = ap_child_release(&s->child)))
		goto not_run;
	return 0;
not_run:
	ap_child_wait(&s->child);
	snprintf(s->result->note.text, sizeof s->result->note.text, "exec");
	return ap_why(why, -err, "cannot run %s: %s", s->cfg->command[0], strerror(-err));
}

/* Drains what is there, without starving the rest of the loop. */
static int drain(struct session *s)
{
	struct ap_sink sink = sink_of(s);
	int more, err, rounds = 16;

	do {
		more = s->ops->drain(s->source, &sink, DRAIN_BUDGET);
		err = ap_pipeline_flush(s->pipeline, false);
	} while (more > 0 && !err && --rounds);
	return more < 0 ? more : err;
}

static const char *why_ended(struct session *s, uint64_t until)
{
	if (atomic_load(s->cfg->stop))
		return "interrupted";
	if (until && ap_now_ns() >= until)
		return "duration";
	if (s->child.pid > 0)
		return ap_child_poll(&s->child) ? "target exited" : NULL;
	return s->ops->ended(s->source) ? "target exited" : NULL;
}

/* How long the loop may sleep. */
static int wait_ms(const struct session *s)
{
	if (s->targets.pids)
		return 0;
	return s->ops->wait_ms ? s->ops->wait_ms(s->source) : POLL_MS;
}

static int loop(struct session *s, const char **ret_reason)
{
	uint64_t until = s->cfg->duration_ns ? ap_now_ns() + s->cfg->duration_ns : 0;
	struct pollfd fds[2] = {{.fd = s->ops->fd(s->source), .events = POLLIN}, {.fd = s->child.pidfd, .events = POLLIN}};
	int err = 0;

	while (!err && !(*ret_reason = why_ended(s, until))) {
		if (poll(fds, AP_ARRAY_LEN(fds), wait_ms(s)) < 0 && errno != EINTR)
			err = -errno;
		else
			err = drain(s);
		ap_targets_step(&s->targets, ap_pipeline_tracker(s->pipeline));
	}
	return err;
}

static int finish_source(struct session *s)
{
	struct ap_sink sink = sink_of(s);
	int more, saved, err = s->ops->stop(s->source);

	/* nothing comes any more, so there is time to wait for a writer that is behind */
	do
		more = s->ops->drain(s->source, &sink, DRAIN_BUDGET);
	while (more > 0 && !ap_pipeline_flush(s->pipeline, true));
	saved = ap_tee_close(AP_STEAL(s->tee));
	if (saved)
		ap_why_add(&s->result->note, "%s: not all events could be saved: %s", s->cfg->save_events, strerror(-saved));
	return err ? err : more < 0 ? more : 0;
}

static void account(struct session *s)
{
	struct ap_row_out out = {.batch = ap_pipeline_batch(s->pipeline), .source = s->ops->name, .start_ns = (int64_t)s->start_ns};
	struct ap_pipeline_counts counts;
	struct ap_source_stats st;

	s->ops->stats(s->source, &st);
	ap_pipeline_counts(s->pipeline, &counts);
	st.filtered += counts.filtered;
	ap_rows_account(&out, &st, counts.samples, counts.dropped);
	s->result->samples = counts.samples;
	s->result->filtered = st.filtered;
	s->result->cold = st.cold;
	s->result->hit_cost = st.hit;
	s->result->unwind_cost = st.unwind;
	s->result->lost = counts.dropped;
	for (size_t i = 0; i < AP_LOSS_COUNT; i++)
		s->result->lost += ap_loss_is_hits(i) ? st.lost[i] : 0;
	s->result->complete_pct = counts.samples ? 100.0 * (double)counts.complete / (double)counts.samples : -1;
}

static int seal(struct session *s, const char *reason, struct ap_why *why)
{
	struct rusage ru = {0};
	struct stat st;
	struct ap_store_end end = {.end_ns = (int64_t)ap_now_ns(), .reason = reason, .exit_code = AP_NULL};
	int err;

	getrusage(RUSAGE_SELF, &ru);
	end.recorder_cpu_ns = (int64_t)ap_cpu_time_ns();
	end.recorder_peak_bytes = (int64_t)ru.ru_maxrss * 1024;
	if (s->child.reaped)
		end.exit_code = WIFEXITED(s->child.wait_status) ? WEXITSTATUS(s->child.wait_status) : 128 + WTERMSIG(s->child.wait_status);
	s->result->recorder_cpu_ns = (uint64_t)end.recorder_cpu_ns;
	s->result->recorder_peak_bytes = (uint64_t)end.recorder_peak_bytes;
	err = ap_store_seal(s->store, &end, why);
	s->store = NULL;
	s->result->file_bytes = stat(s->cfg->output, &st) ? 0 : (uint64_t)st.st_size;
	return err;
}

/* From a stopped source to a sealed file. `err` is what ended the loop. */
static int finish(struct session *s, int err, const char *reason, struct ap_why *why)
{
	struct ap_names_config nc = {.debug_dirs = s->cfg->debug_dirs, .debug_files = true};
	struct ap_why names_why = {""}, seal_why = {""};
	int seal_err;

	s->result->duration_ns = ap_now_ns() - s->start_ns;
	if (finish_source(s) && !err)
		reason = "the source failed at its end";
	ap_pipeline_settle(s->pipeline);
	account(s);
	if (!err)
		err = ap_pipeline_flush(s->pipeline, true);
	if (!err)
		err = ap_store_flush(s->store, NULL); /* the child that reads symbols is forked while the writer sleeps and holds no lock */
	s->result->symbolised_pct = -1;
	if (!err && s->cfg->symbols && atomic_load(s->cfg->stop) < 2)
		if (ap_names_resolve(s->pipeline, &nc, &s->result->symbolised_pct, &names_why))
			ap_why_add(&s->result->note, "%s", names_why.text);
	if (!err)
		err = ap_pipeline_flush(s->pipeline, true);
	if (err && !ap_store_error(s->store, &s->failure))
		ap_why(&s->failure, -err, "recording stopped: %s", strerror(-err));
	seal_err = seal(s, err ? s->failure.text : reason, &seal_why);
	if (err == -EFBIG) { /* a bound that the user set is an end like another */
		s->result->note = s->failure;
		return 0;
	}
	if (err)
		return ap_why(why, -err, "%s", s->failure.text);
	return seal_err ? ap_why(why, -seal_err, "%s", seal_why.text) : 0;
}

static void close_all(struct session *s)
{
	ap_targets_done(&s->targets);
	ap_tee_close(s->tee);
	if (s->source)
		s->ops->free(s->source);
	ap_pipeline_free(s->pipeline);
	if (s->store)
		ap_store_abandon(s->store);
	ap_child_done(&s->child);
}

int ap_session_run(const struct ap_session_config *cfg, struct ap_session_result *ret_result, struct ap_why *why)
{
	struct session s = {.cfg = cfg, .result = ret_result, .child = AP_CHILD_NONE};
	const char *reason = "interrupted";
	int err;

	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD); /* fixed, or one freed table would make all later ones stay in the heap */
	mallopt(M_TRIM_THRESHOLD, MMAP_THRESHOLD);
	memset(ret_result, 0, sizeof *ret_result);
	ret_result->complete_pct = ret_result->symbolised_pct = -1;
	err = prepare(&s, why);
	if (!err)
		err = start(&s, why);
	if (err) {
		close_all(&s);
		return err;
	}
	err = loop(&s, &reason);
	if (s.child.pid > 0 && !ap_child_poll(&s.child) && atomic_load(cfg->forward)) {
		s.child.forwarded = atomic_load(cfg->forward);
		kill(s.child.pid, s.child.forwarded);
	}
	err = finish(&s, err, reason ? reason : "error", why);
	ret_result->note = ret_result->note.text[0] ? ret_result->note : s.source_why;
	ret_result->sealed = cfg->sealed != NULL;
	if (cfg->sealed)
		cfg->sealed(cfg->sealed_ctx, ret_result, err, why, s.child.pid > 0 && !ap_child_poll(&s.child) ? s.child.pid : 0);
	if (s.child.pid > 0) {
		ret_result->has_status = ap_child_await(&s.child, cfg->stop, cfg->forward);
		ret_result->wait_status = s.child.wait_status;
	}
	close_all(&s);
	return err;
}
