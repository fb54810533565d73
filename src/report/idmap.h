/* From a file's id to the place of its row in an array that is sorted by id. Ids of our own files count from 1 without holes, so the guess
 * mostly hits; a file that was merged or made by somebody else costs a binary search, never memory by the size of an id. */
#ifndef AP_REPORT_IDMAP_H
#define AP_REPORT_IDMAP_H

#include <stddef.h>
#include <stdint.h>

enum { REPORT_NO_ROW = UINT32_MAX };

/* `ids` is ascending; REPORT_NO_ROW when the id is not there. */
static inline uint32_t report_row_of(const int64_t *ids, size_t n, int64_t id)
{
	size_t low = 0, high = n;

	if (id >= 1 && (uint64_t)id <= n && ids[id - 1] == id)
		return (uint32_t)(id - 1);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids[middle] == id)
			return (uint32_t)middle;
		if (ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return REPORT_NO_ROW;
}

/* Sums of a hostile file stop at the end of the range. */
static inline int64_t report_add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

#endif
