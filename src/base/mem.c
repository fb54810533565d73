/* Buffers double up to their limit. An arena is a list of blocks, each at least AP_ARENA_BLOCK bytes. */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AP_ARENA_BLOCK = 64 << 10 };

struct ap_arena_block {
	struct ap_arena_block *before;
	size_t used, size;
	_Alignas(8) char data[];
};

void ap_cleanup_free(void *pointer_to_pointer)
{
	void *p;

	memcpy(&p, pointer_to_pointer, sizeof p);
	free(p);
}

int ap_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

void ap_cleanup_close(int *fd)
{
	*fd = ap_close(*fd);
}

void *ap_grow(void *pointer_to_array, size_t *cap, size_t n, size_t element_size)
{
	void *array;
	size_t want;

	memcpy(&array, pointer_to_array, sizeof array);
	if (n < *cap)
		return array;
	want = *cap ? *cap * 2 : 16;
	if (want > SIZE_MAX / 2 / element_size)
		return NULL;
	array = realloc(array, want * element_size);
	if (!array)
		return NULL;
	memcpy(pointer_to_array, &array, sizeof array);
	*cap = want;
	return array;
}

static int reserve(struct ap_buf *b, size_t n)
{
	size_t max = b->max ? b->max : AP_BUF_MAX, want = b->cap ? b->cap : 256;
	char *data;

	if (n >= max || b->len > max - n - 1)
		return -EMSGSIZE;
	while (want < b->len + n + 1)
		want *= 2;
	if (want == b->cap)
		return 0;
	data = realloc(b->data, want);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = want;
	return 0;
}

int ap_buf_add(struct ap_buf *b, const void *data, size_t n)
{
	int err = reserve(b, n);

	if (err)
		return err;
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int ap_buf_puts(struct ap_buf *b, const char *s)
{
	return ap_buf_add(b, s, strlen(s));
}

int ap_buf_printf(struct ap_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	err = reserve(b, (size_t)n);
	if (err)
		return err;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void ap_buf_done(struct ap_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

void *ap_arena_alloc(struct ap_arena *a, size_t n)
{
	struct ap_arena_block *k = a->last;
	size_t size;
	void *p;

	if (n > SIZE_MAX - AP_ARENA_BLOCK)
		return NULL;
	n = (n + 7) & ~(size_t)7;
	if (!k || k->size - k->used < n) {
		size = n > AP_ARENA_BLOCK ? n : AP_ARENA_BLOCK;
		k = malloc(sizeof *k + size);
		if (!k)
			return NULL;
		k->before = a->last;
		k->used = 0;
		k->size = size;
		a->last = k;
		a->bytes += sizeof *k + size;
	}
	p = k->data + k->used;
	k->used += n;
	return p;
}

char *ap_arena_strndup(struct ap_arena *a, const char *s, size_t n)
{
	char *p = n < SIZE_MAX ? ap_arena_alloc(a, n + 1) : NULL;

	if (p) {
		memcpy(p, s, n);
		p[n] = '\0';
	}
	return p;
}

void ap_arena_done(struct ap_arena *a)
{
	struct ap_arena_block *k, *before;

	for (k = a->last; k; k = before) {
		before = k->before;
		free(k);
	}
	a->last = NULL;
	a->bytes = 0;
}
