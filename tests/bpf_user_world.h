/* A process for the BPF walk and for ap_unwind: binaries, memory, registers, and the question whether both answer the same. One file of a
 * program includes this. */
#ifndef AP_TESTS_BPF_USER_WORLD_H
#define AP_TESTS_BPF_USER_WORLD_H

#include "tests/bpf_user_maps.h"
#include "tests/check_main.h"
#include "unwind/table.h"

#include <fcntl.h>

enum { PID = 77, OTHER_PID = 78, BINARIES_MAX = 8, WORDS = 1 << 17, BELOW = 512, DEPTH = AP_BPF_USER_DEPTH };
static const uint64_t SP = 0x7ff000000000 + BELOW * 8, BIAS = 0x555500000000, APART = 1ull << 32;

/* A process: binaries side by side, and memory around its stack pointer. */
struct world {
	struct ap_unwind_table *tables[BINARIES_MAX];
	struct ap_learned_mapping maps[BINARIES_MAX];
	enum ap_learned_unwind kinds[BINARIES_MAX];
	size_t n;
	struct ap_regs regs;
	struct bpf_user_memory memory;
	uint64_t *words; /* WORDS from SP - 8 * BELOW on */
	uint64_t version, seed;
};
static struct world w;

static uint64_t draw(uint64_t below)
{
	w.seed ^= w.seed << 13;
	w.seed ^= w.seed >> 7;
	w.seed ^= w.seed << 17;
	return w.seed % below;
}

static void world_init(void)
{
	memset(&w, 0, sizeof w);
	w.seed = 42;
	w.words = calloc(WORDS, sizeof *w.words);
	ck_assert(w.words && !user_maps_init());
	w.memory = (struct bpf_user_memory){.from = SP - 8 * BELOW, .bytes = (unsigned char *)w.words, .n = WORDS * 8};
	w.regs.known = (1ull << AP_REG_COUNT) - 1;
	w.regs.r[AP_REG_SP] = SP;
}

static void world_done(void)
{
	for (size_t i = 0; i < w.n; i++)
		ap_unwind_table_free(w.tables[i]);
	free(w.words);
	user_maps_done();
}

static void publish(uint32_t pid)
{
	struct ap_learned what = {.kind = AP_LEARNED_PROCESS, .pid = pid, .version = ++w.version, .mappings = w.maps, .n_mappings = w.n};

	ck_assert_int_eq(ap_bpf_blocks_publish(&user.blocks, &what, 0), 0);
}

/* A binary of `size` bytes of code behind the last. Its address. */
static uint64_t add(enum ap_learned_unwind kind, struct ap_unwind_table *table, uint64_t size)
{
	struct ap_learned what = {
		.kind = AP_LEARNED_BINARY, .binary = (uint32_t)w.n + 1, .unwind = kind, .table = table, .end = AP_STACK_END_FILE_GONE};
	uint64_t bias = BIAS + w.n * APART;

	ck_assert_int_eq(ap_bpf_tables_learn(&user.tables, &what), 0);
	w.maps[w.n] = (struct ap_learned_mapping){.start = bias, .end = bias + size, .bias = bias, .binary = what.binary};
	w.kinds[w.n] = kind;
	w.tables[w.n++] = table;
	publish(PID);
	return bias;
}

static void add_file(const char *path)
{
	struct ap_unwind_input in = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	struct ap_unwind_table *t = NULL;
	uint64_t start, end;

	if (in.fd < 0)
		return;
	ck_assert_int_eq(ap_unwind_table_build(&in, &t, NULL), 0);
	close(in.fd);
	ap_unwind_table_span(t, &start, &end);
	add(AP_LEARNED_TABLE, t, end + BPF_USER_PAGE);
}

/* One rule for all of a binary's code: a table that the world frees. */
static uint64_t add_rule(const struct ap_rule *rule)
{
	struct ap_unwind_table *t = calloc(1, sizeof *t);

	ck_assert_ptr_nonnull(t);
	t->n = t->n_rules = 1;
	t->pcs = calloc(1, sizeof *t->pcs);
	t->rules_of = calloc(1, sizeof *t->rules_of);
	t->rules = malloc(sizeof *t->rules);
	ck_assert(t->pcs && t->rules_of && t->rules);
	*t->rules = *rule;
	return add(AP_LEARNED_TABLE, t, 0x10000);
}

static void find(void *ctx, uint64_t address, struct ap_unwind_site *ret)
{
	*ret = (struct ap_unwind_site){.kind = AP_SITE_NOTHING, .end = AP_STACK_END_UNMAPPED};
	for (size_t i = 0; i < w.n; i++) {
		if (address < w.maps[i].start || address >= w.maps[i].end)
			continue;
		*ret = (struct ap_unwind_site){
			.kind = AP_SITE_TABLE, .table = w.tables[i], .bias = w.maps[i].bias, .end = AP_STACK_END_FILE_GONE};
		if (w.kinds[i] != AP_LEARNED_TABLE)
			ret->kind = w.kinds[i] == AP_LEARNED_NOTHING ? AP_SITE_NOTHING : AP_SITE_NO_TABLE;
	}
}

static size_t read_now(void *ctx, uint64_t address, void *ret, size_t n)
{
	n = bpf_user_readable(&w.memory, address, n);
	if (n)
		memcpy(ret, w.memory.bytes + (address - w.memory.from), n);
	return n;
}

static bool is_mapped(uint64_t address)
{
	struct ap_unwind_site site;

	find(NULL, address, &site);
	return site.kind != AP_SITE_NOTHING || site.end != AP_STACK_END_UNMAPPED;
}

/* The BPF walk against the answer wanted. What it leaves to user space is an address that has no mapping, and that alone. Below the first
 * stack pointer it can read on, and ap_unwind, which has a copy of what is above, cannot: *ret_below. */
static void expect(const uint64_t *wanted, size_t n, enum ap_stack_end wanted_end, bool *ret_below)
{
	const uint64_t *got = user.scratch->record.words;
	enum ap_stack_end end;
	bool cold;
	size_t m = user_walk(PID, &w.regs, &w.memory, &end, &cold);

	*ret_below = bpf_user.lowest < w.regs.r[AP_REG_SP];
	for (size_t i = 0; !*ret_below && i < n && i < m; i++)
		ck_assert_msg(
			wanted[i] == got[i], "frame %zu of %zu: %#lx, not %#lx", i, n, (unsigned long)got[i], (unsigned long)wanted[i]);
	if (*ret_below)
		return;
	if (cold)
		ck_assert_msg(m <= n + 1 && !is_mapped(got[m - 1]), "nothing is known of frame %zu of %zu", m, n);
	else
		ck_assert_msg(m == n && end == wanted_end, "%zu frames to %d, not %zu to %d", m, end, n, wanted_end);
}

/* Both walks, the BPF one with a cold and with a warm cache. Returns the frames; 0: they cannot be compared. */
static size_t same(enum ap_stack_end *ret_end)
{
	static uint64_t wanted[DEPTH];
	uint64_t sp = w.regs.r[AP_REG_SP];
	struct ap_unwind_request rq = {.regs = &w.regs, .stack = w.memory.bytes + (sp - w.memory.from), .find = find, .read = read_now};
	bool below;
	size_t n;

	rq.stack_size = bpf_user_readable(&w.memory, sp, w.memory.n);
	n = ap_unwind(&rq, wanted, DEPTH, ret_end);
	expect(wanted, n, *ret_end, &below);
	expect(wanted, n, *ret_end, &below);
	return below ? 0 : n;
}

static void poke(uint64_t address, uint64_t v)
{
	uint64_t at = address - w.memory.from;

	if (at <= w.memory.n - 8)
		memcpy((unsigned char *)w.words + at, &v, 8);
}

#endif
