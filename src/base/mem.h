/* Memory: cleanup attributes for single-exit ownership, a growable buffer with a named limit, and an arena for short strings. */
#ifndef AP_BASE_MEM_H
#define AP_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define AP_CLEANUP(fn) __attribute__((cleanup(fn)))
#define AP_AUTO_FREE AP_CLEANUP(ap_cleanup_free)
#define AP_AUTO_CLOSE AP_CLEANUP(ap_cleanup_close) /* an int; closed if >= 0 */

void ap_cleanup_free(void *pointer_to_pointer);
void ap_cleanup_close(int *fd);

/* Closes if >= 0, keeps errno, returns -1: `fd = ap_close(fd)`. */
int ap_close(int fd);

/* Takes ownership out of a cleanup variable. */
#define AP_STEAL(p)                                                                                                    \
	({                                                                                                             \
		__typeof__(p) *stolen_ = &(p), value_ = *stolen_;                                                      \
		*stolen_ = NULL;                                                                                       \
		value_;                                                                                                \
	})
#define AP_STEAL_FD(fd)                                                                                                \
	({                                                                                                             \
		int *stolen_ = &(fd), value_ = *stolen_;                                                               \
		*stolen_ = -1;                                                                                         \
		value_;                                                                                                \
	})

#define AP_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Makes room for one more element in a heap array that holds n of room `*cap`; doubles. NULL leaves the array as it was.
 *	if (!(v = ap_grow(&x->items, &x->cap, x->n, sizeof *x->items))) return -ENOMEM; */
void *ap_grow(void *pointer_to_array, size_t *cap, size_t n, size_t element_size);

/* A growable byte buffer. `max` is its hard limit; appending past it fails with -EMSGSIZE and changes nothing. */
struct ap_buf {
	char *data; /* NULL or heap; always NUL-terminated behind `len` once anything was appended */
	size_t len;
	size_t cap;
	size_t max; /* 0: AP_BUF_MAX */
};
enum { AP_BUF_MAX = 1 << 30 };

int ap_buf_add(struct ap_buf *b, const void *data, size_t n); /* 0, -ENOMEM, -EMSGSIZE */
int ap_buf_puts(struct ap_buf *b, const char *s);
int ap_buf_printf(struct ap_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ap_buf_done(struct ap_buf *b); /* frees; the struct may be used again */

/* Many small strings and blobs that die together. Pointers stay valid until ap_arena_done. */
struct ap_arena_block;
struct ap_arena {
	struct ap_arena_block *last; /* NULL when empty */
	size_t bytes;		     /* allocated in all */
};
void *ap_arena_alloc(struct ap_arena *a, size_t n); /* 8-aligned, not cleared; NULL: no memory */
char *ap_arena_strndup(struct ap_arena *a, const char *s, size_t n);
void ap_arena_done(struct ap_arena *a);

#endif
