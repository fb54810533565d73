/* The writer appends events as they lie in memory; the source maps the file read-only by read(2) into one buffer a drain and checks every
 * event before it hands it over, since a file may come from anywhere. */
#include "event/replay.h"

#include "base/file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#else
enum { MACHINE = EM_AARCH64 };
#endif
enum { VERSION = 1, EVENTS_MAX = 256, NAME_BYTES_MAX = 256 };
static const char MAGIC[16] = {'A', 'P', 'E', 'R', 'T', 'U', 'R', 'E', '-', 'E', 'V', 'E', 'N', 'T', 'S', '\n'};

struct header {
	char magic[16];
	uint32_t version, machine, n_events, zero;
};

struct ap_replay_writer {
	FILE *file;
};

int ap_replay_writer_new(
	const char *path, const char *const *events, size_t n_events, struct ap_replay_writer **ret_writer, struct ap_why *why)
{
	struct header h = {.version = VERSION, .machine = MACHINE, .n_events = (uint32_t)n_events};
	struct ap_replay_writer *w = calloc(1, sizeof *w);
	static const char zeros[8];
	bool ok;

	if (!w)
		return ap_why(why, ENOMEM, "%s: out of memory", path);
	w->file = fopen(path, "wbe");
	if (!w->file) {
		free(w);
		return ap_why(why, errno, "%s: cannot create it: %s", path, strerror(errno));
	}
	memcpy(h.magic, MAGIC, sizeof MAGIC);
	ok = fwrite(&h, sizeof h, 1, w->file) == 1;
	for (size_t i = 0; i < n_events && ok; i++) {
		size_t n = strlen(events[i]) + 1;

		ok = fwrite(events[i], 1, n, w->file) == n && fwrite(zeros, 1, -n & 7, w->file) == (-n & 7);
	}
	if (!ok) {
		ap_replay_writer_close(w);
		return ap_why(why, EIO, "%s: cannot write it", path);
	}
	*ret_writer = w;
	return 0;
}

int ap_replay_writer_put(struct ap_replay_writer *w, const struct ap_event *e)
{
	return fwrite(e, e->size, 1, w->file) == 1 ? 0 : -EIO;
}

int ap_replay_writer_close(struct ap_replay_writer *w)
{
	int err = 0;

	if (w) {
		err = fclose(w->file) ? -errno : 0;
		free(w);
	}
	return err;
}

struct ap_source {
	int fd;
	uint64_t at; /* the next event's offset */
	char *names; /* EVENTS_MAX strings */
	struct ap_source_event *events;
	size_t n_events;
	struct ap_source_stats stats;
	bool at_end, stopped;
	_Alignas(8) unsigned char room[2 * AP_EVENT_SIZE_MAX];
};

static struct ap_source *replay_free(struct ap_source *s)
{
	if (s) {
		ap_close(s->fd);
		free(s->names);
		free(s->events);
		free(s);
	}
	return NULL;
}

static int read_names(struct ap_source *s, uint32_t n, const char *path, struct ap_why *why)
{
	char name[NAME_BYTES_MAX];
	ssize_t got;
	size_t len;

	s->names = calloc(n + 1, NAME_BYTES_MAX);
	s->events = calloc(n + 1, sizeof *s->events);
	if (!s->names || !s->events)
		return ap_why(why, ENOMEM, "%s: out of memory", path);
	for (uint32_t i = 0; i < n; i++) {
		got = ap_pread_all(s->fd, name, sizeof name, s->at);
		len = got > 0 ? strnlen(name, (size_t)got) : 0;
		if (got <= 0 || len == (size_t)got)
			return ap_why(why, EBADMSG, "%s: its list of events is damaged", path);
		memcpy(s->names + (size_t)i * NAME_BYTES_MAX, name, len + 1);
		s->events[i] = (struct ap_source_event){.name = s->names + (size_t)i * NAME_BYTES_MAX, .why = "from a stored event file"};
		s->at += (len + 8) & ~7ul;
	}
	s->n_events = n;
	return 0;
}

static int open_header(struct ap_source *s, const char *path, struct ap_why *why)
{
	struct header h;
	struct stat st;

	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s->fd < 0)
		return ap_why(why, errno, "%s: cannot open it: %s", path, strerror(errno));
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode) || ap_pread_all(s->fd, &h, sizeof h, 0) != (ssize_t)sizeof h ||
		memcmp(h.magic, MAGIC, sizeof MAGIC))
		return ap_why(why, EBADMSG, "%s: not a stored event file", path);
	if (h.version != VERSION || h.machine != MACHINE || h.n_events > EVENTS_MAX)
		return ap_why(why, EPROTONOSUPPORT, "%s: of another version or machine", path);
	s->at = sizeof h;
	return read_names(s, h.n_events, path, why);
}

static int replay_open(const struct ap_source_config *cfg, struct ap_source **ret_source, struct ap_why *why)
{
	struct ap_source *s;
	int err;

	if (!cfg->replay_path)
		return ap_why(why, EINVAL, "no event file was named");
	s = calloc(1, sizeof *s);
	if (!s)
		return ap_why(why, ENOMEM, "out of memory");
	s->fd = -1;
	err = open_header(s, cfg->replay_path, why);
	if (err)
		replay_free(s);
	else
		*ret_source = s;
	return err;
}

static void replay_probe(const struct ap_source_config *cfg, struct ap_probe *ret_probe)
{
	struct ap_source *s = NULL;

	ret_probe->why.text[0] = '\0';
	ret_probe->usable = !replay_open(cfg, &s, &ret_probe->why);
	replay_free(s);
}

static size_t replay_events(const struct ap_source *s, const struct ap_source_event **ret_events)
{
	*ret_events = s->events;
	return s->n_events;
}

static int replay_start(struct ap_source *s, struct ap_why *why)
{
	return 0;
}

static int replay_fd(const struct ap_source *s)
{
	return -1;
}

static void count(struct ap_source *s, const struct ap_event *e)
{
	const struct ap_lost *l = (const struct ap_lost *)e;

	if (e->kind == AP_EVENT_SAMPLE)
		s->stats.stored++;
	else if (e->kind == AP_EVENT_LOST)
		s->stats.lost[l->cause] += l->n;
}

/* The rest of a file behind a malformed event cannot be read: there is no way to find the next. It counts as one loss. */
static void end_at_damage(struct ap_source *s, const struct ap_sink *sink)
{
	struct ap_lost l = {.h = {.kind = AP_EVENT_LOST, .size = sizeof l}, .n = 1, .event = UINT32_MAX, .cause = AP_LOSS_MALFORMED};

	s->stats.lost[AP_LOSS_MALFORMED]++;
	s->at_end = true;
	ap_sink_put(sink, &l.h);
}

/* The event, or its header already, goes on behind the bytes at hand. */
static bool cut(const struct ap_event *e, size_t n)
{
	return n < sizeof *e || (e->size > n && e->size <= AP_EVENT_SIZE_MAX);
}

static int replay_drain(struct ap_source *s, const struct ap_sink *sink, size_t budget)
{
	const struct ap_event *e;
	size_t done = 0, used;
	ssize_t n;

	s->stats.drains++;
	while (!s->at_end && done < budget) {
		n = ap_pread_all(s->fd, s->room, sizeof s->room, s->at);
		if (n < 0)
			return (int)n;
		s->at_end = n == 0;
		for (used = 0; used < (size_t)n && done < budget; used += e->size, done += e->size) {
			e = (const struct ap_event *)(s->room + used);
			if ((size_t)n == sizeof s->room && cut(e, (size_t)n - used))
				break; /* by the buffer's end, not the file's */
			if (ap_event_check(e, (size_t)n - used) ||
				(e->kind == AP_EVENT_SAMPLE && ((const struct ap_sample *)e)->event >= s->n_events)) {
				end_at_damage(s, sink);
				return 0;
			}
			count(s, e);
			ap_sink_put(sink, e);
		}
		s->at += used;
	}
	return !s->at_end;
}

static bool replay_ended(struct ap_source *s)
{
	return s->at_end;
}

static int replay_stop(struct ap_source *s)
{
	s->stopped = true;
	return 0;
}

static void replay_stats(const struct ap_source *s, struct ap_source_stats *ret_stats)
{
	*ret_stats = s->stats;
	ret_stats->seen = s->stats.stored;
	for (size_t i = 0; i < AP_LOSS_COUNT; i++)
		ret_stats->seen += ap_loss_is_hits(i) ? s->stats.lost[i] : 0;
}

const struct ap_source_ops ap_source_replay = {
	.name = "replay",
	.probe = replay_probe,
	.open = replay_open,
	.events = replay_events,
	.start = replay_start,
	.fd = replay_fd,
	.drain = replay_drain,
	.ended = replay_ended,
	.stop = replay_stop,
	.stats = replay_stats,
	.free = replay_free,
};
