/* What standard output is, and a pager before it. */
#ifndef AP_CMD_TERMINAL_H
#define AP_CMD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct terminal {
	bool is_one;
	bool colour;    /* NO_COLOR unset or empty, TERM not dumb */
	uint32_t width; /* columns; 0 where it is not one */
};
struct terminal terminal_look(void);

struct pager {
	pid_t pid; /* 0: none */
};
/* Sends standard output through $PAGER, else less; with LESS=FRX where it is unset, so that what fits the screen is just printed. Where
 * no pager can be started, output goes on as it is. Call before anything is printed. */
void pager_start(struct pager *p);
/* Closes standard output and waits until the user has left the pager. */
void pager_end(struct pager *p);

#endif
