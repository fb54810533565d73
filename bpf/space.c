/* A sorted array of holes. A search is linear: there are as many holes as evictions left behind, which are rare. */
#include "bpf/space.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

int space_init(struct space *s, uint32_t size)
{
	memset(s, 0, sizeof *s);
	if (!ap_grow(&s->holes, &s->cap, 0, sizeof *s->holes))
		return -ENOMEM;
	s->holes[s->n_holes++] = (struct space_hole){0, size};
	return 0;
}

void space_done(struct space *s)
{
	free(s->holes);
	memset(s, 0, sizeof *s);
}

static void remove_hole(struct space *s, size_t i)
{
	memmove(&s->holes[i], &s->holes[i + 1], (s->n_holes - i - 1) * sizeof *s->holes);
	s->n_holes--;
}

int space_take(struct space *s, uint32_t n, uint32_t *ret_at)
{
	for (size_t i = 0; i < s->n_holes; i++) {
		if (s->holes[i].n < n)
			continue;
		*ret_at = s->holes[i].at;
		s->holes[i].at += n;
		s->holes[i].n -= n;
		s->used += n;
		if (!s->holes[i].n)
			remove_hole(s, i);
		return 0;
	}
	return -ENOSPC;
}

int space_give(struct space *s, uint32_t at, uint32_t n)
{
	size_t i = 0;

	while (i < s->n_holes && s->holes[i].at < at)
		i++;
	s->used -= n;
	if (i && s->holes[i - 1].at + s->holes[i - 1].n == at) {
		s->holes[i - 1].n += n;
		if (i < s->n_holes && s->holes[i].at == at + n) {
			s->holes[i - 1].n += s->holes[i].n;
			remove_hole(s, i);
		}
		return 0;
	}
	if (i < s->n_holes && s->holes[i].at == at + n) {
		s->holes[i].at = at;
		s->holes[i].n += n;
		return 0;
	}
	if (!ap_grow(&s->holes, &s->cap, s->n_holes, sizeof *s->holes))
		return -ENOMEM;
	memmove(&s->holes[i + 1], &s->holes[i], (s->n_holes - i) * sizeof *s->holes);
	s->holes[i] = (struct space_hole){at, n};
	s->n_holes++;
	return 0;
}
