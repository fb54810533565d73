/* Clocks, in nanoseconds. Every time in Aperture is CLOCK_MONOTONIC unless its name says otherwise. */
#ifndef AP_BASE_CLOCK_H
#define AP_BASE_CLOCK_H

#include <stdint.h>

uint64_t ap_now_ns(void);	   /* CLOCK_MONOTONIC */
uint64_t ap_now_realtime_ns(void); /* CLOCK_REALTIME */
uint64_t ap_now_boottime_ns(void); /* CLOCK_BOOTTIME, which goes on while suspended */
uint64_t ap_cpu_time_ns(void);	   /* CPU time of this process, all threads */

#endif
