/* In place of bpf/helper.c: what this kernel has, less what a test takes away. */
#ifndef TESTS_OLD_KERNEL_H
#define TESTS_OLD_KERNEL_H

#include <stdbool.h>

/* The next source that is opened runs as on a kernel before 5.15: without bpf_loop and attach cookies. */
extern bool old_kernel;

#endif
