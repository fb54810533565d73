/* A fixed array of findings, filled by one small function a subject, in the order in which a user would ask. Nothing here takes more than
 * a few system calls; the slowest is opening the sources. */
#include "cmd/doctor.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* bits of CapEff (include/uapi/linux/capability.h); numbers, since old headers lack the last two */
enum { CAP_BIT_SYS_PTRACE = 19, CAP_BIT_SYS_ADMIN = 21, CAP_BIT_SYSLOG = 34, CAP_BIT_PERFMON = 38, CAP_BIT_BPF = 39 };
enum { KALLSYMS_HEAD = 4096, STATUS_MAX = 16384, MLOCK_MIN_KB = 516 };

/* setcap replaces what a file had: a remedy for one line must not undo that of another, so there is one for all of them */
static const char SETCAP[] = AP_SETCAP;

void doctor_add(struct doctor *d, const char *name, enum doctor_state state, const char *remedy, const char *fmt, ...)
{
	struct doctor_finding *f;
	va_list ap;

	if (d->n == DOCTOR_FINDINGS_MAX) {
		d->dropped++;
		return;
	}
	f = &d->findings[d->n++];
	f->name = name;
	f->state = state;
	va_start(ap, fmt);
	vsnprintf(f->text.text, sizeof f->text.text, fmt, ap);
	va_end(ap);
	snprintf(f->remedy.text, sizeof f->remedy.text, "%s", remedy);
}

static bool has(unsigned long long caps, int bit)
{
	return caps >> bit & 1;
}

static unsigned long long effective_capabilities(void)
{
	struct ap_buf b = {0};
	unsigned long long caps = 0;
	const char *line;

	ap_file_read(AT_FDCWD, "/proc/self/status", STATUS_MAX, &b);
	line = b.data ? strstr(b.data, "\nCapEff:") : NULL;
	if (line)
		sscanf(line, "\nCapEff: %llx", &caps);
	ap_buf_done(&b);
	return caps;
}

/* Capabilities of a user namespace of one's own count for nothing in perf_event_open and /proc/kallsyms. */
static bool initial_namespace(void)
{
	struct ap_buf b = {0};
	unsigned inside, outside;
	unsigned long long n;
	bool initial;

	ap_file_read(AT_FDCWD, "/proc/self/uid_map", STATUS_MAX, &b);
	initial = !b.data || (sscanf(b.data, "%u %u %llu", &inside, &outside, &n) == 3 && !inside && !outside && n == UINT32_MAX);
	ap_buf_done(&b);
	return initial;
}

/* A container's filter refuses perf_event_open with the same error as the kernel's own rules. */
void doctor_seccomp(struct doctor *d, int mode, bool usable)
{
	if (mode == 2 && !usable)
		doctor_add(d, "system calls", DOCTOR_MISSING,
			"start the container with a seccomp profile that allows perf_event_open, such as docker run --cap-add=PERFMON",
			"a seccomp filter is active here, as in a container: it may be what refuses perf_event_open");
	else
		doctor_add(d, "system calls", DOCTOR_WORKS, "",
			mode == 2 ? "a seccomp filter is active, and allows perf_event_open" : "no filter (seccomp)");
}

static int seccomp_mode(void)
{
	struct ap_buf b = {0};
	const char *line;
	int mode = 0;

	ap_file_read(AT_FDCWD, "/proc/self/status", STATUS_MAX, &b);
	line = b.data ? strstr(b.data, "\nSeccomp:") : NULL;
	if (line)
		sscanf(line, "\nSeccomp: %d", &mode);
	ap_buf_done(&b);
	return mode;
}

static void kernel(struct doctor *d)
{
	struct utsname u;

	if (!uname(&u))
		doctor_add(d, "kernel", DOCTOR_WORKS, "", "%s %s %s, %ld CPUs", u.sysname, u.release, u.machine,
			sysconf(_SC_NPROCESSORS_ONLN));
}

void doctor_paranoid(struct doctor *d, long level, bool privileged, bool own_usable)
{
	static const char name[] = "perf_event_paranoid";

	if (privileged)
		doctor_add(d, name, DOCTOR_WORKS, "", "%ld: does not matter, this user has CAP_PERFMON or CAP_SYS_ADMIN", level);
	else if (level <= 0)
		doctor_add(d, name, DOCTOR_WORKS, "", "%ld: every process, user space and kernel", level);
	else if (level == 1)
		doctor_add(d, name, DOCTOR_LIMITED, SETCAP, "1: own processes with the kernel; the whole machine (-a) is refused");
	else if (level == 2 || own_usable) /* above 2 is Debian's own: other kernels take it for 2 */
		doctor_add(d, name, DOCTOR_LIMITED, SETCAP, "%ld: own processes, user space only; kernel frames and -a are refused", level);
	else
		doctor_add(d, name, DOCTOR_MISSING, SETCAP, "%ld: this user may sample nothing", level);
}

void doctor_paranoid_against_perfmon(struct doctor *d, long level)
{
	doctor_add(d, "perf_event_paranoid", DOCTOR_MISSING, "sudo sysctl kernel.perf_event_paranoid=2",
		"%ld: this kernel (Debian's) asks for CAP_SYS_ADMIN, and not for CAP_PERFMON, which is held: nothing may be sampled", level);
}

void doctor_kptr(struct doctor *d, long level, bool readable)
{
	if (readable)
		doctor_add(d, "kernel names", DOCTOR_WORKS, "", "/proc/kallsyms shows addresses (kptr_restrict is %ld)", level);
	else
		doctor_add(d, "kernel names", DOCTOR_LIMITED,
			level >= 2 ? "sudo sysctl kernel.kptr_restrict=1 (and run with CAP_SYSLOG)" : SETCAP,
			"/proc/kallsyms hides addresses (kptr_restrict is %ld): kernel frames stay without names", level);
}

/* Early lines can hold small per-CPU offsets, so one that is not zero is enough. */
static bool kallsyms_readable(void)
{
	struct ap_buf b = {0};
	bool found = false;
	unsigned long long address;

	ap_file_read(AT_FDCWD, "/proc/kallsyms", KALLSYMS_HEAD, &b);
	for (const char *p = b.data; p && *p && !found; p = (p = strchr(p, '\n')) ? p + 1 : NULL)
		found = sscanf(p, "%llx", &address) == 1 && address;
	ap_buf_done(&b);
	return found;
}

void doctor_sample_rate(struct doctor *d, long max_hz)
{
	if (max_hz >= 1000)
		doctor_add(
			d, "sample rate", DOCTOR_WORKS, "", "up to %ld samples a second on each CPU (perf_event_max_sample_rate)", max_hz);
	else
		doctor_add(d, "sample rate", DOCTOR_LIMITED, "sudo sysctl kernel.perf_event_max_sample_rate=100000",
			"the kernel allows %ld samples a second on each CPU; a higher -F is cut to that", max_hz);
}

static void ring_memory(struct doctor *d, bool privileged)
{
	int64_t kb;
	struct rlimit r;

	if (ap_file_read_i64("/proc/sys/kernel/perf_event_mlock_kb", &kb))
		return;
	if (privileged)
		doctor_add(d, "ring memory", DOCTOR_WORKS, "", "unlimited for this user (perf_event_mlock_kb is %lld)", (long long)kb);
	else if (kb >= MLOCK_MIN_KB || (!getrlimit(RLIMIT_MEMLOCK, &r) && r.rlim_cur >= 8u << 20))
		doctor_add(d, "ring memory", DOCTOR_WORKS, "", "%lld kB for each CPU (perf_event_mlock_kb), then RLIMIT_MEMLOCK",
			(long long)kb);
	else
		doctor_add(d, "ring memory", DOCTOR_LIMITED, "sudo sysctl kernel.perf_event_mlock_kb=2048",
			"%lld kB for each CPU: small rings, so that samples may be lost at a high rate", (long long)kb);
}

static void sysctls(struct doctor *d, unsigned long long caps, bool own_usable)
{
	bool privileged = has(caps, CAP_BIT_PERFMON) || has(caps, CAP_BIT_SYS_ADMIN);
	int64_t v;

	if (ap_file_read_i64("/proc/sys/kernel/perf_event_paranoid", &v))
		doctor_add(d, "perf_event", DOCTOR_MISSING, "use a kernel with CONFIG_PERF_EVENTS",
			"/proc/sys/kernel/perf_event_paranoid cannot be read: the kernel has no perf events, or /proc is hidden here");
	else if (v > 2 && has(caps, CAP_BIT_PERFMON) && !has(caps, CAP_BIT_SYS_ADMIN) && !own_usable)
		doctor_paranoid_against_perfmon(d, (long)v);
	else
		doctor_paranoid(d, (long)v, privileged, own_usable);
	if (!ap_file_read_i64("/proc/sys/kernel/perf_event_max_sample_rate", &v))
		doctor_sample_rate(d, (long)v);
	ring_memory(d, privileged);
	if (ap_file_read_i64("/proc/sys/kernel/kptr_restrict", &v))
		v = -1;
	doctor_kptr(d, (long)v, kallsyms_readable());
}

void doctor_capabilities(struct doctor *d, unsigned long long caps)
{
	static const struct {
		int bit;
		const char *name, *gives, *lost, *remedy;
	} table[] = {
		{CAP_BIT_PERFMON, "CAP_PERFMON", "other users' processes and the kernel can be sampled",
			"see perf_event_paranoid for what is refused", SETCAP},
		{CAP_BIT_SYS_PTRACE, "CAP_SYS_PTRACE", "other users' /proc/PID/maps and binaries can be read",
			"other users' processes are sampled without the names of their functions", SETCAP},
		{CAP_BIT_BPF, "CAP_BPF", "eBPF programs may be loaded: stacks are unwound in the kernel",
			"no eBPF: samples carry a copy of the stack, which costs more and cuts the deepest", SETCAP},
	};
	bool all = has(caps, CAP_BIT_SYS_ADMIN);

	for (size_t i = 0; i < AP_ARRAY_LEN(table); i++) {
		/* SYS_ADMIN stands in for PERFMON and BPF, not for SYS_PTRACE */
		bool ok = has(caps, table[i].bit) || (all && table[i].bit != CAP_BIT_SYS_PTRACE);

		if (ok)
			doctor_add(d, table[i].name, DOCTOR_WORKS, "", "%s", table[i].gives);
		else
			doctor_add(d, table[i].name, DOCTOR_LIMITED, table[i].remedy, "not held: %s", table[i].lost);
	}
}

/* Which event would be sampled, found by opening the source on this process. */
static void sampled(struct doctor *d, const struct ap_source_ops *ops, const struct ap_source_config *cfg)
{
	const struct ap_source_event *events = NULL;
	struct ap_source *s = NULL;
	struct ap_why why = {""};
	size_t n;

	if (ops->open(cfg, &s, &why)) {
		doctor_add(d, "sampled event", DOCTOR_MISSING, "see the lines above", "%s: %s", ops->name, why.text);
		return;
	}
	n = ops->events(s, &events);
	for (size_t i = 0; i < n; i++) {
		bool timer = strstr(events[i].name, "clock") && events[i].why[0];
		size_t len = strlen(events[i].why);

		while (len && strchr("; ", events[i].why[len - 1]))
			len--;
		doctor_add(d, "sampled event", timer ? DOCTOR_LIMITED : DOCTOR_WORKS,
			timer ? "none on this machine; a virtual machine may be given counters (a virtual PMU)" : "", "%s%s%s%.*s%s",
			events[i].name, events[i].user_only ? ", user space only" : "", len ? ": " : "", (int)len, events[i].why,
			timer ? "; a timer stands in for the hardware counters: cycles, cache misses and the like cannot be counted" : "");
	}
	ops->free(s);
}

/* A probe's sentence already ends in its remedy. */
static bool probe(struct doctor *d, const struct ap_source_ops *ops, const struct ap_source_config *cfg, const char *name)
{
	struct ap_probe p = {0};

	ops->probe(cfg, &p);
	if (!p.usable)
		doctor_add(d, name, DOCTOR_MISSING, "", "source %s: %s", ops->name, p.why.text);
	else if (p.why.text[0])
		doctor_add(d, name, DOCTOR_LIMITED, "", "source %s: %s", ops->name, p.why.text);
	else
		doctor_add(d, name, DOCTOR_WORKS, "", "source %s", ops->name);
	return p.usable;
}

int doctor_examine(const struct ap_source_ops *const *sources, struct doctor *d)
{
	bool initial = initial_namespace();
	unsigned long long caps = initial ? effective_capabilities() : 0;
	pid_t self = getpid();
	const struct ap_source_config everything = {.all = true, .frequency_hz = 99};
	const struct ap_source_config own = {.pids = &self, .n_pids = 1, .frequency_hz = 99};
	bool usable = false, own_usable = false, whole;

	memset(d, 0, sizeof *d);
	kernel(d);
	for (; *sources; sources++) {
		whole = probe(d, *sources, &everything, "whole machine");
		if (whole) /* loading a source takes a while, and what may watch all may watch its own */
			doctor_add(d, "own processes", DOCTOR_WORKS, "", "source %s", (*sources)->name);
		own_usable = whole || probe(d, *sources, &own, "own processes");
		if (own_usable && !sources[1]) /* every source chooses the same event; the last opens quickest */
			sampled(d, *sources, &own);
		usable |= own_usable;
	}
	doctor_seccomp(d, seccomp_mode(), usable);
	sysctls(d, caps, own_usable);
	if (!initial)
		doctor_add(d, "user namespace", DOCTOR_LIMITED, "run aperture outside of it, on the host",
			"this is not the first user namespace: capabilities held in it count for nothing here");
	doctor_capabilities(d, caps);
	doctor_bpf(d);
	doctor_environment(d);
	return usable ? 0 : 1;
}
