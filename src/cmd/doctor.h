/* What works on this machine, what does not, and the one least-privilege remedy: a list of findings. Reads only; changes nothing. */
#ifndef AP_CMD_DOCTOR_H
#define AP_CMD_DOCTOR_H

#include "base/why.h"
#include "event/source.h"

#include <stddef.h>
#include <stdio.h>

enum doctor_state { DOCTOR_WORKS, DOCTOR_LIMITED, DOCTOR_MISSING };

struct doctor_finding {
	const char *name;
	enum doctor_state state;
	struct ap_why text;   /* what works; when limited or missing: the cause and what is lost */
	struct ap_why remedy; /* "" when it works */
};

enum { DOCTOR_FINDINGS_MAX = 48 };
struct doctor {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t n;
	size_t dropped; /* findings beyond the limit */
};

/* Fills `d`. `sources` is NULL-terminated; each is probed for the whole machine and for this process, and opened (never started) to see
 * which event it would sample. Returns 0 when at least one source can record something, 1 when none can. */
int doctor_examine(const struct ap_source_ops *const *sources, struct doctor *d);
/* Parts of the above, each from what it is given, for tests. */
void doctor_paranoid(struct doctor *d, long level, bool privileged, bool own_usable);
/* Debian's level 3 where CAP_PERFMON is held and nothing may be sampled all the same. */
void doctor_paranoid_against_perfmon(struct doctor *d, long level);
void doctor_kptr(struct doctor *d, long level, bool readable);
void doctor_capabilities(struct doctor *d, unsigned long long effective);
void doctor_sample_rate(struct doctor *d, long max_hz);
void doctor_seccomp(struct doctor *d, int mode, bool usable); /* mode: 0 none, 1 strict, 2 filter */

/* doctor_bpf.c: what eBPF asks of the kernel, each from what the kernel's file has; NULL: there is no such file. */
void doctor_lockdown(struct doctor *d, const char *text);
void doctor_btf(struct doctor *d, bool readable);
void doctor_bpf(struct doctor *d);

void doctor_environment(struct doctor *d);
/* Appends a finding, or counts it as dropped. `remedy` is "" when it works. */
void doctor_add(struct doctor *d, const char *name, enum doctor_state state, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* One finding a line. */
int doctor_print_text(const struct doctor *d, FILE *out); /* 0 or -EIO */
/* One object: {"version": ..., "checks": [{"name", "state": "works"|"limited"|"missing", "text", "remedy"}]}. 0, -ENOMEM or -EIO */
int doctor_print_json(const struct doctor *d, FILE *out);

#endif
