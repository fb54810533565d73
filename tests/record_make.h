/* Event files made by hand, and their recordings, in the folder at hand. */
#ifndef TESTS_RECORD_MAKE_H
#define TESTS_RECORD_MAKE_H

#include "base/mem.h"
#include "event/replay.h"
#include "record/session.h"
#include "tests/record_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { PID = 4000000, BASE = 0x400000 }; /* above pid_max: never a living process */

static const char *const events_path = "made.events";

static inline void put_mmap(struct ap_replay_writer *w, uint64_t time_ns)
{
	char room[sizeof(struct ap_mmap) + PATH_MAX] = {0};
	struct ap_mmap *m = (struct ap_mmap *)room;
	struct stat st;
	ssize_t n = readlink("/proc/self/exe", m->path, PATH_MAX - 8);

	ck_assert_int_gt((int)n, 0);
	ck_assert_int_eq(stat(m->path, &st), 0);
	m->h = (struct ap_event){.time_ns = time_ns, .pid = PID, .tid = PID, .kind = AP_EVENT_MMAP};
	m->start = BASE;
	m->length = 1 << 20;
	m->inode = st.st_ino;
	m->device_major = major(st.st_dev);
	m->device_minor = minor(st.st_dev);
	m->protection = 5;
	m->h.size = (uint32_t)((sizeof *m + (size_t)n + 8) & ~7ul);
	ck_assert_int_eq(ap_replay_writer_put(w, &m->h), 0);
}

static uint64_t sample_weight = 1000;

static inline void put_sample(struct ap_replay_writer *w, uint64_t time_ns, uint8_t end, const uint64_t *user, uint16_t n)
{
	struct {
		struct ap_sample s;
		uint64_t user[8];
	} e = {.s = {.h = {.time_ns = time_ns, .pid = PID, .tid = PID, .kind = AP_EVENT_SAMPLE},
		       .weight = sample_weight,
		       .n_user = n,
		       .end = end}};

	e.s.h.size = (uint32_t)ap_sample_size(0, n, false, 0);
	memcpy(e.user, user, n * sizeof *user);
	ck_assert_int_eq(ap_replay_writer_put(w, &e.s.h), 0);
}

static inline int record(struct ap_session_config *cfg, struct ap_session_result *r, struct ap_why *why)
{
	static const struct ap_source_ops *const sources[] = {&ap_source_replay, NULL};
	static const atomic_int no = 0;

	cfg->sources = sources;
	cfg->source_forced = true;
	cfg->output = db_path;
	cfg->source.replay_path = events_path;
	cfg->stop = cfg->forward = &no;
	return ap_session_run(cfg, r, why);
}

#endif
