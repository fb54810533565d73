/* The symbols of one ELF file (.symtab, .dynsym, .gnu_debugdata), sorted once: libdwfl's own search goes through all of them for each
 * address, 107,000 in node. */
#ifndef AP_SYM_SYMTAB_H
#define AP_SYM_SYMTAB_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

struct symtab_entry {
	uint64_t start, end;
	const char *name; /* the ELF file's */
	uint8_t rank;     /* of those with one start the lowest stays */
};
struct symtab {
	struct symtab_entry *v;
	size_t n, cap;
};

int symtab_read(struct symtab *t, Dwfl_Module *mod); /* 0, -ENOMEM */
/* The symbol that holds the address; NULL: none. */
const struct symtab_entry *symtab_find(const struct symtab *t, uint64_t address);
/* Where the symbol before an address that none holds ends. False: there is none. */
bool symtab_end_before(const struct symtab *t, uint64_t address, uint64_t *ret_end);
void symtab_done(struct symtab *t);

#endif
