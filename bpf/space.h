/* First-fit room in a row of `size` units: which stretches are free. Small numbers of stretches, one thread. */
#ifndef AP_BPF_SPACE_H
#define AP_BPF_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct space_hole {
	uint32_t at, n;
};
struct space {
	struct space_hole *holes; /* sorted, never adjacent */
	size_t n_holes, cap;
	uint32_t used;
};

int space_init(struct space *s, uint32_t size); /* 0, -ENOMEM */
void space_done(struct space *s);
/* 0, or -ENOSPC: no hole is large enough. */
int space_take(struct space *s, uint32_t n, uint32_t *ret_at);
/* Gives back what take gave. 0, or -ENOMEM: the room stays lost. */
int space_give(struct space *s, uint32_t at, uint32_t n);

#endif
