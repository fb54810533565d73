/* Two pipes: the child waits for a byte on one before exec, and the other, close-on-exec, carries errno back when exec fails and its end of
 * file when it worked. */
#include "record/child.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that a recorder handles or ignores. */
static const int OURS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

enum { AWAIT_MS = 100 }; /* a signal that comes just before poll is seen this much later */

static void __attribute__((noreturn))
run_child(char *const *argv, const sigset_t *ignored, const struct rlimit *files, int go_fd, int error_fd)
{
	char byte;
	int err;

	/* The recorder's end of file tells the child that nobody waits for it any more. */
	if (read(go_fd, &byte, 1) != 1)
		_exit(125);
	for (size_t i = 0; i < AP_ARRAY_LEN(OURS); i++)
		signal(OURS[i], sigismember(ignored, OURS[i]) == 1 ? SIG_IGN : SIG_DFL);
	setrlimit(RLIMIT_NOFILE, files); /* the recorder raises its own while it opens rings and binaries */
	execvp(argv[0], argv);
	err = errno;
	if (write(error_fd, &err, sizeof err) != sizeof err)
		_exit(125);
	_exit(err == ENOENT ? 127 : 126);
}

static int refused(struct ap_why *why, const char *command, const char *call, int err)
{
	const char *remedy = err == EMFILE || err == ENFILE ? "; raise the limit of open files with: ulimit -n 1024"
			     : err == EAGAIN                ? "; raise the limit of processes with: ulimit -u, or end some"
							    : "";

	return ap_why(why, err, "cannot start %s: %s: %s%s", command, call, strerror(err), remedy);
}

int ap_child_fork(char *const *argv, const sigset_t *ignored, struct ap_child *ret_child, struct ap_why *why)
{
	struct ap_child c = AP_CHILD_NONE;
	struct rlimit files = {0};
	int go[2], error[2], err;

	if (pipe2(go, O_CLOEXEC))
		return refused(why, argv[0], "pipe2", errno);
	if (pipe2(error, O_CLOEXEC)) {
		err = errno;
		close(go[0]);
		close(go[1]);
		return refused(why, argv[0], "pipe2", err);
	}
	getrlimit(RLIMIT_NOFILE, &files);
	c.pid = fork();
	if (c.pid == 0) {
		close(go[1]);
		close(error[0]);
		run_child(argv, ignored, &files, go[0], error[1]);
	}
	err = errno;
	close(go[0]);
	close(error[1]);
	c.go_fd = go[1];
	c.error_fd = error[0];
	if (c.pid < 0) {
		c.go_fd = ap_close(c.go_fd);
		c.error_fd = ap_close(c.error_fd);
		return refused(why, argv[0], "fork", err);
	}
	c.pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0); /* 5.3; without it the loop polls by waitpid alone */
	*ret_child = c;
	return 0;
}

int ap_child_release(struct ap_child *c)
{
	int exec_errno = 0;
	ssize_t n;

	if (write(c->go_fd, "", 1) != 1)
		return -errno;
	c->go_fd = ap_close(c->go_fd);
	do
		n = read(c->error_fd, &exec_errno, sizeof exec_errno);
	while (n < 0 && errno == EINTR);
	c->error_fd = ap_close(c->error_fd);
	return n == sizeof exec_errno ? -exec_errno : 0;
}

static bool reap(struct ap_child *c, int options)
{
	pid_t r;

	if (c->pid < 0 || c->reaped)
		return c->reaped;
	do
		r = waitpid(c->pid, &c->wait_status, options);
	while (r < 0 && errno == EINTR && !(options & WNOHANG));
	c->reaped = r == c->pid;
	return c->reaped;
}

bool ap_child_poll(struct ap_child *c)
{
	return reap(c, WNOHANG);
}

void ap_child_wait(struct ap_child *c)
{
	reap(c, 0);
}

bool ap_child_await(struct ap_child *c, const atomic_int *stop, const atomic_int *forward)
{
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	int number;

	while (!reap(c, WNOHANG) && atomic_load(stop) < 2) {
		number = atomic_load(forward);
		if (number && number != c->forwarded) {
			c->forwarded = number;
			kill(c->pid, number);
		}
		poll(&p, 1, AWAIT_MS);
	}
	return c->reaped;
}

void ap_child_done(struct ap_child *c)
{
	bool unreleased = c->go_fd >= 0;

	c->go_fd = ap_close(c->go_fd);
	c->error_fd = ap_close(c->error_fd);
	c->pidfd = ap_close(c->pidfd);
	if (unreleased)
		reap(c, 0);
}
