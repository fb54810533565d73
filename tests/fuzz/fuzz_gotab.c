/* Go's function table: the input is a segment that holds it, at the start or where its magic number is found, and the memory that its
 * inlined calls are looked for in. */
#include "sym/gotab.h"

#include <string.h>

enum { BASE = 0x400000, TEXT = 0x401000 };

static void ask(const struct gotab *t)
{
	static const uint64_t steps[] = {0, 1, 7, 15, 16, 17, 24, 31, 32, 4096, 65536};
	struct ap_sym_line lines[GOTAB_LINES_MAX];

	for (size_t i = 0; i < AP_ARRAY_LEN(steps); i++) {
		size_t n = gotab_lines(t, TEXT + steps[i], lines), bytes = 0;

		if (n > GOTAB_LINES_MAX)
			abort();
		for (size_t k = 0; k < n; k++)
			bytes += strlen(lines[k].function) + strlen(lines[k].file) + strlen(lines[k].function_file);
		if (n && !bytes)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gotab t = {.n_ranges = 2};

	t.ranges[0] = (struct gotab_range){data, BASE, size, false};
	t.ranges[1] = (struct gotab_range){data, BASE + 0x10000000, size, true};
	if (size >= 8 && gotab_at(&t, &t.ranges[0], 0, TEXT)) {
		gotab_find_inlined(&t);
		ask(&t);
		t.gofunc = BASE;
		ask(&t);
	}
	if (gotab_search(&t, TEXT))
		ask(&t);
	return 0;
}
