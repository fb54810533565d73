/* The kernel's own list of its symbols, read once for all its jobs: the kernel, each module, each BPF program. Private to src/sym. */
#ifndef AP_SYM_KALLSYMS_H
#define AP_SYM_KALLSYMS_H

#include "base/mem.h"

#include <stdint.h>

struct kallsym {
	uint64_t start;
	uint32_t order; /* of its line: of one address the last names it */
	const char *name;
};
struct kallsyms {
	struct kallsym *v;
	size_t n, cap;
	struct ap_buf text;
	bool known, cut; /* it was read; not all of it fitted */
};
void kallsyms_done(struct kallsyms *k);

#endif
