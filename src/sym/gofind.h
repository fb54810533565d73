/* Finds Go's function table in an ELF file. */
#ifndef AP_SYM_GOFIND_H
#define AP_SYM_GOFIND_H

#include "sym/gotab.h"

#include <libelf.h>

/* By section where there are sections, else by its magic number. False: not a Go program, or its table is damaged. */
bool gofind(Elf *elf, struct gotab *ret_table);

#endif
