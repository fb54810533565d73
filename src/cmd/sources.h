/* The one table of sources: in order of preference, what this build has. */
#ifndef AP_CMD_SOURCES_H
#define AP_CMD_SOURCES_H

#include "event/source.h"

extern const struct ap_source_ops *const ap_sources_live[]; /* NULL-terminated */
/* The list that begins and ends with the source of that name; NULL: this build has none. */
const struct ap_source_ops *const *ap_sources_named(const char *name);

#endif
