/* Where the function at an address starts, by the table of .eh_frame_hdr that nearly every binary has, stripped or not: one entry a
 * function, or a part of one that lies elsewhere (foo.cold). Without one, or with one that cannot be read, by .eh_frame itself. */
#ifndef AP_SYM_STARTS_H
#define AP_SYM_STARTS_H

#include "base/mem.h"
#include "sym/fdes.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct starts {
	Elf *elf;
	const unsigned char *image; /* the file, as libelf has it mapped */
	size_t size;
	const unsigned char *table; /* pairs of 32-bit offsets from `base`, rising; NULL: none */
	size_t n;
	uint64_t base;    /* where the header is mapped */
	struct fdes fdes; /* in the place of a table */
};

/* A table of a kind that no linker makes for x86-64 or aarch64 is none. */
void starts_open(Elf *elf, struct starts *ret_starts);
void starts_done(struct starts *s); /* of a zeroed one too */
/* False: no function of the table holds the address. */
bool starts_find(const struct starts *s, uint64_t address, uint64_t *ret_start);
/* "[file+0xstart]", of the file's own name and without the brackets that "[vdso]" has already. 0, -ENOMEM. */
int starts_name(const char *path, uint64_t start, struct ap_buf *ret_name);

#endif
