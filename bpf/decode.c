/* The record is laid out as the event; what the kernel's stack walk gives as return addresses becomes addresses inside the calls. */
#include "bpf/decode.h"

#include "bpf/layout.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>

/* Of a precise event (cycles:P) the kernel gives a program the record's own stack, which begins with a mark and no address. */
static void drop_mark(struct ap_sample *s, uint64_t *kernel)
{
	if (!s->n_kernel || kernel[0] < (uint64_t)PERF_CONTEXT_MAX)
		return;
	s->n_kernel--;
	s->h.size -= sizeof *kernel;
	memmove(kernel, kernel + 1, s->h.size - sizeof *s);
}

int ap_bpf_decode(const void *record, size_t n, void *event, size_t room)
{
	const struct ap_bpf_record *r = record;
	struct ap_sample *s = event;
	uint64_t *kernel = (uint64_t *)(s + 1);

	if (n < offsetof(struct ap_bpf_record, words))
		return -EBADMSG;
	n -= offsetof(struct ap_bpf_record, s);
	if (n > room)
		return -EBADMSG;
	memcpy(event, &r->s, n);
	if (s->h.kind != AP_EVENT_SAMPLE || s->h.size != n || ap_event_check(event, n))
		return -EBADMSG;
	drop_mark(s, kernel);
	for (size_t i = 1; i < s->n_kernel; i++)
		kernel[i]--;
	s->h.pad = r->exec_id;
	return 1;
}
