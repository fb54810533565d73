/* A stored event file, drained with the budget that its first byte says: whatever is handed over is well-formed, and the identity holds. */
#include "event/replay.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t samples, read_sum;

static void put(void *ctx, const struct ap_event *e)
{
	const unsigned char *bytes = (const unsigned char *)e;
	const size_t *n_events = ctx;

	if (ap_event_check(e, e->size))
		abort();
	if (e->kind == AP_EVENT_SAMPLE && ((const struct ap_sample *)e)->event >= *n_events)
		abort();
	samples += e->kind == AP_EVENT_SAMPLE;
	for (size_t i = 0; i < e->size; i++) /* a sanitizer sees a size that lies */
		read_sum += bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ap_source_config cfg = {0};
	const struct ap_source_event *events;
	struct ap_source *s = NULL;
	struct ap_source_stats st;
	struct ap_why why;
	size_t n_events = 0;
	struct ap_sink sink = {.put = put, .ctx = &n_events};
	char path[64];
	int fd = memfd_create("events", MFD_CLOEXEC), rounds = 1 << 16;

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	cfg.replay_path = path;
	samples = 0;
	if (!ap_source_replay.open(&cfg, &s, &why)) {
		n_events = ap_source_replay.events(s, &events);
		while (ap_source_replay.drain(s, &sink, size ? 1 + 64u * data[size - 1] : 1) > 0 && --rounds)
			;
		ap_source_replay.stats(s, &st);
		if (!rounds || st.stored != samples || st.seen < st.stored)
			abort();
	}
	ap_source_replay.free(s);
	close(fd);
	return 0;
}
