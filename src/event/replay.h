/* A source that plays a stored event file, and the writer of such files. The file: the 16 bytes "APERTURE-EVENTS\n", uint32_t version (1),
 * uint32_t the machine's ELF e_machine, uint32_t how many sampled events, uint32_t 0, then for each sampled event a NUL-terminated name
 * padded to 8, then events as event.h lays them out, little-endian, until the end of the file. */
#ifndef AP_EVENT_REPLAY_H
#define AP_EVENT_REPLAY_H

#include "base/why.h"
#include "event/source.h"

extern const struct ap_source_ops ap_source_replay; /* cfg.replay_path names the file */

struct ap_replay_writer;
int ap_replay_writer_new(const char *path, const char *const *events, size_t n_events, struct ap_replay_writer **ret_writer, struct ap_why *why);
int ap_replay_writer_put(struct ap_replay_writer *w, const struct ap_event *e); /* 0 or negative errno */
int ap_replay_writer_close(struct ap_replay_writer *w); /* flushes; frees whatever is returned; accepts NULL */

#endif
