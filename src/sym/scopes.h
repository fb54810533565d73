/* DWARF's functions and inlined calls by address, from an index that is built where it is asked: the ranges of all units at first, the
 * functions of a unit with its first address, the inlined calls of a function with its own. libdw's dwarf_getscopes walks the whole unit
 * for each address, and its dwarf_addrdie wants .debug_aranges, which clang leaves out. */
#ifndef AP_SYM_SCOPES_H
#define AP_SYM_SCOPES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct scopes;

int scopes_new(Dwarf *dwarf, struct scopes **ret_scopes); /* 0, -ENOMEM */
struct scopes *scopes_free(struct scopes *s);

enum { SCOPES_DEPTH_MAX = 128 };
/* Addresses as DWARF has them. Fills ret_chain with inlined calls, innermost first, and the function that holds them all; *ret_unit is the
 * unit's DIE, which stays the index's. Returns how many; 0: no function there, and *ret_unit is NULL where there is no unit either. */
size_t scopes_at(struct scopes *s, uint64_t address, Dwarf_Die **ret_unit, Dwarf_Die ret_chain[SCOPES_DEPTH_MAX]);

#endif
