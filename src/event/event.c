/* Sizes and checks of events. A check walks nothing: every variable part has a count in the fixed part. */
#include "event/event.h"

#include <errno.h>
#include <string.h>

const char *ap_loss_text(enum ap_loss_cause cause)
{
	switch (cause) {
#define X(name, number, text)                                                                                          \
	case AP_LOSS_##name:                                                                                           \
		return text;
		AP_LOSS_CAUSES(X)
#undef X
	case AP_LOSS_COUNT:
		break;
	}
	return "unknown";
}

bool ap_loss_is_hits(enum ap_loss_cause cause)
{
	switch (cause) {
	case AP_LOSS_STACK_CUT:
	case AP_LOSS_COLD_BINARY:
	case AP_LOSS_THROTTLED:
	case AP_LOSS_NOT_SYMBOLISED:
	case AP_LOSS_UNORDERED:
	case AP_LOSS_CPU_OFFLINE:
	case AP_LOSS_SIDEBAND:
		return false;
	default:
		return true;
	}
}

static size_t pad8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

size_t ap_sample_size(uint16_t n_kernel, uint16_t n_user, bool regs, uint32_t stack_size)
{
	size_t n = sizeof(struct ap_sample) + ((size_t)n_kernel + n_user) * sizeof(uint64_t);

	return regs ? n + sizeof(struct ap_regs) + pad8(stack_size) : n;
}

void ap_sample_view(const struct ap_sample *s, struct ap_sample_view *ret_view)
{
	const uint64_t *addresses = (const uint64_t *)(s + 1);
	const uint64_t *behind = addresses + s->n_kernel + s->n_user;
	bool regs = s->h.flags & AP_SAMPLE_REGS;

	ret_view->kernel = addresses;
	ret_view->user = addresses + s->n_kernel;
	ret_view->regs = regs ? (const struct ap_regs *)behind : NULL;
	ret_view->stack = regs ? (const void *)((const struct ap_regs *)behind + 1) : NULL;
}

static bool sample_ok(const struct ap_sample *s)
{
	bool regs = s->h.flags & AP_SAMPLE_REGS;

	if (s->stack_size > AP_EVENT_SIZE_MAX || (!regs && s->stack_size) || s->end >= AP_STACK_END_COUNT)
		return false;
	return ap_sample_size(s->n_kernel, s->n_user, regs, s->stack_size) == s->h.size;
}

static bool mmap_ok(const struct ap_mmap *m)
{
	size_t room = m->h.size - offsetof(struct ap_mmap, path);

	if (m->build_id_size > sizeof m->build_id || m->start + m->length < m->start)
		return false;
	return memchr(m->path, '\0', room) != NULL;
}

int ap_event_check(const void *bytes, size_t n)
{
	static const size_t smallest[AP_EVENT_KIND_COUNT] = {
		[AP_EVENT_SAMPLE] = sizeof(struct ap_sample),
		[AP_EVENT_MMAP] = offsetof(struct ap_mmap, path) + 1,
		[AP_EVENT_COMM] = sizeof(struct ap_comm),
		[AP_EVENT_FORK] = sizeof(struct ap_fork),
		[AP_EVENT_EXEC] = sizeof(struct ap_comm),
		[AP_EVENT_EXIT] = sizeof(struct ap_event),
		[AP_EVENT_LOST] = sizeof(struct ap_lost),
		[AP_EVENT_CLOCK] = sizeof(struct ap_clock),
	};
	const struct ap_event *e = bytes;
	bool ok = true;

	if (n < sizeof *e || e->size < sizeof *e || e->size > n || e->size % 8 || e->size > AP_EVENT_SIZE_MAX)
		return -EBADMSG;
	if (e->kind >= AP_EVENT_KIND_COUNT || !smallest[e->kind] || e->size < smallest[e->kind])
		return -EBADMSG;
	if (e->kind == AP_EVENT_SAMPLE)
		ok = sample_ok(bytes);
	else if (e->kind == AP_EVENT_MMAP)
		ok = mmap_ok(bytes);
	else if (e->kind == AP_EVENT_COMM || e->kind == AP_EVENT_EXEC)
		ok = memchr(((const struct ap_comm *)bytes)->comm, '\0', sizeof ((const struct ap_comm *)bytes)->comm) != NULL;
	else if (e->kind == AP_EVENT_LOST)
		ok = ((const struct ap_lost *)bytes)->cause < AP_LOSS_COUNT;
	return ok ? 0 : -EBADMSG;
}
