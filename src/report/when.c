#include "report/when.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* of a time since the start: a year of nanoseconds and more, far from the end of int64_t */
static const double SINCE_MAX_NS = 9e17;

static bool since_start(const char *s, int64_t *ret)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}};
	char *end;
	double v;

	if (!isdigit((unsigned char)s[0]) && s[0] != '.')
		return false;
	v = strtod(s, &end);
	for (size_t i = 0; end != s && isfinite(v) && i < AP_ARRAY_LEN(units); i++)
		if (!strcmp(end, units[i].unit) && v * units[i].ns <= SINCE_MAX_NS) {
			*ret = (int64_t)llround(v * units[i].ns);
			return true;
		}
	return false;
}

/* ".25" to nanoseconds; what is behind the ninth digit is dropped. */
static const char *fraction(const char *s, int64_t *ret_ns)
{
	int64_t unit = 100000000;

	*ret_ns = 0;
	if (*s != '.' || !isdigit((unsigned char)s[1]))
		return s;
	for (s++; isdigit((unsigned char)*s); s++, unit /= 10)
		*ret_ns += (*s - '0') * unit;
	return s;
}

static bool zone(const char *s, int *ret_seconds)
{
	int hours, minutes, used = 0;

	*ret_seconds = 0;
	if (!*s || !strcmp(s, "Z") || !strcmp(s, "z"))
		return true;
	if ((*s != '+' && *s != '-') || !isdigit((unsigned char)s[1]) || sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 ||
		s[1 + used] || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*ret_seconds = (*s == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static bool date(const char *s, int64_t *ret)
{
	struct tm t = {0}, same;
	char separator;
	int used = 0, offset;
	int64_t ns;
	time_t seconds;

	if (sscanf(s, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &separator, &t.tm_hour, &t.tm_min, &t.tm_sec,
		    &used) != 7 ||
		!used || !strchr("Tt ", separator) || t.tm_year < 1970 || t.tm_year > 2200)
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	same = t;
	seconds = timegm(&t);
	/* timegm takes the 31st of February for the 3rd of March; a leap second may run over */
	if (same.tm_mon != t.tm_mon || same.tm_mday != t.tm_mday || same.tm_hour != t.tm_hour)
		return false;
	if (!zone(fraction(s + used, &ns), &offset))
		return false;
	*ret = ((int64_t)seconds - offset) * 1000000000 + ns;
	return true;
}

int report_when_parse(const char *option, const char *s, struct report_when *ret_when, struct ap_why *why)
{
	struct report_when w = {.given = s != NULL};

	if (s && !since_start(s, &w.ns)) {
		w.absolute = true;
		if (!date(s, &w.ns))
			return ap_why(why, EINVAL,
				"%s %s: give a time since the start such as 1.5s or 200ms, or a date such as 2026-11-24T10:00:00Z", option,
				s);
	}
	*ret_when = w;
	return 0;
}
