/* Names of JIT code: what perf maps and jitdumps say of the addresses of a job. Private to src/sym. */
#ifndef AP_SYM_JIT_H
#define AP_SYM_JIT_H

#include "base/mem.h"
#include "sym/resolve.h"

/* The code at one address of the job. Later code takes the place of earlier. */
struct jit_code {
	const char *name;     /* NULL: none */
	uint64_t debug_at;    /* offset in the jitdump of its lines; 0: none */
	uint32_t debug_size;
	uint64_t moved;	      /* address now - address when its lines were written */
};
struct jit_codes {
	const struct ap_sym_job *job;
	struct jit_code *v; /* one an address of the job */
	struct ap_arena names;
};

/* Code at [start, end) from time_ns on (0: no time is known): fills the addresses in it that were seen later than that. 0, -ENOMEM. */
int jit_codes_put(struct jit_codes *c, uint64_t start, uint64_t end, uint64_t time_ns, const struct jit_code *code);

/* Both fill the codes; why is left alone where all was well. */
void jit_read_map(struct jit_codes *c, int fd, struct ap_why *why);
void jit_read_dump(struct jit_codes *c, int fd, struct ap_why *why);
/* File and line of a code's address, from its lines. The file is in `names`. */
void jit_line(struct jit_codes *c, int fd, const struct jit_code *code, uint64_t address, struct ap_sym_line *ret_line);

#endif
