/* The private format between the symboliser's child and its parent: messages of 32-bit words and strings through a pipe. */
#ifndef AP_SYM_WIRE_H
#define AP_SYM_WIRE_H

#include "base/mem.h"
#include "sym/sym.h"

enum { WIRE_NAMED = 1, WIRE_DONE = 2, WIRE_LINES_MAX = 256, WIRE_TEXT_MAX = 16 << 10, WIRE_MESSAGE_MAX = 32 << 20 };

/* length of what follows, then the message. A text is cut at WIRE_TEXT_MAX, so that the longest message fits its limit. */
int wire_put_named(struct ap_buf *b, uint32_t id, const struct ap_sym_line *lines, size_t n);
int wire_put_done(struct ap_buf *b, uint32_t job, uint32_t named, const char *why);

struct wire_message {
	uint32_t kind, id, n; /* NAMED: frame id, lines; DONE: job, named */
	struct ap_sym_line lines[WIRE_LINES_MAX];
	const char *why;
};
/* Takes one message from the front of n bytes. Returns its whole length; 0: not all of it is there yet; -EBADMSG. Strings point into data. */
int wire_take(const char *data, size_t n, struct wire_message *ret_message);

#endif
