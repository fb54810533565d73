/* The record is laid out as the event; what the kernel's stack walk gives as return addresses becomes addresses inside the calls. */
#include "bpf/decode.h"

#include "bpf/layout.h"

#include <errno.h>
#include <string.h>

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
	for (size_t i = 1; i < s->n_kernel; i++)
		kernel[i]--;
	s->h.pad = r->exec_id;
	return 1;
}
