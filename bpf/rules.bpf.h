/* From a pc to its rule: mapping, binary, chunk, row; with a small cache in front. */
#ifndef AP_BPF_RULES_BPF_H
#define AP_BPF_RULES_BPF_H

#include "bpf/window.bpf.h"

/* 1 where a < b, of numbers below 2^63. The searches have no branches, for the verifier would walk every path, 2^n of them. The asm keeps the
 * compiler from making a mask of it (s>>= 63, then &): Linux 7.3 follows both values of such a mask, as if it were a branch. */
static __always_inline uint64_t is_below(uint64_t a, uint64_t b)
{
	uint64_t below = (a - b) >> 63;

	asm volatile("" : "+r"(below));
	return below;
}

/* The mapping that holds pc. A pc above 2^63 may compare wrongly, but is in no mapping, which the last line finds. A place behind the list's end
 * is not looked at: the list's first is, for nothing. */
static __noinline struct ap_bpf_mapping *find_mapping(const struct scratch *s, uint64_t pc)
{
	uint64_t n = s->proc.n, pos = 0, at, below;
	uint32_t first = s->proc.first, index;
	struct ap_bpf_mapping *m;

	if (!n) /* before the search: behind it the verifier would have to follow n through all of it */
		return NULL;
	for (uint64_t k = (AP_BPF_BLOCK_MAX + 1) / 2; k > 0; k /= 2) {
		at = pos + k;
		below = is_below(at, n);
		index = first + (uint32_t)(below * at);
		m = bpf_map_lookup_elem(&mappings, &index);
		if (!m)
			return NULL;
		pos += (below & is_below(m->start, pc + 1)) * k;
	}
	index = first + (uint32_t)pos;
	m = bpf_map_lookup_elem(&mappings, &index);
	return m && m->start <= pc && pc < m->end ? m : NULL;
}

static __noinline const struct ap_bpf_chunk *find_chunk(const struct ap_bpf_binary *b, uint32_t pc)
{
	uint64_t n = b->n_chunks, pos = 0, at, below;
	uint32_t first = b->first_chunk, index;
	struct ap_bpf_chunk *c;

	if (!n)
		return NULL;
	for (uint64_t k = AP_BPF_CHUNKS_MAX / 2; k > 0; k /= 2) {
		at = pos + k;
		below = is_below(at, n);
		index = first + (uint32_t)(below * at);
		c = bpf_map_lookup_elem(&chunks, &index);
		if (!c)
			return NULL;
		pos += (below & is_below(c->first_pc, (uint64_t)pc + 1)) * k;
	}
	index = first + (uint32_t)pos;
	return bpf_map_lookup_elem(&chunks, &index);
}

/* The number of the rule that covers pc in the chunk; UINT32_MAX: none. */
__noinline uint32_t find_row(uint32_t shard, uint32_t offset, uint32_t n, uint32_t pc);
__noinline uint32_t find_row(uint32_t shard, uint32_t offset, uint32_t n, uint32_t pc)
{
	uint32_t zero = 0;
	uint64_t pos = 0, inside, le, v, off;
	unsigned char *bytes;
	void *inner = bpf_map_lookup_elem(&shards, &shard);

	if (!inner || !(bytes = bpf_map_lookup_elem(inner, &zero)) || !n)
		return UINT32_MAX;
#pragma unroll
	for (uint32_t k = 1 << 17; k > 0; k >>= 1) {
		inside = is_below(pos + k, n); /* behind the end the row at hand is looked at again, rather than memory that is in no cache */
		off = (offset + 4 * (pos + inside * k)) & (AP_BPF_SHARD_BYTES - 4);
		v = *(uint32_t *)(bytes + off);
		le = ((v - pc - 1) >> 63) & inside; /* 1 where v <= pc */
		pos += le * k;
	}
	v = *(uint32_t *)(bytes + ((offset + 4 * pos) & (AP_BPF_SHARD_BYTES - 4)));
	if (v > pc)
		return UINT32_MAX;
	off = (offset + 4 * (uint64_t)n + 2 * pos) & (AP_BPF_SHARD_BYTES - 2);
	return *(uint16_t *)(bytes + off);
}

static __always_inline int copy_rule(const struct ap_bpf_binary *b, uint32_t number, struct ap_short_rule *ret)
{
	uint32_t zero = 0, shard = b->rules_shard;
	uint64_t off;
	unsigned char *bytes;
	void *inner = bpf_map_lookup_elem(&shards, &shard);

	if (!inner || !(bytes = bpf_map_lookup_elem(inner, &zero)) || number >= b->n_rules)
		return -1;
	off = (b->rules_offset + number * (uint32_t)sizeof *ret) & ~3u;
	asm volatile("" : "+r"(off)); /* the check and the use in one register */
	if (off > AP_BPF_SHARD_BYTES - sizeof *ret)
		return -1;
	*ret = *(struct ap_short_rule *)(bytes + off);
	return 0;
}

/* A site without a table has its answer in a rule of kinds of its own. */
enum { SITE_FRAME_POINTER = 16, SITE_END = 17, SITE_COLD = 18 };

/* The rule for an address of a binary, by way of what other processes that run the same code have met. False: none can be told now. */
static __always_inline int find_rule(struct scratch *s, struct ap_bpf_cache *cache, uint32_t id, uint64_t relative, struct ap_short_rule *ret)
{
	uint32_t at = ((relative ^ (uint64_t)id << 48) * 0x9e3779b97f4a7c15ull >> 52) & (AP_BPF_SHARED - 1), number;
	struct ap_bpf_binary *b = bpf_map_lookup_elem(&binaries, &id);
	struct ap_bpf_cached *known = &cache->shared[at];
	const struct ap_bpf_chunk *c;

	if (!b)
		return 0;
	b->used_at = (uint32_t)(s->record.s.h.time_ns >> 30);
	if (known->pc == relative && known->generation == id && known->epoch == s->epoch) {
		*ret = known->rule;
		return 1;
	}
	relative -= b->base;
	c = relative <= UINT32_MAX ? find_chunk(b, (uint32_t)relative) : NULL;
	number = c ? find_row(c->shard, c->offset, c->n, (uint32_t)relative) : UINT32_MAX;
	ret->kind = SITE_FRAME_POINTER;
	if (number != UINT32_MAX && copy_rule(b, number, ret))
		return 0;
	if (ret->kind == AP_SHORT_NONE)
		ret->kind = SITE_FRAME_POINTER;
	*known = (struct ap_bpf_cached){.pc = relative + b->base, .generation = id, .epoch = s->epoch, .rule = *ret};
	return 1;
}

/* Fills the cache's slot for pc. SITE_COLD is never cached. */
static __always_inline uint32_t fill_slot(struct scratch *s, struct ap_bpf_cache *cache, uint64_t pc, struct ap_bpf_cached *slot)
{
	struct ap_bpf_mapping *m = find_mapping(s, pc);
	struct ap_bpf_binary *b;
	uint32_t id;

	slot->pc = 0;
	if (!m)
		return SITE_COLD;
	id = m->binary;
	b = bpf_map_lookup_elem(&binaries, &id);
	if (!b || b->state == AP_BPF_BINARY_COLD)
		return SITE_COLD;
	slot->rule.kind = SITE_FRAME_POINTER;
	if (b->state == AP_BPF_BINARY_NOTHING) {
		slot->rule.kind = SITE_END;
		slot->rule.depth = (uint8_t)b->end;
	} else if (b->state == AP_BPF_BINARY_TABLE) {
		if (!find_rule(s, cache, id, pc - m->bias, &slot->rule))
			return SITE_COLD;
	}
	slot->generation = s->proc.generation;
	slot->epoch = s->epoch;
	slot->pc = pc;
	return slot->rule.kind;
}

/* Of slot number `at`, for what fill_slot says. */
__noinline uint32_t look_up(uint32_t cpu, uint64_t pc, uint32_t at);
__noinline uint32_t look_up(uint32_t cpu, uint64_t pc, uint32_t at)
{
	struct scratch *s = scratch_of(cpu);
	struct ap_bpf_cache *cache = bpf_map_lookup_elem(&caches, &cpu);

	return s && cache ? fill_slot(s, cache, pc, &cache->slots[at & (AP_BPF_CACHE - 1)]) : SITE_COLD;
}

#endif
