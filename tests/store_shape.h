/* Small recordings in the shape of the benchmark's. */
#ifndef TESTS_STORE_SHAPE_H
#define TESTS_STORE_SHAPE_H

#include "tests/bench/shape.h"
#include "tests/store_make.h"

static inline struct shape_state *make_shape(uint32_t samples, uint32_t host)
{
	struct shape shape = {samples, samples / 5 + 1, samples / 20 + 2 < 500 ? samples / 20 + 2 : 500, 3, host};
	struct shape_state *s;

	ck_assert(!shape_new(&shape, &s));
	return s;
}

/* Puts all of it, in batches; the first error of put. */
static inline int make_put(struct ap_store *s, struct shape_state *shape, uint32_t batch)
{
	struct ap_batch *b;
	int err = 0;

	while (!err) {
		ck_assert(!ap_batch_new(&b));
		if (!shape_next(shape, b, batch)) {
			ap_batch_free(b);
			break;
		}
		err = ap_store_put(s, b, UINT64_MAX);
	}
	return err;
}

static inline void make_file(const char *path, const char *uuid, uint32_t samples, uint32_t host)
{
	struct shape_state *shape = make_shape(samples, host);
	struct ap_why why = {""};
	struct ap_store *s;

	ck_assert_msg(!make_create(path, uuid, 0, &s, &why), "%s", why.text);
	ck_assert(!make_put(s, shape, 500));
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	shape_free(shape);
}

#endif
