/* Hashing, and an open-addressing index from a hash to a slot number. The index holds no keys: the caller keeps entries in an array of
 * its own and compares through a callback, so one index serves every kind of key. */
#ifndef AP_BASE_HASH_H
#define AP_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t ap_hash_bytes(const void *data, size_t n, uint64_t seed); /* XXH3, 64 bits */

static inline uint64_t ap_hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}
static inline uint64_t ap_hash_pair(uint64_t a, uint64_t b)
{
	return ap_hash_u64(a + 0x9e3779b97f4a7c15ull * ap_hash_u64(b + 0x632be59bd9b4e019ull));
}

enum { AP_INDEX_NONE = UINT32_MAX };

struct ap_index {
	struct ap_index_cell *cells; /* NULL when empty */
	uint32_t mask;		     /* cells - 1; a power of two less one */
	uint32_t used;		     /* cells that hold a slot or a tombstone */
	uint32_t live;
};
struct ap_index_cell {
	uint32_t tag;  /* high half of the hash */
	uint32_t slot; /* AP_INDEX_NONE: never used; AP_INDEX_NONE - 1: removed */
};

typedef bool (*ap_index_same)(const void *ctx, uint32_t slot, const void *key);

/* Returns the slot whose entry is the same as `key`, or AP_INDEX_NONE. */
uint32_t ap_index_find(const struct ap_index *ix, uint64_t hash, ap_index_same same, const void *ctx, const void *key);
int ap_index_add(struct ap_index *ix, uint64_t hash, uint32_t slot, uint64_t (*hash_of)(const void *ctx, uint32_t slot),
	const void *ctx);						  /* 0, -ENOMEM (unchanged), -E2BIG past 2^30 */
bool ap_index_remove(struct ap_index *ix, uint64_t hash, uint32_t slot);  /* false: was not there */
void ap_index_done(struct ap_index *ix);

#endif
