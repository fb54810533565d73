/* The sentence lives in the caller's struct; nothing is allocated. */
#include "base/why.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int ap_why(struct ap_why *w, int err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (w) {
		va_start(ap, fmt);
		vsnprintf(w->text, sizeof w->text, fmt, ap);
		va_end(ap);
	}
	errno = saved;
	return -err;
}

void ap_why_add(struct ap_why *w, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t used;

	if (w) {
		used = strlen(w->text);
		va_start(ap, fmt);
		vsnprintf(w->text + used, sizeof w->text - used, fmt, ap);
		va_end(ap);
	}
	errno = saved;
}
