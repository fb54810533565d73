/* From the program's record to an event. The bytes come from the kernel, and are checked all the same. */
#ifndef AP_BPF_DECODE_H
#define AP_BPF_DECODE_H

#include "event/event.h"

/* Writes the event for the n bytes at `record` into `room`, the process's exec count in its h.pad. 1, or -EBADMSG: malformed, or it does not fit. */
int ap_bpf_decode(const void *record, size_t n, void *event, size_t room);

#endif
