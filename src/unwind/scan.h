/* Rules read off the instructions, for code that has no call frame information though it is in most stacks. Private to src/unwind.
 *
 * On aarch64 linkers write none for the PLT, and the kernel's build drops that of the vDSO, with it that of the signal trampoline. On x86-64
 * both have theirs, but musl's trampoline has none: where a C library may be, it is looked for. */
#ifndef AP_UNWIND_SCAN_H
#define AP_UNWIND_SCAN_H

#include "unwind/rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__aarch64__)
enum { AP_SCAN = 1 };

/* As ap_cfi_run: `row` is called for each range with its rule, in ascending order, and ends the scan where it is not 0. */
int ap_scan_run(const uint8_t *bytes, size_t size, uint64_t address,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx);

enum { AP_TRAMPOLINE_BYTES = 8 };
bool ap_scan_is_trampoline(const uint8_t code[AP_TRAMPOLINE_BYTES]);
#else
enum { AP_SCAN = 0, AP_TRAMPOLINE_BYTES = 9 };

/* Code that is given to it is a trampoline, with the byte before it. */
int ap_scan_run(const uint8_t *bytes, size_t size, uint64_t address,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx);

static inline bool ap_scan_is_trampoline(const uint8_t code[AP_TRAMPOLINE_BYTES])
{
	(void)code;
	return false;
}
#endif
const struct ap_rule *ap_scan_trampoline_rule(void);
/* Behind the first byte; NULL: there is none. On aarch64 always, where ap_scan_run finds them. */
const uint8_t *ap_scan_find_trampoline(const uint8_t *bytes, size_t size);

#endif
