/* The workload that is known: all the work is in known_hot(), below main and DEPTH + 1 frames of chain(). */
#ifndef TESTS_QEMU_KNOWN_H
#define TESTS_QEMU_KNOWN_H

enum { DEPTH = 20, ROUND = 200000 };
static volatile long sink;

__attribute__((noinline)) static long known_hot(long n)
{
	long sum = 0;

	for (long i = 0; i < n; i++)
		sum += i * i ^ sink;
	return sum;
}

__attribute__((noinline)) static long chain(int depth, long (*innermost)(long n))
{
	volatile char room[48]; /* a frame that nothing but its table tells the size of */
	long got;

	room[depth] = (char)depth;
	got = depth ? chain(depth - 1, innermost) : innermost(ROUND);
	sink = got + room[depth]; /* work behind the call: no tail call */
	return got;
}

#endif
