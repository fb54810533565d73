/* The parent reads a pipe; a child without privilege does the reading of files that nobody vouches for. It works through the jobs in order
 * and says so after each: when it dies or hangs, the job at hand is the one that did it; a new child goes on with the next. */
#include "sym/resolve.h"

#include "base/clock.h"
#include "base/file.h"
#include "sym/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, FLUSH_AT = 64 << 10, POLL_MS = 50 };
static const uint64_t JOB_TIMEOUT_NS = 30000000000u, MEMORY = 8ull << 30;
static const char *const DEFAULT_DIRS[] = {"/usr/lib/debug", NULL};

/* What is kept from job to job. */
struct shared {
	const struct ap_sym_config *cfg;
	struct debug_dirs dirs;
	struct kallsyms kallsyms;
};

static void shared_done(struct shared *s)
{
	debug_dirs_close(&s->dirs);
	kallsyms_done(&s->kallsyms);
}

static size_t resolve(struct shared *s, const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	switch (job->kind) {
	case AP_SYM_ELF:
		return sym_resolve_elf(s->cfg, &s->dirs, job, out, why);
	case AP_SYM_KERNEL:
	case AP_SYM_MODULE:
		return sym_resolve_kallsyms(&s->kallsyms, job, out, why);
	case AP_SYM_JIT:
		return sym_resolve_jit(job, out, why);
	}
	ap_why(why, 0, "%s is of a kind that has no names", job->path);
	return 0;
}

struct child {
	struct ap_buf out;
	int fd;
};

static void child_write(struct child *c)
{
	if (ap_write_all(c->fd, c->out.data, c->out.len))
		_exit(1);
	c->out.len = 0;
}

static void child_put(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	struct child *c = ctx;

	if (wire_put_named(&c->out, id, lines, n))
		_exit(1);
	if (c->out.len > FLUSH_AT)
		child_write(c);
}

static void drop_privilege(const struct ap_sym_config *cfg)
{
	struct rlimit memory = {cfg->max_memory ? cfg->max_memory : MEMORY, cfg->max_memory ? cfg->max_memory : MEMORY}, none = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* From here on nothing is found by path but what lies below the debug folders: libdw would follow any path that a binary names, to
	 * a FIFO too. A root that may not chroot goes on without: the time limit of a job is there all the same. */
	if (geteuid() == 0 && !chroot("/proc/self/fdinfo") && chdir("/"))
		_exit(1);
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(1);
#if defined(__SANITIZE_ADDRESS__)
	(void)memory;
#else
	setrlimit(RLIMIT_AS, &memory); /* ASan's shadow is larger than any sensible limit */
#endif
	setrlimit(RLIMIT_CORE, &none);
}

static void __attribute__((noreturn))
run_child(const struct ap_sym_config *cfg, const struct ap_sym_job *jobs, size_t n, size_t first, int fd)
{
	struct shared s = {.cfg = cfg};
	struct child c = {.fd = fd};
	struct sym_out out = {child_put, &c};
	struct ap_why why;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_IGN); /* the parent decides */
	debug_dirs_open(&s.dirs, cfg->debug_dirs);
	drop_privilege(cfg);
	for (size_t i = first; i < n; i++) {
		size_t named = resolve(&s, &jobs[i], &out, &why);

		if (wire_put_done(&c.out, (uint32_t)i, (uint32_t)named, why.text))
			_exit(1);
		child_write(&c);
	}
	_exit(0);
}

struct parent {
	const struct ap_sym_config *cfg;
	const struct ap_sym_job *jobs;
	size_t n_jobs, next; /* the job that the child works on */
	struct ap_buf in;
	ap_sym_named named;
	ap_sym_done done;
	void *ctx;
	uint64_t job_since_ns, end_ns; /* end_ns: of the time for all; UINT64_MAX: none */
};

static int take_messages(struct parent *p)
{
	static _Thread_local struct wire_message m;
	size_t at = 0;
	int n;

	while ((n = wire_take(p->in.data + at, p->in.len - at, &m)) > 0) {
		at += (size_t)n;
		if (m.kind == WIRE_NAMED) {
			p->named(p->ctx, m.id, m.lines, m.n);
		} else {
			if (m.id != p->next)
				return -EBADMSG;
			p->done(p->ctx, p->next++, m.n, m.why);
			p->job_since_ns = ap_now_ns();
		}
	}
	memmove(p->in.data, p->in.data + at, p->in.len - at);
	p->in.len -= at;
	return n;
}

/* Until the child has ended or must be ended; NULL: in order, else what it did wrong. */
static const char *listen_to(struct parent *p, int fd)
{
	uint64_t limit = p->cfg->job_timeout_ns ? p->cfg->job_timeout_ns : JOB_TIMEOUT_NS;
	char chunk[65536];
	ssize_t n;

	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (ap_now_ns() - p->job_since_ns > limit)
			return "took longer than its time limit";
		if (ap_now_ns() >= p->end_ns)
			return "was at work when the time for names was over";
		if (poll(&pfd, 1, POLL_MS) <= 0)
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return p->next < p->n_jobs ? "crashed the reader of symbols" : NULL;
		if (ap_buf_add(&p->in, chunk, (size_t)n) || take_messages(p) < 0)
			return "made the reader of symbols send nonsense";
	}
}

static int one_child(struct parent *p, struct ap_why *why)
{
	int fds[2], status;
	const char *wrong;
	struct ap_why said;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return ap_why(why, errno, "cannot resolve symbols: pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		run_child(p->cfg, p->jobs, p->n_jobs, p->next, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return ap_why(why, errno, "cannot resolve symbols: fork: %s", strerror(errno));
	}
	p->in.len = 0;
	p->job_since_ns = ap_now_ns();
	wrong = listen_to(p, fds[0]);
	if (wrong)
		kill(pid, SIGKILL);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (wrong && p->next < p->n_jobs) {
		ap_why(&said, 0, "%s %s: its names are missing", p->jobs[p->next].path, wrong);
		p->done(p->ctx, p->next++, 0, said.text);
	}
	return 0;
}

/* The jobs for which there was no time. */
static void report_undone(struct parent *p)
{
	struct ap_why said;

	for (; p->next < p->n_jobs && ap_now_ns() >= p->end_ns; p->next++) {
		ap_why(&said, 0, "there was no time left for the names of %s: run aperture symbolize", p->jobs[p->next].path);
		p->done(p->ctx, p->next, 0, said.text);
	}
}

struct direct {
	ap_sym_named named;
	void *ctx;
};

static void direct_put(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n)
{
	struct direct *d = ctx;

	d->named(d->ctx, id, lines, n);
}

int ap_sym_run(const struct ap_sym_config *cfg, const struct ap_sym_job *jobs, size_t n_jobs, ap_sym_named named, ap_sym_done done,
	void *ctx, struct ap_why *why)
{
	struct ap_sym_config own = *cfg;
	struct shared s = {.cfg = &own};
	struct parent p = {.cfg = &own, .jobs = jobs, .n_jobs = n_jobs, .named = named, .done = done, .ctx = ctx};
	struct direct d = {named, ctx};
	struct sym_out out = {direct_put, &d};
	struct ap_why said;
	int err = 0;

	p.end_ns = cfg->total_timeout_ns ? ap_now_ns() + cfg->total_timeout_ns : UINT64_MAX;
	if (!own.debug_dirs)
		own.debug_dirs = DEFAULT_DIRS;
	if (own.in_process)
		debug_dirs_open(&s.dirs, own.debug_dirs);
	for (size_t i = 0; own.in_process && i < n_jobs; i++) {
		size_t n = resolve(&s, &jobs[i], &out, &said);

		done(ctx, i, n, said.text);
		p.next = i + 1;
	}
	while (!own.in_process && !err && p.next < n_jobs && ap_now_ns() < p.end_ns)
		err = one_child(&p, why);
	report_undone(&p);
	shared_done(&s);
	ap_buf_done(&p.in);
	return err;
}
