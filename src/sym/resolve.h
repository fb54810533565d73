/* The kinds of binary, one resolver each. They run in the child. */
#ifndef AP_SYM_RESOLVE_H
#define AP_SYM_RESOLVE_H

#include "sym/debugfile.h"
#include "sym/kallsyms.h"
#include "sym/sym.h"

/* `put` is called for each address that has a name, or a start in its place. Returns how many had a name; fills why with what was missing,
 * or "". */
struct sym_out {
	void (*put)(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n);
	void *ctx;
};
size_t sym_resolve_elf(const struct ap_sym_config *cfg, const struct debug_dirs *dirs, const struct ap_sym_job *job,
	const struct sym_out *out, struct ap_why *why);
size_t sym_resolve_kallsyms(struct kallsyms *k, const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why);
size_t sym_resolve_jit(const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why);

#endif
