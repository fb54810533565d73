/* LD_PRELOAD: makes the n-th call of one function fail, once. AP_FAULT=NAME:N, N from 1; AP_FAULT_LOG names a file that is made when the
 * failure was given, so that a test knows when it has been through them all; at a normal exit, what was left open and which children were
 * left are written into it, a line each. Counts calls of the whole process, libraries included. What the process runs is left alone. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *function;
static size_t function_len;
static long nth = -1;
static atomic_long calls;
static atomic_int given;
static pid_t owner; /* children (the command, the symboliser) are left alone */
static const char *log_path;
enum { INHERITED_MAX = 1024 };
static char inherited[INHERITED_MAX]; /* by descriptor: was open before we were */

static int every(const char *name)
{
	return function && strlen(name) == function_len && !strncmp(name, function, function_len) && syscall(SYS_getpid) == owner;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static void __attribute__((constructor)) read_environment(void)
{
	const char *spec = getenv("AP_FAULT"), *colon = spec ? strchr(spec, ':') : NULL;

	if (!colon)
		return;
	function_len = (size_t)(colon - spec);
	nth = atol(colon + 1);
	owner = getpid();
	log_path = getenv("AP_FAULT_LOG");
	function = spec;
	for (int fd = 0; fd < INHERITED_MAX; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	unsetenv("LD_PRELOAD"); /* the strings stay where they are */
	unsetenv("AP_FAULT");
}

/* What is open now and was not at the start. */
static void __attribute__((destructor)) tell_what_is_left(void)
{
	FILE *log;
	struct dirent *d;
	char path[64], name[256];
	DIR *dir;
	pid_t child = -1;

	if (!function || !log_path || (pid_t)syscall(SYS_getpid) != owner || !atomic_load(&given))
		return;
	function = NULL;
	dir = opendir("/proc/self/fd");
	log = fopen(log_path, "ae");
	while (dir && log && (d = readdir(dir))) {
		int fd = atoi(d->d_name);
		ssize_t n;

		if (d->d_name[0] == '.' || (fd < INHERITED_MAX && inherited[fd]) || fd == dirfd(dir) || fd == fileno(log))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		n = readlink(path, name, sizeof name - 1);
		fprintf(log, "open: %.*s\n", n > 0 ? (int)n : 0, name);
	}
	while (log && (child = waitpid(-1, NULL, WNOHANG)) > 0)
		fprintf(log, "not reaped: %d\n", (int)child);
	if (log && !child)
		fprintf(log, "a child runs on\n");
	if (log)
		fclose(log);
	if (dir)
		closedir(dir);
}

static int due(const char *name)
{
	int fd;

	if (!function || strlen(name) != function_len || strncmp(name, function, function_len) || syscall(SYS_getpid) != owner)
		return 0;
	if (atomic_fetch_add(&calls, 1) + 1 != nth)
		return 0;
	atomic_store(&given, 1);
	fd = log_path ? (int)syscall(SYS_openat, AT_FDCWD, log_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (fd >= 0)
		syscall(SYS_close, fd);
	return 1;
}

/* the allocator behind this one: libc's, or that of the address sanitizer, which then also looks for what was leaked */
#define NEXT_ALLOCATOR(type, name, ...)                                                                                \
	static type (*next)(__VA_ARGS__);                                                                              \
	if (!next)                                                                                                     \
	next = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

void *malloc(size_t n)
{
	NEXT_ALLOCATOR(void *, malloc, size_t);

	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return next(n);
}

void *calloc(size_t n, size_t size)
{
	NEXT_ALLOCATOR(void *, calloc, size_t, size_t);

	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return next(n, size);
}

void *realloc(void *p, size_t n)
{
	NEXT_ALLOCATOR(void *, realloc, void *, size_t);

	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return next(p, n);
}

#define OPEN_FUNCTION(name)                                                                                            \
	int name(const char *path, int flags, ...)                                                                     \
	{                                                                                                              \
		va_list ap;                                                                                            \
		mode_t mode;                                                                                           \
		va_start(ap, flags);                                                                                   \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;                                         \
		va_end(ap);                                                                                            \
		if (due("open")) {                                                                                     \
			errno = EIO;                                                                                   \
			return -1;                                                                                     \
		}                                                                                                      \
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);                                          \
	}
OPEN_FUNCTION(open)
OPEN_FUNCTION(open64)

ssize_t write(int fd, const void *data, size_t n)
{
	if (due("write")) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_write, fd, data, n);
}

#define PWRITE_FUNCTION(name)                                                                                          \
	ssize_t name(int fd, const void *data, size_t n, off_t at)                                                     \
	{                                                                                                              \
		if (due("write")) {                                                                                    \
			errno = ENOSPC;                                                                                \
			return -1;                                                                                     \
		}                                                                                                      \
		return syscall(SYS_pwrite64, fd, data, n, at);                                                         \
	}
PWRITE_FUNCTION(pwrite)
PWRITE_FUNCTION(pwrite64)

#define SYNC_FUNCTION(name, number)                                                                                    \
	int name(int fd)                                                                                               \
	{                                                                                                              \
		if (due("fsync")) {                                                                                    \
			errno = EIO;                                                                                   \
			return -1;                                                                                     \
		}                                                                                                      \
		return (int)syscall(number, fd);                                                                       \
	}
SYNC_FUNCTION(fsync, SYS_fsync)
SYNC_FUNCTION(fdatasync, SYS_fdatasync)

#define MMAP_FUNCTION(name)                                                                                            \
	void *name(void *addr, size_t n, int prot, int flags, int fd, off_t at)                                        \
	{                                                                                                              \
		if (due("mmap")) {                                                                                     \
			errno = ENOMEM;                                                                                \
			return MAP_FAILED;                                                                             \
		}                                                                                                      \
		return (void *)syscall(SYS_mmap, addr, n, prot, flags, fd, at);                                        \
	}
MMAP_FUNCTION(mmap)
MMAP_FUNCTION(mmap64)

/* A failure that the real function has no part in. */
#define FAILING(type, name, call_, errno_, failed, args, types, pass)                                                  \
	type name args                                                                                                 \
	{                                                                                                              \
		static type(*real) types;                                                                              \
		if (due(call_)) {                                                                                      \
			errno = errno_;                                                                                \
			return failed;                                                                                 \
		}                                                                                                      \
		if (!real)                                                                                             \
			real = (type(*) types)dlsym(RTLD_NEXT, #name);                                                 \
		return real pass;                                                                                      \
	}
FAILING(ssize_t, read, "read", EIO, -1, (int fd, void *data, size_t n), (int, void *, size_t), (fd, data, n))
FAILING(ssize_t, pread, "read", EIO, -1, (int fd, void *data, size_t n, off_t at), (int, void *, size_t, off_t), (fd, data, n, at))
FAILING(ssize_t, pread64, "read", EIO, -1, (int fd, void *data, size_t n, off64_t at), (int, void *, size_t, off64_t), (fd, data, n, at))
FAILING(int, pipe2, "pipe", EMFILE, -1, (int fds[2], int flags), (int *, int), (fds, flags))
FAILING(pid_t, fork, "fork", EAGAIN, -1, (void), (void), ())
FAILING(int, poll, "poll", ENOMEM, -1, (struct pollfd * fds, nfds_t n, int ms), (struct pollfd *, nfds_t, int), (fds, n, ms))
FAILING(int, epoll_create1, "epoll", EMFILE, -1, (int flags), (int), (flags))
FAILING(int, epoll_ctl, "epoll", ENOSPC, -1, (int e, int op, int fd, struct epoll_event *ev), (int, int, int, struct epoll_event *), (e, op, fd, ev))
FAILING(int, ftruncate, "truncate", EIO, -1, (int fd, off_t n), (int, off_t), (fd, n))
FAILING(int, ftruncate64, "truncate", EIO, -1, (int fd, off64_t n), (int, off64_t), (fd, n))
FAILING(int, rename, "rename", EIO, -1, (const char *from, const char *to), (const char *, const char *), (from, to))
FAILING(int, pthread_create, "pthread_create", 0, EAGAIN, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *arg),
	(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *), (t, a, f, arg))

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (due("ioctl")) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* As a file system without locks answers: every request for a lock, not the n-th alone, since one that cannot lock never can. */
#define FCNTL_FUNCTION(name)                                                                                           \
	int name(int fd, int command, ...)                                                                             \
	{                                                                                                              \
		va_list ap;                                                                                            \
		void *argument;                                                                                        \
		va_start(ap, command);                                                                                 \
		argument = va_arg(ap, void *);                                                                         \
		va_end(ap);                                                                                            \
		if ((command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) && every("lock")) {          \
			errno = ENOLCK;                                                                                \
			return -1;                                                                                     \
		}                                                                                                      \
		return (int)syscall(SYS_fcntl, fd, command, argument);                                                 \
	}
FCNTL_FUNCTION(fcntl)
FCNTL_FUNCTION(fcntl64)

/* perf_event_open has no wrapper: it comes through syscall(2). */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	va_list ap;
	long a[6];

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!real)
		real = REAL(long, "syscall", long, ...);
	if (number == SYS_perf_event_open && due("perf_event_open")) {
		errno = EMFILE;
		return -1;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
