/* A sink that passes everything on and keeps a copy in an event file, for `--save-events`: what replay plays later. */
#ifndef AP_RECORD_TEE_H
#define AP_RECORD_TEE_H

#include "base/why.h"
#include "event/sink.h"
#include "event/source.h"

struct ap_tee;

int ap_tee_new(const char *path, const struct ap_source_event *events, size_t n_events, struct ap_tee **ret_tee, struct ap_why *why);
struct ap_sink ap_tee_sink(struct ap_tee *t, struct ap_sink next);
int ap_tee_close(struct ap_tee *t); /* 0, or the first error that writing met; frees it; accepts NULL */

#endif
