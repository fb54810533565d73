/* What unwinding meets, each for about 60 ms of CPU: leaf functions with their prologues and epilogues, the PLT, realigned stacks, signal
 * frames, the vDSO, recursion. `unwind own` leaves out what the C library does;
 * `unwind deep N` recurses N deep and stays there. Built in many ways by unwind_programs.sh. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile unsigned sink;

static double cpu(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

NOINLINE static unsigned leaf(unsigned a, unsigned b)
{
	return a * 31 + b;
}

NOINLINE static unsigned middle(unsigned a)
{
	unsigned kept[4] = {a, a + 1, a + 2, a + 3};

	for (unsigned i = 0; i < 4; i++)
		kept[i] = leaf(kept[i], kept[(i + 1) & 3]);
	return kept[0] ^ kept[1] ^ kept[2] ^ kept[3];
}

/* An aligned variable and one of a size that is not known: gcc keeps the old stack pointer in memory. */
NOINLINE static unsigned realigned(unsigned n)
{
	volatile char aligned[64] __attribute__((aligned(64)));
	volatile char *any = __builtin_alloca(n);

	aligned[0] = any[0] = (char)n;
	return middle(n) + (unsigned)aligned[0] + (unsigned)any[0];
}

static void handler(int number)
{
	for (unsigned i = 0; i < 20000; i++)
		sink += middle(i);
}

NOINLINE static unsigned recurse(unsigned n)
{
	return n ? recurse(n - 1) + 1 : middle(n);
}

NOINLINE static unsigned deep(unsigned n)
{
	double until = cpu() + 0.5;

	if (n)
		return deep(n - 1) + 1;
	while (cpu() < until)
		sink += middle(n);
	return 0;
}

static void phase(int which)
{
	struct timespec t;

	for (double until = cpu() + 0.06; cpu() < until;)
		for (unsigned i = 0; i < 2000; i++)
			switch (which) {
			case 0:
				sink += middle(i);
				break;
			case 1:
				sink += (unsigned)rand(); /* through the PLT */
				break;
			case 2:
				sink += realigned(8 + i % 100);
				break;
			case 3:
				if (!(i % 1000))
					raise(SIGUSR1);
				break;
			case 4:
				clock_gettime(CLOCK_MONOTONIC, &t);
				sink += (unsigned)t.tv_nsec;
				break;
			default:
				sink += i % 10 ? 0 : recurse(50);
			}
}

int main(int argc, char **argv)
{
	signal(SIGUSR1, handler);
	if (argc > 2)
		return deep((unsigned)atoi(argv[2])) == 7;
	for (int i = 0; i < 6; i++)
		if (argc < 2 || i == 0 || i == 2 || i == 5)
			phase(i);
	return 0;
}
