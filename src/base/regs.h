/* Registers of a thread, numbered as the architecture's DWARF does. The only header that knows the architecture. Sources of the numbers:
 * System V x86-64 psABI figure 3.36; DWARF for the Arm 64-bit architecture, table 4.1. */
#ifndef AP_BASE_REGS_H
#define AP_BASE_REGS_H

#include <stdint.h>

#if defined(__x86_64__)
enum { AP_REG_FP = 6, AP_REG_SP = 7, AP_REG_PC = 16, AP_REG_COUNT = 17 };
#elif defined(__aarch64__)
enum { AP_REG_FP = 29, AP_REG_LR = 30, AP_REG_SP = 31, AP_REG_PC = 32, AP_REG_COUNT = 33 };
#else
#error "Aperture knows x86-64 and aarch64"
#endif

struct ap_regs {
	uint64_t known; /* bit i: r[i] holds the register's value */
	uint64_t r[AP_REG_COUNT];
};

#endif
