/* What a table row says: how to find the caller's registers. Plain data, the same in user space and in a BPF map. */
#ifndef AP_UNWIND_RULE_H
#define AP_UNWIND_RULE_H

#include "base/regs.h"

#include <stdint.h>

enum ap_cfa_kind {
	AP_CFA_NONE,      /* no frame information here */
	AP_CFA_REG,       /* reg + offset */
	AP_CFA_DEREF_REG, /* *(reg + offset) + add: a realigned stack */
	AP_CFA_PLT,       /* sp + 8 + ((pc & 15) >= offset ? 8 : 0) */
	AP_CFA_BAD,       /* an expression that is none of these */
};
enum ap_reg_kind {
	AP_RULE_UNDEFINED,
	AP_RULE_SAME,
	AP_RULE_AT_CFA,  /* *(CFA + offset) */
	AP_RULE_VAL_CFA, /* CFA + offset */
	AP_RULE_REG,     /* base */
	AP_RULE_AT_REG,  /* *(base + offset), base as before the step: signal frames */
	AP_RULE_BAD,
	AP_RULE_VAL_REG, /* base + offset, base as before the step */
};

struct ap_reg_rule {
	int32_t offset;
	uint8_t kind, base, pad[2];
};
struct ap_rule {
	int32_t cfa_offset;
	uint8_t cfa_kind, cfa_reg;
	uint8_t signal; /* the caller was interrupted: its pc is exact */
	int8_t cfa_add;
	struct ap_reg_rule reg[AP_REG_COUNT]; /* by DWARF number; [AP_REG_PC] is the return address */
};

#endif
