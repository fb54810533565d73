/* Go's function table, .gopclntab: names, files, lines and inlined calls of Go code, which stay in a stripped program. Layout after the Go
 * sources, runtime/symtab.go and debug/gosym, in its four versions; the bytes are hostile. */
#ifndef AP_SYM_GOTAB_H
#define AP_SYM_GOTAB_H

#include "base/mem.h"
#include "sym/sym.h"

/* The file's bytes where they lie in memory. */
struct gotab_range {
	const uint8_t *data;
	uint64_t address;
	size_t size;
	bool writable;
};

enum gotab_version { GOTAB_1_2 = 2, GOTAB_1_16 = 16, GOTAB_1_18 = 18, GOTAB_1_20 = 20 };
enum { GOTAB_RANGES_MAX = 64, GOTAB_LINES_MAX = 64 };

struct gotab {
	enum gotab_version version;
	uint8_t quantum, word;	/* of the pc; bytes of a pointer */
	const uint8_t *data;	/* the table */
	size_t size;		/* to the end of its range */
	uint64_t address;	/* of the table */
	uint64_t n_functions, text;
	uint64_t names, units, files, pcs, functions; /* offsets of its parts */
	uint64_t gofunc;	/* what funcdata is relative to from 1.18 on; 0: not known, no inlined calls */
	struct gotab_range ranges[GOTAB_RANGES_MAX];
	size_t n_ranges;
};

/* A table at `at` of range r. `text`: where code begins, for tables that leave it out; 0: not known. False: there is none there. */
bool gotab_at(struct gotab *t, const struct gotab_range *r, size_t at, uint64_t text);
/* The first table in the ranges by its magic, those that are read-only first. */
bool gotab_search(struct gotab *t, uint64_t text);
/* Finds the runtime's own description of the table in writable ranges, which leads to the inlined calls. */
void gotab_find_inlined(struct gotab *t);

/* The lines of an address, innermost first, at most GOTAB_LINES_MAX; strings point into the table. 0: no Go function there. */
size_t gotab_lines(const struct gotab *t, uint64_t pc, struct ap_sym_line *ret_lines);

#endif
