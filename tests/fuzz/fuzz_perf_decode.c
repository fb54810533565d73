/* Bytes as one kernel record; the block ends where the record does, so that ASan sees a read past it. */
#include "perf/decode.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static _Alignas(8) unsigned char room[AP_EVENT_SIZE_MAX];
	static const struct ap_perf_id ids[] = {{.id = 0, .event = 0}};
	struct ap_perf_format f = {.ids = ids, .n_ids = 1, .sample_type = AP_PERF_SAMPLE_BASE};
	struct perf_event_header *h;

	if (n < 1 + sizeof *h || n > UINT16_MAX)
		return 0;
	f.user_chain = data[0] & 1;
	f.sample_type |= data[0] & 2 ? PERF_SAMPLE_CALLCHAIN : 0;
	f.sample_type |= data[0] & 4 ? PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER : 0;
	h = malloc(n - 1);
	memcpy(h, data + 1, n - 1);
	h->size = (uint16_t)(n - 1);
	ap_perf_record_time(h, &f);
	if (ap_perf_decode(h, &f, room, sizeof room) == 1 && ap_event_check(room, sizeof room))
		abort();
	free(h);
	return 0;
}
