/* Files of made-up recordings that overlap and contradict one another. */
#ifndef TESTS_STORE_RANDOM_H
#define TESTS_STORE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

extern unsigned seed; /* of what comes next: the same seed, the same file */
int64_t below(int64_t n);
/* One run of that uuid; not ended as one that was killed. */
void random_file(const char *path, const char *uuid, bool ended, int samples);

#endif
