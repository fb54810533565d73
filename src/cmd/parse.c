#include "cmd/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool ap_parse_u64(const char *s, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)s[0]) || *end || errno)
		return false;
	*ret = v;
	return true;
}

bool ap_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	unsigned long long v;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)s[0]) || errno)
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || (end[1] && strcasecmp(end + 1, "b") && strcasecmp(end + 1, "ib")))
			return false;
		for (int i = 0; i <= unit - units; i++) {
			if (v > UINT64_MAX / 1024)
				return false;
			v *= 1024;
		}
	}
	*ret_bytes = v;
	return true;
}

bool ap_parse_seconds(const char *s, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} UNITS[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}};
	char *end;
	double v = strtod(s, &end);

	if (end == s || !isfinite(v) || v < 0 || !(isdigit((unsigned char)s[0]) || s[0] == '.'))
		return false;
	for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
		if (!strcmp(end, UNITS[i].unit) && v * UNITS[i].ns < 9e18) {
			*ret_ns = (uint64_t)(v * UNITS[i].ns);
			return true;
		}
	return false;
}
