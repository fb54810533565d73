/* Where an ELF file keeps its call frame information. Private to src/unwind. */
#ifndef AP_UNWIND_SECTIONS_H
#define AP_UNWIND_SECTIONS_H

#include "unwind/cfi.h"
#include "unwind/unwind.h"

#include <libelf.h>

enum { AP_CODE_RANGES_MAX = 64, AP_PLAIN_MAX = 4 };

struct ap_code_range {
	uint64_t start, end;
};
/* Code that is to be scanned (scan.h). */
struct ap_plain_code {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;
};
struct ap_sections {
	Elf *elf;
	uint64_t entry;                                /* e_entry */
	struct ap_code_range code[AP_CODE_RANGES_MAX]; /* executable segments */
	size_t n_code;
	struct ap_plain_code plain[AP_PLAIN_MAX];
	size_t n_plain;
	bool image; /* it is the vDSO's memory, not a file */
	struct ap_cfi_section eh, debug; /* bytes NULL: none */
	bool eh_exact;                   /* eh ends with its section, not with the segment that holds it */
	struct ap_reader table;          /* the search table's entries; at NULL: none that can be used */
	uint64_t table_address;          /* of its first byte */
	size_t n_table;
	uint8_t table_encoding;
};

/* 0 (also without any section), -EBADMSG, -ENOTSUP, -ENOMEM. What it points to lives until _done. */
int ap_sections_open(const struct ap_unwind_input *in, struct ap_sections *ret);
void ap_sections_done(struct ap_sections *s);

bool ap_sections_is_code(const struct ap_sections *s, uint64_t address);
size_t ap_pointer_size(uint8_t encoding); /* of a DW_EH_PE of fixed size; 0: another */

#endif
