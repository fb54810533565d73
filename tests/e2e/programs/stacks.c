/* Stacks that are known beforehand, each for about half a second of CPU and each ending in hot(): `stacks SHAPE [LIBRARY...]`. A library is
 * this file too, built with -DLIBRARY. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
enum { THREADS = 3, ROUNDS = 40, DEEP = 1500, STACK = 1 << 16 };

static volatile unsigned sink;

NOINLINE static void hot(double seconds)
{
	struct timespec t;
	double until = 0, now;

	do {
		for (unsigned i = 0; i < 20000; i++)
			sink += i * 31;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
		now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
		until = until ? until : now + seconds;
	} while (now < until);
	sink++; /* no tail call above */
}

#ifdef LIBRARY
void in_library(double seconds);
NOINLINE void in_library(double seconds)
{
	hot(seconds);
	sink++;
}
#else
NOINLINE static void plain(void)
{
	hot(0.5);
	sink++;
}

NOINLINE static void deep(unsigned n)
{
	if (n)
		deep(n - 1);
	else
		hot(0.5);
	sink++;
}

static void *in_thread(void *arg)
{
	hot(0.3);
	sink++;
	return NULL;
}

NOINLINE static void threads(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, in_thread, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void on_signal(int number)
{
	hot(0.4);
	sink++;
}

static void on_own_stack(int number)
{
	hot(0.4);
	sink++;
}

/* Without a frame of the C library's, for musl's have no call frame information. */
static inline __attribute__((always_inline)) void send(int number)
{
#if defined(__x86_64__)
	long got = SYS_kill;

	__asm__ volatile("syscall" : "+a"(got) : "D"((long)getpid()), "S"((long)number) : "rcx", "r11", "memory");
#else
	raise(number);
#endif
}

/* On the stack at hand, and then on one of the handler's own: what a recorder learns from its first samples is known by then. */
NOINLINE static void interrupted(void)
{
	struct sigaction here = {.sa_handler = on_signal}, there = {.sa_handler = on_own_stack, .sa_flags = SA_ONSTACK};
	stack_t s = {.ss_sp = malloc(STACK), .ss_size = STACK};

	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &here, NULL);
	sigaction(SIGUSR2, &there, NULL);
	send(SIGUSR1);
	send(SIGUSR2);
	sink++;
}

NOINLINE static void in_child(void)
{
	hot(0.5);
	sink++;
}

NOINLINE static void forked(void)
{
	pid_t pid = vfork(); /* the child runs on in its parent's memory, where nothing may be changed that the parent needs */

	if (!pid) {
		in_child();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Again and again at what is the same address as often as not. */
NOINLINE static void loaded(char **paths)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *library = dlopen(paths[i & 1], RTLD_NOW);
		void (*call)(double) = library ? (void (*)(double))dlsym(library, "in_library") : NULL;

		if (!call)
			_exit(1);
		call(0.02);
		dlclose(library);
	}
}

int main(int argc, char **argv)
{
	const char *shape = argc > 1 ? argv[1] : "";

	if (!strcmp(shape, "plain"))
		plain();
	else if (!strcmp(shape, "deep"))
		deep(DEEP);
	else if (!strcmp(shape, "threads"))
		threads();
	else if (!strcmp(shape, "signal"))
		interrupted();
	else if (!strcmp(shape, "vfork"))
		forked();
	else if (!strcmp(shape, "dlopen") && argc > 3)
		loaded(argv + 2);
	else
		return 2;
	return 0;
}
#endif
