/* bpf/unwind.bpf.h as ordinary C: the walk of the BPF program under a debugger, ASan, UBSan and a fuzzer. What libbpf and the kernel give
 * it is stood in for here: a map is a run of values or one heap block a value, so that ASan sees each end; user memory is an image with
 * holes. One walk at a time, and one file of a program includes this. */
#ifndef AP_TESTS_BPF_USER_H
#define AP_TESTS_BPF_USER_H

#include "bpf/layout.h"
#include "unwind/unwind.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, what) __typeof__(what) *name
#define __array(name, what) __typeof__(what) *name[]
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif

/* The thread's memory: `n` bytes from `from`, but for the pages whose bit is set, counted from the first. */
enum { BPF_USER_PAGE = 4096 };
struct bpf_user_memory {
	uint64_t from;
	const unsigned char *bytes;
	size_t n;
	uint64_t holes;
};
/* How many of the n bytes at the address can be read, from the first on. */
static inline size_t bpf_user_readable(const struct bpf_user_memory *m, uint64_t address, size_t n)
{
	uint64_t at = address - m->from, page = address / BPF_USER_PAGE - m->from / BPF_USER_PAGE;
	size_t got = 0, part;

	for (; at < m->n && got < n; page++) {
		if (page < 64 && (m->holes >> page & 1))
			break;
		part = BPF_USER_PAGE - (size_t)((address + got) % BPF_USER_PAGE);
		if (part > m->n - at)
			part = (size_t)(m->n - at);
		got += part;
		at += part;
	}
	return got < n ? got : n;
}

/* A map's values: `run` of them, or `each` in a block of its own, all zero until it is written. The outer map's blocks are the shards. */
struct bpf_user_map {
	const void *map;
	size_t value_size;
	uint32_t n;
	unsigned char *run;
	void **each;
};
enum { BPF_USER_MAPS = 5, BPF_USER_BLOCKS_MAX = 1 << 18 };
static struct {
	struct bpf_user_map maps[BPF_USER_MAPS];
	struct scratch *scratch;
	struct ap_bpf_cache *cache;
	const struct bpf_user_memory *memory;
	void **blocks[BPF_USER_BLOCKS_MAX]; /* where those that were made are */
	size_t n_blocks;
	uint64_t lowest; /* address that the walk has read */
} bpf_user;

static void *bpf_user_block(const struct bpf_user_map *m, uint32_t i)
{
	if (i >= m->n)
		return NULL;
	if (m->run)
		return m->run + i * ((m->value_size + 7) & ~(size_t)7); /* as the kernel lays an array out */
	if (!m->each[i] && bpf_user.n_blocks < BPF_USER_BLOCKS_MAX) {
		m->each[i] = calloc(1, m->value_size);
		if (!m->each[i])
			abort();
		bpf_user.blocks[bpf_user.n_blocks++] = &m->each[i];
	}
	return m->each[i];
}

static inline void bpf_user_forget_blocks(void)
{
	while (bpf_user.n_blocks) {
		void **at = bpf_user.blocks[--bpf_user.n_blocks];

		free(*at);
		*at = NULL;
	}
}

static void *bpf_user_lookup(void *map, const void *key);

static inline long bpf_probe_read_user(void *to, uint32_t n, const void *from)
{
	const struct bpf_user_memory *m = bpf_user.memory;
	uint64_t address = (uint64_t)(uintptr_t)from;

	if (bpf_user_readable(m, address, n) < n) {
		memset(to, 0, n); /* as the kernel does */
		return -14;
	}
	memcpy(to, m->bytes + (address - m->from), n);
	bpf_user.lowest = address < bpf_user.lowest ? address : bpf_user.lowest;
	return 0;
}

static inline uint64_t bpf_ktime_get_ns(void)
{
	return 77ull << 30;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#define const /* the settings are fixed at load there; here a test sets them */
#include "bpf/maps.bpf.h"
#undef const
#define bpf_map_lookup_elem bpf_user_lookup /* libbpf has another of that name */
#include "bpf/unwind.bpf.h"
#undef bpf_map_lookup_elem
#pragma GCC diagnostic pop

static void *bpf_user_lookup(void *map, const void *key)
{
	const uint32_t *i = key;
	struct bpf_user_map *m = bpf_user.maps;

	if (map == (void *)&scratches)
		return bpf_user.scratch;
	if (map == (void *)&caches)
		return bpf_user.cache;
	while (m < bpf_user.maps + BPF_USER_MAPS && m->map != map)
		m++;
	if (m == bpf_user.maps + BPF_USER_MAPS) /* a shard: one value */
		return *i ? NULL : map;
	if (map == (void *)&shards)
		return *i < m->n ? m->each[*i] : NULL;
	return bpf_user_block(m, *i);
}

/* Answers as ap_unwind does; *ret_cold: something was not known, and no answer is given. `s` and `cache` are the caller's, with s->proc
 * set. */
static inline size_t bpf_user_walk(struct scratch *s, struct ap_bpf_cache *cache, const struct ap_regs *regs,
	const struct bpf_user_memory *memory, enum ap_stack_end *ret_end, bool *ret_cold)
{
	bpf_user.scratch = s;
	bpf_user.cache = cache;
	bpf_user.memory = memory;
	bpf_user.lowest = UINT64_MAX;
	s->regs = *regs;
	begin_walk(s);
	for (uint32_t i = 0; i < AP_BPF_USER_DEPTH + 1 && !one_frame(s, cache); i++)
		;
	*ret_end = (enum ap_stack_end)s->end;
	*ret_cold = s->cold;
	return s->n;
}

#endif
