#include "base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t ap_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t ap_now_realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t ap_now_boottime_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t ap_cpu_time_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
