/* What the symboliser's child sends, which a hostile file may have taken over. What is taken must be what can be put again. */
#include "sym/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_message m, again;
	struct ap_buf b = {0};
	size_t at = 0;
	int n, err;

	while ((n = wire_take((const char *)data + at, size - at, &m)) > 0) {
		if ((size_t)n > size - at)
			abort();
		b.len = 0;
		err = m.kind == WIRE_NAMED ? wire_put_named(&b, m.id, m.lines, m.n) : wire_put_done(&b, m.id, m.n, m.why);
		if (err || wire_take(b.data, b.len, &again) != (int)b.len || again.id != m.id || again.n != m.n)
			abort();
		at += (size_t)n;
	}
	ap_buf_done(&b);
	return 0;
}
