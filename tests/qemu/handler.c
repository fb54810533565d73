/* A second of CPU in known_hot(), called by a signal handler, which interrupts what lies below the chain: the stack goes through the
 * trampoline. */
#define _GNU_SOURCE
#include "known.h"

#include <signal.h>
#include <time.h>
#include <ucontext.h>

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

__attribute__((noinline)) static long trap(long n)
{
#if defined(__aarch64__)
	__asm__ volatile("udf #0");
#else
	__asm__ volatile("ud2");
#endif
	return n;
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGILL, &a, NULL);
	chain(DEPTH, trap);
	return 0;
}
