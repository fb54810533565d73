/* Call frame information: CIEs and FDEs of .eh_frame (LSB core, 10.6) and .debug_frame (DWARF 5, 6.4), and the interpreter of their
 * instructions. Private to src/unwind. */
#ifndef AP_UNWIND_CFI_H
#define AP_UNWIND_CFI_H

#include "unwind/reader.h"
#include "unwind/rule.h"

struct ap_cfi_section {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;   /* of bytes[0], for pc-relative pointers */
	uint64_t data_base; /* of data-relative pointers: .eh_frame_hdr */
	bool debug;         /* .debug_frame */
};

struct ap_cie {
	size_t offset; /* in its section; SIZE_MAX: none read yet */
	uint64_t code_align;
	int64_t data_align;
	unsigned ra; /* DWARF number of the return address's column */
	uint8_t encoding, address_size;
	bool augmented, signal;
	struct ap_reader code;
};
struct ap_fde {
	uint64_t start, end;
	struct ap_reader code;
};

/* The entry at an offset. 1: an FDE, with its CIE in *cie (read anew only when it is another); 0: a CIE, or one of a kind that is not
 * known; -1: no entry (terminator, end, or damage). *ret_next: the offset behind it, set unless -1. */
int ap_cfi_entry(const struct ap_cfi_section *s, size_t offset, struct ap_cie *cie, struct ap_fde *ret_fde, size_t *ret_next);

/* A DW_EH_PE pointer; `at` is the address of the cursor. False: an encoding that is not known, or bytes that end. */
bool ap_cfi_pointer(struct ap_reader *r, const struct ap_cfi_section *s, uint8_t encoding, uint8_t address_size, uint64_t *ret);

/* Runs an FDE's instructions; `row` is called for each range with its rule, in ascending order, and ends the run where it is not 0.
 * Returns what it returned, or 0; damage ends the run early, with the rest of the range left out. */
int ap_cfi_run(const struct ap_cfi_section *s, const struct ap_cie *cie, const struct ap_fde *fde,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx);

/* expr.c: the expressions that have a rule. `ret` becomes a BAD rule for any other. */
void ap_cfi_cfa_expression(struct ap_reader expression, struct ap_rule *rule);
void ap_cfi_reg_expression(struct ap_reader expression, bool is_value, struct ap_reg_rule *ret);

#endif
