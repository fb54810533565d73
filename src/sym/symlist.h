/* Text files of "address size name" lines, sorted: perf maps and kallsyms. */
#ifndef AP_SYM_SYMLIST_H
#define AP_SYM_SYMLIST_H

#include "base/mem.h"
#include "sym/resolve.h"

struct symlist_entry {
	uint64_t start, end; /* end 0: to the next */
	uint32_t order;	     /* of its line: a later one wins */
	const char *name;    /* into text */
};
struct symlist {
	struct symlist_entry *v;
	size_t n, cap;
	struct ap_buf text;
};
int symlist_read(struct symlist *l, int fd, size_t max_bytes);
int symlist_add(struct symlist *l, uint64_t start, uint64_t end, const char *name); /* 0, -ENOMEM */
void symlist_sort(struct symlist *l);
/* Names what it holds of the job's addresses, `bias` added to each. Returns how many. */
size_t symlist_resolve(const struct symlist *l, const struct ap_sym_job *job, uint64_t bias, const struct sym_out *out);
void symlist_done(struct symlist *l);

#endif
