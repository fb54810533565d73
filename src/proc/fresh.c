/* What is known of a process may be out of date: a mapping that another process made in memory that both share (CLONE_VM) comes with no
 * event for this one, records get lost, and a change of user leaves none. Each is asked of /proc again, at a bounded rate, and only when
 * something refers to the process. */
#include "proc/private.h"

#include <string.h>

static const uint64_t DOUBT_EVERY_NS = 1000000000, USER_EVERY_NS = 100000000, MISS_FIRST_NS = 250000000, MISS_MAX_NS = 64000000000;

void ap_tracker_doubt(struct ap_tracker *t)
{
	t->doubts++;
}

struct ap_proc *ap_fresh_process(struct ap_tracker *t, struct ap_proc *p)
{
	uint32_t pid = p->p.pid;
	struct ap_stat st;

	if (p->doubts == t->doubts || p->end_ns || !pid || t->now_ns < p->scan_ns + DOUBT_EVERY_NS)
		return p;
	p->doubts = t->doubts;
	if (ap_scan_stat(t->proc, pid, 0, &st)) /* gone: what is known is the best there is */
		return p;
	ap_settle_start(t, p);
	if (st.start_ns == p->p.start_ns && !p->p.kernel) {
		ap_layout_drop(t, p, t->now_ns);
		p->maps_known = false;
		p->user_next_ns = 0;
		memcpy(p->p.comm, st.comm, sizeof p->p.comm);
		p->comm_unknown = false;
	}
	ap_tracker_scan(t, pid); /* another start time: another process, whose pid this is now */
	p = ap_processes_find(&t->ps, pid);
	if (p)
		p->doubts = t->doubts;
	return p;
}

bool ap_fresh_after_miss(struct ap_tracker *t, struct ap_proc *p)
{
	uint64_t wait_ns = p->miss_wait_ns ? p->miss_wait_ns : MISS_FIRST_NS, since_ns = p->scan_ns > p->exec_ns ? p->scan_ns : p->exec_ns;

	if (p->end_ns || p->p.kernel || !p->p.pid || t->now_ns < p->miss_next_ns || t->now_ns < since_ns + MISS_FIRST_NS)
		return false;
	p->miss_next_ns = t->now_ns + wait_ns;
	p->miss_wait_ns = wait_ns * 2 < MISS_MAX_NS ? wait_ns * 2 : MISS_MAX_NS;
	ap_known_holes(t, p);
	return true;
}

/* Up the line of parents, to the first whose user is known. */
static int64_t user_of_ancestor(const struct ap_tracker *t, const struct ap_proc *p)
{
	enum { ANCESTORS_MAX = 64 };

	for (int i = 0; p && i < ANCESTORS_MAX; i++) {
		if (p->user >= 0)
			return p->user;
		p = p->parent_pid && p->parent_pid != p->p.pid ? ap_processes_find(&t->ps, p->parent_pid) : NULL;
	}
	return -1;
}

int64_t ap_tracker_user(struct ap_tracker *t, uint32_t pid, uint64_t time_ns)
{
	struct ap_proc *p = pid ? ap_known_process(t, pid) : NULL;

	if (!p)
		return -1;
	if (time_ns >= p->user_next_ns && !p->end_ns) {
		p->user_next_ns = time_ns + USER_EVERY_NS;
		ap_scan_user(t->proc, pid, &p->user);
	}
	return user_of_ancestor(t, p);
}
