/* Which back ends there are. */
#include "config.h"
#include "cmd/sources.h"

#include "event/replay.h"
#include "perf/perf.h"
#ifdef HAVE_BPF
#include "bpf/source.h"
#endif

#include <string.h>

const struct ap_source_ops *const ap_sources_live[] = {
#ifdef HAVE_BPF
	&ap_source_bpf,
#endif
	&ap_source_perf,
	NULL,
};

static const struct ap_source_ops *const EACH[][2] = {
#ifdef HAVE_BPF
	{&ap_source_bpf, NULL},
#endif
	{&ap_source_perf, NULL},
	{&ap_source_replay, NULL},
};

const struct ap_source_ops *const *ap_sources_named(const char *name)
{
	for (size_t i = 0; i < sizeof EACH / sizeof EACH[0]; i++)
		if (!strcmp(EACH[i][0]->name, name))
			return EACH[i];
	return NULL;
}
