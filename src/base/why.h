/* A sentence for the user: what failed, why, and what to do. Cold set-up calls fill one; hot calls never format text. */
#ifndef AP_BASE_WHY_H
#define AP_BASE_WHY_H

#include <stdarg.h>

enum { AP_WHY_MAX = 1024 };

struct ap_why {
	char text[AP_WHY_MAX]; /* NUL-terminated, without a newline; "" when nothing was said */
};

/* The one remedy where privilege is missing: all that Aperture can use in one command, for setcap replaces what was there before. */
#define AP_SETCAP "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog+ep \"$(command -v aperture)\""

/* Writes the sentence (cut at AP_WHY_MAX - 1 bytes) and returns -err, so that a failing call can end in `return ap_why(w, ENOENT, ...)`.
 * `w` may be NULL. `err` is a positive errno. errno is left as it was. */
int ap_why(struct ap_why *w, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Appends to what is there (", " or "; " is the caller's). */
void ap_why_add(struct ap_why *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
