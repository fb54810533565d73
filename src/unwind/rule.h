/* What a table row says: how to find the caller's registers. Plain data, the same in user space and in a BPF map. */
#ifndef AP_UNWIND_RULE_H
#define AP_UNWIND_RULE_H

#include "base/regs.h"

#include <stdbool.h>
#include <stdint.h>

enum ap_cfa_kind {
	AP_CFA_NONE,      /* no frame information here */
	AP_CFA_REG,       /* reg + offset */
	AP_CFA_DEREF_REG, /* *(reg + offset) + add: a realigned stack */
	AP_CFA_PLT,       /* sp + 8 + ((pc & 15) >= offset ? 8 : 0) */
	AP_CFA_INDEXED,   /* *(reg + offset + 8 * index) + add: OpenSSL's multiplication keeps the old stack pointer behind an array */
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
	uint8_t cfa_index, pad[7];
	struct ap_reg_rule reg[AP_REG_COUNT]; /* by DWARF number; [AP_REG_PC] is the return address */
};

/* The short form. Nearly every rule says: the CFA from one register, the return address and some callee-saved registers at fixed places below
 * it. Such a rule is a few bytes and steps in a few loads (short.h); whatever else there is (signal frames, registers kept in registers) takes
 * the long form, and both kinds of step give the same frame. */
/* DWARF numbers of the registers that a callee saves and a CFA may be counted from, first those that are saved most often: AP_SHORT_OFTEN.
 * AP_SHORT_KEPT: the same as a set. */
#if defined(__x86_64__)
enum { AP_SHORT_SAVED = 6, AP_SHORT_OFTEN = 2 };
#define AP_SHORT_REGS {3, 6, 12, 13, 14, 15}
#define AP_SHORT_KEPT (1ull << 3 | 1ull << 6 | 0xfull << 12)
#else /* the link register beside them: it is what the return address is */
enum { AP_SHORT_SAVED = 11, AP_SHORT_OFTEN = 3 };
#define AP_SHORT_REGS {29, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28}
#define AP_SHORT_KEPT (0x7ffull << 19)
#endif

enum ap_short_kind {
	AP_SHORT_STEP = 1,
	AP_SHORT_OUTERMOST, /* no caller */
	AP_SHORT_LONG,	    /* cfa_offset is the number of a struct ap_rule in the table's list of long ones */
	AP_SHORT_NONE,	    /* no frame information at this address */
};

struct ap_short_rule {
	int32_t cfa_offset;
	uint8_t cfa_kind, cfa_reg;
	uint16_t saved; /* bit i: AP_SHORT_REGS[i] is at CFA + offset[i]; the others keep their value */
	uint8_t kind;	/* enum ap_short_kind */
	uint8_t depth;	/* words below the CFA that the rule reads */
	int16_t ra_offset; /* of the return address from the CFA; it and the others are -8 * depth at least, -8 at most. 0 (aarch64): in LR */
	int16_t offset[AP_SHORT_SAVED];
};

bool ap_short_from_rule(const struct ap_rule *rule, struct ap_short_rule *ret_short); /* false: it takes the long form */

#endif
