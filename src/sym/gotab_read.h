/* Checked reads of Go's function table. Private to gotab.c and gofunc.c. */
#ifndef AP_SYM_GOTAB_READ_H
#define AP_SYM_GOTAB_READ_H

#include "sym/gotab.h"

#include <string.h>

static inline uint64_t gotab_word_in(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size); /* little-endian: the machines that Aperture knows */
	return v;
}

/* A number of `size` bytes at an offset of the table. False: outside. */
static inline bool gotab_word(const struct gotab *t, uint64_t at, size_t size, uint64_t *ret_value)
{
	if (at > t->size || t->size - at < size)
		return false;
	*ret_value = gotab_word_in(t->data + at, size);
	return true;
}

/* Function i's first address, and the offset in the table of its description; i == n_functions gives the end of the last. */
bool gotab_entry(const struct gotab *t, uint64_t i, uint64_t *ret_pc, uint64_t *ret_function);
/* The name of the function described at an offset; ret_name may be NULL. False: not a name. */
bool gotab_name_at(const struct gotab *t, uint64_t function, const char **ret_name);

#endif
