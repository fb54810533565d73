/* What travels of a sample that is not unwound here. */
#ifndef AP_BPF_DUMP_BPF_H
#define AP_BPF_DUMP_BPF_H

#include "bpf/window.bpf.h"

/* How much of the stack travels. As the ring fills - the recorder is kept away, by a large table or a busy machine - less does, so that a hit is
 * cut rather than lost; the recorder reads what is missing from the thread, where that has not moved on. */
static __always_inline uint32_t dump_bytes(void)
{
	uint64_t waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	if (waiting < cfg_wake_bytes)
		return cfg_dump_bytes;
	return waiting < cfg_wake_bytes + cfg_wake_bytes / 2 ? AP_BPF_DUMP_SHORT : AP_BPF_DUMP_LEAST;
}

/* Registers and the top of the stack behind `at` frames, for user space to unwind. */
static __noinline uint32_t put_dump(struct scratch *s, struct ap_regs *regs, uint64_t at)
{
	uint64_t sp = regs->r[AP_REG_SP];
	uint32_t size = 0, off, max = dump_bytes(), chunk = max < 4096 ? AP_BPF_DUMP_LEAST : 4096;

	asm volatile("" : "+r"(at)); /* the check and the use in one register */
	if (at > AP_BPF_KERNEL_DEPTH + AP_BPF_DUMP_BESIDE)
		return 0;
	off = (uint32_t)at * 8;
	__builtin_memcpy((unsigned char *)s->record.words + off, regs, sizeof *regs);
	off += sizeof *regs;
	for (int i = 0; i < AP_BPF_DUMP_MAX / 4096; i++) {
		if (size >= max || off > sizeof s->record.words - 4096)
			break;
		if (bpf_probe_read_user((unsigned char *)s->record.words + off, chunk, (void *)(sp + size))) {
			uint32_t rest = chunk - ((sp + size) & (chunk - 1));

			if (rest > 4096 || bpf_probe_read_user((unsigned char *)s->record.words + off, rest, (void *)(sp + size)))
				break;
			size += rest;
			break;
		}
		size += chunk;
		off += chunk;
	}
	return size;
}

#endif
