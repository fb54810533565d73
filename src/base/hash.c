/* Linear probing over {tag, slot} cells of 8 bytes, at most three quarters full. Growing asks the caller for each entry's hash, so a cell
 * does not store it whole. Removal leaves a tombstone that the next growth drops. */
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { REMOVED = AP_INDEX_NONE - 1, FIRST_CELLS = 64, MAX_LIVE = 1 << 30 };

uint64_t ap_hash_bytes(const void *data, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, n, seed);
}

uint32_t ap_index_find(const struct ap_index *ix, uint64_t hash, ap_index_same same, const void *ctx, const void *key)
{
	uint32_t tag = (uint32_t)(hash >> 32), at;
	const struct ap_index_cell *c;

	if (!ix->cells)
		return AP_INDEX_NONE;
	for (at = (uint32_t)hash & ix->mask;; at = (at + 1) & ix->mask) {
		c = &ix->cells[at];
		if (c->slot == (uint32_t)AP_INDEX_NONE)
			return AP_INDEX_NONE;
		if (c->tag == tag && c->slot != (uint32_t)REMOVED && same(ctx, c->slot, key))
			return c->slot;
	}
}

static void put(struct ap_index_cell *cells, uint32_t mask, uint64_t hash, uint32_t slot)
{
	uint32_t at = (uint32_t)hash & mask;

	while (cells[at].slot != (uint32_t)AP_INDEX_NONE)
		at = (at + 1) & mask;
	cells[at].tag = (uint32_t)(hash >> 32);
	cells[at].slot = slot;
}

static int grow(struct ap_index *ix, uint64_t (*hash_of)(const void *, uint32_t), const void *ctx)
{
	size_t n = FIRST_CELLS, i;
	struct ap_index_cell *cells;

	while (n < (size_t)ix->live * 2 + 2)
		n *= 2;
	cells = malloc(n * sizeof *cells);
	if (!cells)
		return -ENOMEM;
	memset(cells, 0xff, n * sizeof *cells);
	for (i = 0; ix->cells && i <= ix->mask; i++)
		if (ix->cells[i].slot < (uint32_t)REMOVED)
			put(cells, (uint32_t)(n - 1), hash_of(ctx, ix->cells[i].slot), ix->cells[i].slot);
	free(ix->cells);
	ix->cells = cells;
	ix->mask = (uint32_t)(n - 1);
	ix->used = ix->live;
	return 0;
}

int ap_index_add(struct ap_index *ix, uint64_t hash, uint32_t slot, uint64_t (*hash_of)(const void *, uint32_t), const void *ctx)
{
	int err;

	if (ix->live >= MAX_LIVE)
		return -E2BIG;
	if (!ix->cells || ix->used >= (ix->mask + 1) / 4 * 3) {
		err = grow(ix, hash_of, ctx);
		if (err)
			return err;
	}
	put(ix->cells, ix->mask, hash, slot);
	ix->used++;
	ix->live++;
	return 0;
}

bool ap_index_remove(struct ap_index *ix, uint64_t hash, uint32_t slot)
{
	uint32_t at;

	if (!ix->cells)
		return false;
	for (at = (uint32_t)hash & ix->mask; ix->cells[at].slot != (uint32_t)AP_INDEX_NONE; at = (at + 1) & ix->mask)
		if (ix->cells[at].slot == slot) {
			ix->cells[at].slot = REMOVED;
			ix->live--;
			return true;
		}
	return false;
}

void ap_index_done(struct ap_index *ix)
{
	free(ix->cells);
	memset(ix, 0, sizeof *ix);
}
