/* A second of CPU in known_hot(), called by a signal handler, below a chain of known depth: the stack goes through the trampoline. */
#define _GNU_SOURCE
#include <signal.h>
#include <time.h>
#include <ucontext.h>

enum { DEPTH = 20, ROUND = 200000 };
static volatile long sink;

__attribute__((noinline)) static long known_hot(long n)
{
	long sum = 0;

	for (long i = 0; i < n; i++)
		sum += i * i ^ sink;
	return sum;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	while (clock() < CLOCKS_PER_SEC)
		sink = known_hot(ROUND);
#if defined(__aarch64__)
	u->uc_mcontext.pc += 4; /* behind the instruction */
#else
	u->uc_mcontext.gregs[REG_RIP] += 2;
#endif
	(void)number, (void)info;
}

__attribute__((noinline)) static long chain(int depth)
{
	volatile char room[48];
	long got = 0;

	room[depth] = (char)depth;
	if (depth)
		got = chain(depth - 1);
	else
#if defined(__aarch64__)
		__asm__ volatile("udf #0");
#else
		__asm__ volatile("ud2");
#endif
	sink = got + room[depth]; /* work behind the call: no tail call */
	return got;
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGILL, &a, NULL);
	chain(DEPTH);
	return 0;
}
