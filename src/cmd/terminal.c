#include "cmd/terminal.h"

#include "base/mem.h"
#include "cmd/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, WIDTH_MAX = 4096 };

static uint32_t columns(void)
{
	const char *s = getenv("COLUMNS");
	struct winsize w;
	uint64_t v;

	if (s && ap_parse_u64(s, &v) && v && v <= WIDTH_MAX)
		return (uint32_t)v;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col ? DEFAULT_WIDTH : w.ws_col;
}

struct terminal terminal_look(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct terminal t = {.is_one = isatty(STDOUT_FILENO)};

	if (t.is_one) {
		t.width = columns();
		t.colour = !(no_color && no_color[0]) && term && term[0] && strcmp(term, "dumb");
	}
	return t;
}

/* In the child: nothing but async-signal-safe calls and exec. */
static void __attribute__((noreturn)) become_pager(const char *command, int in)
{
	dup2(in, STDIN_FILENO);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Whether the shell would find the first word of the command. */
static bool startable(const char *command)
{
	char first[256];
	size_t n = strcspn(command, " \t"), len;
	const char *path = getenv("PATH");

	if (n >= sizeof first)
		return false;
	memcpy(first, command, n);
	first[n] = '\0';
	if (strchr(first, '/'))
		return !access(first, X_OK);
	for (; path && *path; path += len + (path[len] == ':')) {
		char file[4096];

		len = strcspn(path, ":");
		if ((size_t)snprintf(file, sizeof file, "%.*s/%s", (int)len, path, first) < sizeof file && !access(file, X_OK))
			return true;
	}
	return false;
}

void pager_start(struct pager *p)
{
	const char *command = getenv("PAGER");
	int fds[2];

	p->pid = 0;
	if (!command)
		command = "less";
	if (!command[0] || !strcmp(command, "cat") || !startable(command) || pipe2(fds, O_CLOEXEC))
		return;
	setenv("LESS", "FRX", 0);
	fflush(stdout);
	p->pid = fork();
	if (!p->pid)
		become_pager(command, fds[0]);
	if (p->pid > 0) {
		/* the pager may be left before all is read, and ^C is the pager's */
		signal(SIGPIPE, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		dup2(fds[1], STDOUT_FILENO);
	} else {
		p->pid = 0;
	}
	ap_close(fds[0]);
	ap_close(fds[1]);
}

void pager_end(struct pager *p)
{
	if (!p->pid)
		return;
	fclose(stdout);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
}
