#include "record/tee.h"

#include "base/mem.h"
#include "event/replay.h"

#include <errno.h>
#include <stdlib.h>

struct ap_tee {
	struct ap_replay_writer *writer;
	struct ap_sink next;
	int err;
};

int ap_tee_new(const char *path, const struct ap_source_event *events, size_t n_events, struct ap_tee **ret_tee, struct ap_why *why)
{
	AP_AUTO_FREE struct ap_tee *t = calloc(1, sizeof *t);
	AP_AUTO_FREE const char **names = calloc(n_events + 1, sizeof *names);
	int err;

	if (!t || !names)
		return ap_why(why, ENOMEM, "%s: out of memory", path);
	for (size_t i = 0; i < n_events; i++)
		names[i] = events[i].name;
	err = ap_replay_writer_new(path, names, n_events, &t->writer, why);
	if (!err)
		*ret_tee = AP_STEAL(t);
	return err;
}

static void put(void *ctx, const struct ap_event *e)
{
	struct ap_tee *t = ctx;

	if (!t->err)
		t->err = ap_replay_writer_put(t->writer, e);
	ap_sink_put(&t->next, e);
}

struct ap_sink ap_tee_sink(struct ap_tee *t, struct ap_sink next)
{
	t->next = next;
	return (struct ap_sink){.put = put, .ctx = t};
}

int ap_tee_close(struct ap_tee *t)
{
	int err = 0, closed;

	if (t) {
		closed = ap_replay_writer_close(t->writer);
		err = t->err ? t->err : closed;
		free(t);
	}
	return err;
}
