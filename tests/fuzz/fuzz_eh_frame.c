/* A hostile image to the builder of unwind tables. */
#include "unwind/table.h"

#include <stdint.h>
#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ap_unwind_input in = {.fd = -1, .image = data, .image_size = n, .max_bytes = 8 << 20};
	struct ap_unwind_table *t;

	if (!ap_unwind_table_build(&in, &t, NULL)) {
		ap_unwind_table_find(t, t->base + n);
		ap_unwind_table_free(t);
	}
	return 0;
}
