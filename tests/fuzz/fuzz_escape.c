/* Any name into each sink: the output holds no byte that could steer it. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int (*const escapes[])(struct ap_buf *, const char *) = {ap_escape_terminal, ap_escape_html, ap_escape_json, ap_escape_csv,
		ap_escape_folded};
	char *s = malloc(n + 1);

	memcpy(s, data, n);
	s[n] = '\0';
	for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
		struct ap_buf b = {0};

		if (escapes[i](&b, s))
			abort();
		for (size_t k = 0; k < b.len; k++)
			if ((unsigned char)b.data[k] < 0x20 || b.data[k] == 0x7f || (i == 1 && strchr("<>\"'", b.data[k])) || (i == 2 && strchr("<>", b.data[k])))
				abort();
		ap_buf_done(&b);
	}
	free(s);
	return 0;
}
