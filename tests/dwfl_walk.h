/* libdwfl's answer to the question that ap_unwind answers: the addresses of a stack from registers and a copy of the stack. For tests. */
#ifndef AP_TESTS_DWFL_WALK_H
#define AP_TESTS_DWFL_WALK_H

#include "base/regs.h"
#include "proc/tracker.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dwfl_walk; /* one process */

struct dwfl_walk *dwfl_walk_new(uint32_t pid);         /* NULL: no memory */
struct dwfl_walk *dwfl_walk_free(struct dwfl_walk *w); /* accepts NULL */

/* Tells libdwfl of a mapping's binary; again and again is fine. 0, or -1 where libdwfl does not take it. */
int dwfl_walk_add(struct dwfl_walk *w, const struct ap_mapping *m);

/* Addresses as ap_unwind gives them, leaf first. Returns how many; *ret_error is libdwfl's reason for stopping, NULL where it says that
 * the stack is whole. */
size_t dwfl_walk(struct dwfl_walk *w, const struct ap_regs *regs, const void *stack, size_t stack_size, uint64_t *ret_addresses, size_t max,
	const char **ret_error);

#endif
