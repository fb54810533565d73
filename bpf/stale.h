/* Mappings that replaced others, until the program knows: what was unwound meanwhile went on by the rules of what was there before. */
#ifndef AP_BPF_STALE_H
#define AP_BPF_STALE_H

#include "event/event.h"

enum { AP_BPF_STALE_MAX = 1024, AP_BPF_STALE_PIDS = 256 };

struct ap_bpf_change {
	uint64_t time_ns, start, end;
	uint32_t pid, generation; /* of the youngest block that cannot have it yet */
};
/* The last AP_BPF_STALE_MAX changes; what is older is forgotten, and counted where it could still have mattered. */
struct ap_bpf_stale {
	struct ap_bpf_change v[AP_BPF_STALE_MAX];
	size_t first, n;
	uint16_t of_pids[AP_BPF_STALE_PIDS]; /* how many of them, by the pid's lowest bits: most samples need to look no further */
	uint64_t forgotten, cut;
};

/* Code was mapped; `generation` is the youngest that any block has by now. */
void ap_bpf_stale_note(struct ap_bpf_stale *t, const struct ap_mmap *m, uint32_t generation);
/* Ends a stack that was unwound by the block of this generation, with AP_STACK_END_REPLACED, at its first address in such a mapping. */
void ap_bpf_stale_cut(struct ap_bpf_stale *t, struct ap_sample *s, uint32_t generation);

#endif
