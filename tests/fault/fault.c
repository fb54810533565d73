/* LD_PRELOAD: makes the n-th call of one function fail, once. AP_FAULT=NAME:N, N from 1; AP_FAULT_LOG names a file that is made when the
 * failure was given, so that a test knows when it has been through them all. Counts calls of the whole process, libraries included. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static const char *function;
static size_t function_len;
static long nth = -1;
static atomic_long calls;
static pid_t owner; /* children (the command, the symboliser) are left alone */

static void __attribute__((constructor)) read_environment(void)
{
	const char *spec = getenv("AP_FAULT"), *colon = spec ? strchr(spec, ':') : NULL;

	if (!colon)
		return;
	function_len = (size_t)(colon - spec);
	nth = atol(colon + 1);
	owner = getpid();
	function = spec;
}

static int due(const char *name)
{
	const char *log;
	int fd;

	if (!function || strlen(name) != function_len || strncmp(name, function, function_len) || syscall(SYS_getpid) != owner)
		return 0;
	if (atomic_fetch_add(&calls, 1) + 1 != nth)
		return 0;
	log = getenv("AP_FAULT_LOG");
	fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (fd >= 0)
		syscall(SYS_close, fd);
	return 1;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	if (due("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, n);
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
