/* Unwinding without frame pointers: tables compiled from a binary's .eh_frame and .debug_frame, and a walk over registers and a copy of the
 * stack. One frame step (step.h) serves user space and the BPF program. */
#ifndef AP_UNWIND_UNWIND_H
#define AP_UNWIND_UNWIND_H

#include "base/regs.h"
#include "base/stack_end.h"
#include "base/why.h"

#include <stddef.h>
#include <stdint.h>

/* The sorted rows {pc, rule} of one binary, with rules of its own. Immutable once built; may be read by many threads. */
struct ap_unwind_table;

struct ap_unwind_input {
	int fd;            /* the ELF file, or -1 */
	const void *image; /* the whole image where fd is -1 (vDSO) */
	size_t image_size;
	uint64_t max_bytes; /* 0: no limit; past it -E2BIG */
};

/* Reads PT_GNU_EH_FRAME (program headers, not sections, which may be stripped), then .debug_frame where there is one.
 * 0; -ENODATA: the binary has no call frame information; -E2BIG; -EBADMSG: malformed; -ENOTSUP: 32-bit or foreign; other negative errno.
 * The file is hostile: no input makes it crash, loop or allocate without bound. */
int ap_unwind_table_build(const struct ap_unwind_input *in, struct ap_unwind_table **ret_table, struct ap_why *why);
struct ap_unwind_table *ap_unwind_table_free(struct ap_unwind_table *t);
size_t ap_unwind_table_bytes(const struct ap_unwind_table *t);
size_t ap_unwind_table_rows(const struct ap_unwind_table *t);
size_t ap_unwind_table_rules(const struct ap_unwind_table *t);
void ap_unwind_table_span(const struct ap_unwind_table *t, uint64_t *ret_start, uint64_t *ret_end); /* of the code that it covers */

/* What lies at an address. `end` is the reason to give where there is nothing to go by. */
enum ap_site_kind {
	AP_SITE_TABLE,    /* table and bias are set */
	AP_SITE_NO_TABLE, /* code without a table (JIT, Go): frame pointers are tried */
	AP_SITE_NOTHING,  /* no mapping, or none with code: the stack ends with `end` */
};
struct ap_unwind_site {
	enum ap_site_kind kind;
	const struct ap_unwind_table *table;
	uint64_t bias;               /* address - bias = what the table is sorted by */
	uint64_t start, end_address; /* the mapping, for a small cache in front */
	enum ap_stack_end end;
};

struct ap_unwind_request {
	const struct ap_regs *regs;
	const void *stack; /* bytes from regs' stack pointer up */
	size_t stack_size;
	void (*find)(void *ctx, uint64_t address, struct ap_unwind_site *ret_site);
	/* Reads the thread's memory as it is now: how many bytes, 0 where it cannot be read. NULL: never. Asked only for what lies above
	 * the dump, and trusted only while what the dump ends with is still the same there: then the frames around it have not returned. */
	size_t (*read)(void *ctx, uint64_t address, void *ret_bytes, size_t n);
	void *ctx;
};

enum { AP_UNWIND_DEPTH_MAX = 2048, AP_UNWIND_LIVE_BYTES_MAX = 8 << 20 /* above the dump */ };

/* Leaf first into ret_addresses, which has room for `max`: the leaf's pc, then for each caller the return address less one, but the exact
 * pc of a frame that a signal interrupted. Returns how many (0 only without a known pc); *ret_end says why it ended there. */
size_t ap_unwind(const struct ap_unwind_request *rq, uint64_t *ret_addresses, size_t max, enum ap_stack_end *ret_end);

#endif
