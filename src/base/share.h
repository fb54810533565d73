/* How a share is shown to people. */
#ifndef AP_BASE_SHARE_H
#define AP_BASE_SHARE_H

#include <math.h>

/* Percent to a tenth, downwards: 99.96 % is not all. What is added is less than one of a billion samples, and more than a double's error. */
static inline double ap_share_shown(double percent)
{
	return floor(percent * 10 + 1e-8) / 10;
}

#endif
