/* What fuzz_bpf_unwind walks through, from the input's bytes: binaries with rules, rows in chunks and shards, mappings, registers and
 * memory. Twice: in the program's maps, as bpf/tables.c and blocks.c put them, and as ap_unwind takes them. */
#ifndef AP_TESTS_FUZZ_BPF_WORLD_H
#define AP_TESTS_FUZZ_BPF_WORLD_H

#include "tests/bpf_user.h"

#include "unwind/table.h"

#include <stdint.h>

enum {
	BINARIES = 4,
	RULES = 6,
	ROWS = 48,
	MAPPINGS = 6,
	SHARDS = 2,
	WRITES = 16,
	WORDS = 4096,
	CODE = 0x400000,
	PIECE = 0x800,
	SHARD_USED = 8192,
	IMAGE = WORDS * 8 + 2 * BPF_USER_PAGE,
};
enum { FLAG_HOSTILE = 1, FLAG_FRAME_POINTERS = 2, FLAG_TOP = 4 /* of all addresses */, FLAG_HOLES = 8, FLAG_UNKNOWN = 16 };
static const uint64_t STACK = 0x7ff000000000, TOP = 0 - (uint64_t)IMAGE;

struct source {
	const uint8_t *at;
	size_t n;
};
struct world {
	uint8_t flags;
	struct ap_rule rules[BINARIES][RULES];
	uint32_t pcs[BINARIES][ROWS];
	uint16_t rules_of[BINARIES][ROWS];
	struct ap_unwind_table tables[BINARIES];
	struct ap_bpf_binary *binaries[BINARIES]; /* from id 1 */
	struct ap_bpf_mapping *mappings[MAPPINGS];
	uint32_t n_mappings, n_chunks, n_long;
	uint32_t used[SHARDS]; /* bytes of each */
	struct ap_regs regs;
	struct bpf_user_memory memory;
	unsigned char image[IMAGE];
};

static struct world world;
static struct scratch *scratch;
static struct ap_bpf_cache *cache;

static uint64_t take(struct source *s, size_t n)
{
	uint64_t v = 0;

	if (n > s->n)
		n = s->n;
	memcpy(&v, s->at, n);
	s->at += n;
	s->n -= n;
	return v;
}

/* Mostly something that leads on: an address in the stack or in code, a small number. */
static uint64_t take_word(struct source *s, uint64_t sp)
{
	uint64_t v = take(s, 2), low = v & 0x3fff;

	switch (v >> 14) {
	case 0:
		return low;
	case 1:
		return sp + 8 * low;
	case 2:
		return CODE + low;
	default:
		return low & 1 ? take(s, 8) : sp + low;
	}
}

static void *value(void *map, uint32_t i)
{
	void *v = bpf_user_lookup(map, &i);

	return v ? v : (abort(), NULL);
}

static unsigned char *shard(uint32_t i)
{
	return bpf_user.maps[3].each[i];
}

static void set_up(void)
{
	static void *blocks[AP_BPF_MAPPINGS_MAX + AP_BPF_BINARIES_MAX + AP_BPF_CHUNKS_ALL + AP_BPF_SHARDS_MAX + AP_BPF_LONG_MAX];
	struct bpf_user_map all[BPF_USER_MAPS] = {
		{.map = &mappings, .value_size = sizeof(struct ap_bpf_mapping), .n = AP_BPF_MAPPINGS_MAX},
		{.map = &binaries, .value_size = sizeof(struct ap_bpf_binary), .n = AP_BPF_BINARIES_MAX},
		{.map = &chunks, .value_size = sizeof(struct ap_bpf_chunk), .n = AP_BPF_CHUNKS_ALL},
		{.map = &shards, .value_size = AP_BPF_SHARD_BYTES, .n = AP_BPF_SHARDS_MAX},
		{.map = &long_rules, .value_size = sizeof(struct ap_rule), .n = AP_BPF_LONG_MAX},
	};
	void **at = blocks;

	for (size_t i = 0; i < BPF_USER_MAPS; at += all[i++].n)
		all[i].each = at;
	memcpy(bpf_user.maps, all, sizeof all);
	for (size_t i = 0; i < SHARDS; i++) /* large, and so kept */
		if (!(bpf_user.maps[3].each[i] = calloc(1, AP_BPF_SHARD_BYTES)))
			abort();
	scratch = malloc(sizeof *scratch);
	cache = malloc(sizeof *cache);
	if (!scratch || !cache)
		abort();
}

static void take_rule(struct source *s, struct ap_rule *r)
{
	static const uint8_t saved[AP_SHORT_SAVED] = AP_SHORT_REGS;
	uint8_t how = (uint8_t)take(s, 1), changes;
	struct ap_reg_rule *g;

	memset(r, 0, sizeof *r);
	r->cfa_kind = how & 7;
	r->cfa_reg = take(s, 1) & 31;
	r->cfa_offset = how & 8 ? (int32_t)take(s, 4) : 8 * (int8_t)take(s, 1);
	r->cfa_add = how & 16 ? (int8_t)take(s, 1) : 0;
	r->signal = how >> 5 & 1;
	r->cfa_index = how & 64 ? take(s, 1) & 31 : 0;
	for (size_t i = 0; i < AP_SHORT_SAVED; i++)
		r->reg[saved[i]].kind = AP_RULE_SAME;
	r->reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -8};
#if defined(__aarch64__)
	r->reg[AP_REG_LR] = r->reg[AP_REG_PC];
#endif
	for (changes = take(s, 1) & 7; changes; changes--) {
		g = &r->reg[take(s, 1) % AP_REG_COUNT];
		how = (uint8_t)take(s, 1);
		*g = (struct ap_reg_rule){.kind = how & 7, .base = how >> 3};
		g->offset = how == 255 ? (int32_t)take(s, 4) : 8 * (int8_t)take(s, 1);
	}
}

/* The rules of a table as bpf/tables.c puts them: each in its short form, or the number of a long one. */
static void put_rules(struct world *w, uint32_t i, uint32_t sh)
{
	struct ap_bpf_binary *b = w->binaries[i];
	struct ap_short_rule *out = (struct ap_short_rule *)(shard(sh) + w->used[sh]);

	b->rules_shard = sh;
	b->rules_offset = w->used[sh];
	b->n_rules = RULES;
	w->used[sh] += RULES * sizeof *out;
	for (uint32_t k = 0; k < RULES; k++)
		if (!ap_short_from_rule(&w->rules[i][k], &out[k])) {
			out[k] = (struct ap_short_rule){.kind = AP_SHORT_LONG, .cfa_offset = (int32_t)w->n_long};
			memcpy(value(&long_rules, w->n_long++), &w->rules[i][k], sizeof(struct ap_rule));
		}
}

/* Its rows, in chunks of `each` in shards by turns. */
static void put_rows(struct world *w, uint32_t i, uint32_t each)
{
	struct ap_bpf_binary *b = w->binaries[i];

	b->first_chunk = w->n_chunks;
	for (uint32_t from = 0, n; from < ROWS; from += n) {
		struct ap_bpf_chunk *c = value(&chunks, w->n_chunks++);
		uint32_t sh = w->n_chunks % SHARDS;

		n = ROWS - from < each ? ROWS - from : each;
		*c = (struct ap_bpf_chunk){.first_pc = w->pcs[i][from], .shard = sh, .offset = w->used[sh], .n = n};
		memcpy(shard(sh) + c->offset, &w->pcs[i][from], n * 4);
		memcpy(shard(sh) + c->offset + n * 4, &w->rules_of[i][from], n * 2);
		w->used[sh] += (n * 6 + 7) & ~7u;
	}
	b->n_chunks = w->n_chunks - b->first_chunk;
}

static void take_binary(struct source *s, struct world *w, uint32_t i)
{
	static const uint8_t ends[] = {AP_STACK_END_FILE_GONE, AP_STACK_END_TABLE_LIMIT, AP_STACK_END_NO_TABLE, AP_STACK_END_COMPLETE};
	uint8_t how = (uint8_t)take(s, 1);
	uint32_t pc = 0;

	w->binaries[i] = value(&binaries, i + 1);
	*w->binaries[i] = (struct ap_bpf_binary){.state = how & 7 ? AP_BPF_BINARY_TABLE : how >> 3 & 3, .end = ends[how >> 5 & 3]};
	if (w->binaries[i]->state != AP_BPF_BINARY_TABLE)
		return;
	for (uint32_t k = 0; k < RULES; k++)
		take_rule(s, &w->rules[i][k]);
	for (uint32_t k = 0; k < ROWS; k++) {
		uint8_t step = (uint8_t)take(s, 1);

		w->pcs[i][k] = pc += (step >> 3) + (k || step & 1);
		w->rules_of[i][k] = (step & 7) % RULES;
	}
	w->tables[i] = (struct ap_unwind_table){
		.base = take(s, 1), .pcs = w->pcs[i], .rules_of = w->rules_of[i], .n = ROWS, .rules = w->rules[i], .n_rules = RULES};
	w->binaries[i]->base = w->tables[i].base;
	put_rules(w, i, take(s, 1) % SHARDS);
	put_rows(w, i, 1 + (uint32_t)take(s, 1) % ROWS);
}

static void take_mappings(struct source *s, struct world *w)
{
	uint32_t n = (uint32_t)take(s, 1) % (MAPPINGS + 1);
	uint64_t start = CODE;

	w->n_mappings = n;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t how = (uint8_t)take(s, 1);

		start += how & 1 ? 16 : 0;
		w->mappings[i] = value(&mappings, i + 1);
		*w->mappings[i] = (struct ap_bpf_mapping){
			.start = start, .end = start + PIECE, .bias = start - (how >> 3 & 15), .binary = 1 + (how >> 1 & 3)};
		start += PIECE;
	}
	*(struct ap_bpf_mapping *)value(&mappings, 0) = (struct ap_bpf_mapping){.start = 9};
	memset(&scratch->proc, 0, sizeof scratch->proc);
	scratch->proc = (struct ap_bpf_proc){.generation = 9, .first = 1, .n = n};
}

static void take_memory(struct source *s, struct world *w)
{
	uint64_t sp = (w->flags & FLAG_TOP ? TOP : STACK) + take(s, 2) % BPF_USER_PAGE, at;

	for (unsigned i = 0; i < AP_REG_COUNT; i++)
		w->regs.r[i] = i == AP_REG_SP ? sp : take_word(s, sp);
	w->regs.known = (w->flags & FLAG_UNKNOWN ? take(s, 8) : UINT64_MAX) | 1ull << AP_REG_PC | 1ull << AP_REG_SP;
	w->memory = (struct bpf_user_memory){.from = sp, .bytes = w->image, .holes = w->flags & FLAG_HOLES ? take(s, 8) : 0};
	memset(w->image, 0, sizeof w->image);
	for (at = 0; at < WORDS && s->n; at++) {
		uint64_t v = take_word(s, sp);

		memcpy(w->image + 8 * at, &v, 8);
	}
	w->memory.n = (size_t)(((sp + 8 * at + BPF_USER_PAGE - 1) & ~(uint64_t)(BPF_USER_PAGE - 1)) - sp);
}

/* Bytes anywhere in what the maps hold. */
static void take_writes(struct source *s)
{
	for (size_t n = take(s, 1) % WRITES; n; n--) {
		size_t which = (size_t)take(s, 1) % (bpf_user.n_blocks + SHARDS), at = (size_t)take(s, 2), size = SHARD_USED;
		unsigned char *block;

		if (which < SHARDS) {
			block = shard((uint32_t)which);
		} else {
			void **slot = bpf_user.blocks[which - SHARDS];
			const struct bpf_user_map *m = bpf_user.maps;

			while (slot < m->each || slot >= m->each + m->n)
				m++;
			size = m->value_size;
			block = *slot;
		}
		block[at % size] = (unsigned char)take(s, 1);
	}
	scratch->proc.first += (uint32_t)take(s, 1) % 3;
	scratch->proc.n = (uint32_t)take(s, take(s, 1) & 3);
}

#endif
