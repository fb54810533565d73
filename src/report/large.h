/* Memory for tables that are looked into at random: in pages of 2 MB that costs few walks through page tables and few faults, where the
 * system has such pages. */
#ifndef AP_REPORT_LARGE_H
#define AP_REPORT_LARGE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REPORT_LARGE_PAGE = 2 << 20 };

/* As calloc; free() frees. */
static inline void *report_large_calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX - REPORT_LARGE_PAGE)
		return NULL;
	if (bytes < REPORT_LARGE_PAGE)
		return calloc(n, size);
	bytes = (bytes + REPORT_LARGE_PAGE - 1) / REPORT_LARGE_PAGE * REPORT_LARGE_PAGE;
	p = aligned_alloc(REPORT_LARGE_PAGE, bytes);
	if (p) {
		madvise(p, bytes, MADV_HUGEPAGE); /* a wish: refused, the pages are small */
		memset(p, 0, bytes);
	}
	return p;
}

#endif
