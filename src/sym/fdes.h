/* Where functions start and how long they are, by .eh_frame itself: for a binary without the sorted table that starts.c prefers. */
#ifndef AP_SYM_FDES_H
#define AP_SYM_FDES_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fde_range {
	uint64_t start, size;
};
struct fdes {
	struct fde_range *v; /* by start; NULL: none */
	size_t n;
};

/* `address`: of .eh_frame where something says it; 0: the section's. What cannot be read, is past a bound or finds no memory is left out:
 * it has no start then, and no wrong one. */
void fdes_read(Elf *elf, uint64_t address, struct fdes *ret_fdes);
bool fdes_find(const struct fdes *f, uint64_t address, uint64_t *ret_start);
void fdes_done(struct fdes *f);

#endif
