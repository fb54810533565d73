#include "report/lists.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *whole_number(const char *s, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(s, &end, 10);
	return isdigit((unsigned char)s[0]) && !errno ? end : NULL;
}

int report_ranges_parse(const char *option, const char *list, struct report_ranges *r, struct ap_why *why)
{
	const char *at = list, *next;
	int64_t first, last;

	r->n = 0;
	if (!list)
		return 0;
	do {
		next = whole_number(at, &first);
		last = first;
		if (next && *next == '-')
			next = whole_number(next + 1, &last);
		if (!next || (*next && *next != ',') || last < first)
			return ap_why(why, EINVAL, "%s %s: give numbers, separated by commas, such as 1,5-8", option, list);
		if (r->n == REPORT_RANGES_MAX)
			return ap_why(why, E2BIG, "%s: more than %d values", option, REPORT_RANGES_MAX);
		r->v[r->n].first = first;
		r->v[r->n++].last = last;
		at = next + 1;
	} while (*next);
	return 0;
}

bool report_ranges_have(const struct report_ranges *r, int64_t v)
{
	for (size_t i = 0; i < r->n; i++)
		if (v >= r->v[i].first && v <= r->v[i].last)
			return true;
	return !r->n;
}

int report_names_check(const char *option, const char *list, struct ap_why *why)
{
	return list && !list[0] ? ap_why(why, EINVAL, "%s: the value is empty; leave the option out to keep everything", option) : 0;
}

static bool listed(const char *list, const char *name, size_t prefix_min)
{
	size_t n = strlen(name), len;

	for (; list && *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len <= n && !memcmp(list, name, len) && (len == n || (prefix_min && len >= prefix_min)))
			return true;
	}
	return !list;
}

bool report_names_have(const char *list, const char *name)
{
	return listed(list, name, 0);
}

bool report_prefixes_have(const char *list, const char *name)
{
	return listed(list, name, REPORT_RUN_PREFIX_MIN);
}
