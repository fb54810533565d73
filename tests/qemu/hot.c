/* The known workload of the kernel matrix: a second and a half of CPU in known_hot(), below a chain of known depth, built without frame pointers. */
#include <time.h>

enum { DEPTH = 20, ROUND = 200000 };
static volatile long sink;

__attribute__((noinline)) static long known_hot(long n)
{
	long sum = 0;

	for (long i = 0; i < n; i++)
		sum += i * i ^ sink;
	return sum;
}

__attribute__((noinline)) static long chain(int depth, long n)
{
	volatile char room[48]; /* a frame that nothing but its table tells the size of */
	long got;

	room[depth] = (char)depth;
	got = depth ? chain(depth - 1, n) : known_hot(n);
	sink = got + room[depth]; /* work behind the call: no tail call */
	return got;
}

int main(void)
{
	const clock_t begun = clock(); /* what the loader took counts for nothing: in a slow guest that is much */

	while (clock() - begun < 3 * CLOCKS_PER_SEC / 2)
		chain(DEPTH, ROUND);
	return 0;
}
