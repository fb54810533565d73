/* The walk of the BPF program (tests/bpf_user.h) over registers, memory, mappings, binaries, chunks, shards and rules of the input's
 * choice. Whatever the maps hold it ends, within its depth. While they hold what user space writes there, it finds what ap_unwind finds:
 * frame by frame as far as both know the memory, and the same end; a cache that is warm changes nothing.
 *
 * In: flags, memory, mappings, then for each binary its state, rules and rows, then hostile writes, registers, stack words (struct source).
 */
#include "tests/fuzz/bpf_world.h"

static void find(void *ctx, uint64_t address, struct ap_unwind_site *ret)
{
	const struct world *w = ctx;

	*ret = (struct ap_unwind_site){.kind = AP_SITE_NOTHING, .end = AP_STACK_END_UNMAPPED};
	if (w->flags & FLAG_FRAME_POINTERS)
		ret->kind = AP_SITE_NO_TABLE;
	for (uint32_t i = 0; !(w->flags & FLAG_FRAME_POINTERS) && i < w->n_mappings; i++) {
		const struct ap_bpf_mapping *m = w->mappings[i];
		const struct ap_bpf_binary *b = w->binaries[m->binary - 1];

		if (address < m->start || address >= m->end)
			continue;
		ret->kind = b->state == AP_BPF_BINARY_TABLE     ? AP_SITE_TABLE
			    : b->state == AP_BPF_BINARY_NOTHING ? AP_SITE_NOTHING
								: AP_SITE_NO_TABLE;
		ret->table = &w->tables[m->binary - 1];
		ret->bias = m->bias;
		ret->end = (enum ap_stack_end)b->end;
	}
}

static size_t read_now(void *ctx, uint64_t address, void *ret, size_t n)
{
	const struct world *w = ctx;

	n = bpf_user_readable(&w->memory, address, n);
	if (n)
		memcpy(ret, w->image + (address - w->memory.from), n);
	return n;
}

/* Exact but where the memory has holes, where one of them could not read on, or where the program leaves the answer to user space. */
static void compare(struct world *w, size_t n, enum ap_stack_end end, bool cold)
{
	static uint64_t addresses[AP_BPF_USER_DEPTH];
	enum ap_stack_end wanted = AP_STACK_END_COUNT;
	size_t dump = bpf_user_readable(&w->memory, w->memory.from, w->memory.n), m;

	m = ap_unwind(
		&(struct ap_unwind_request){
			.regs = &w->regs, .stack = w->image, .stack_size = dump, .find = find, .read = read_now, .ctx = w},
		addresses, AP_BPF_USER_DEPTH, &wanted);
	for (size_t i = 0; i < n && i < m; i++)
		if (addresses[i] != scratch->record.words[i])
			abort();
	if (cold || w->memory.holes || end == AP_STACK_END_DUMP_ENDED || wanted == AP_STACK_END_DUMP_ENDED)
		return;
	if (w->flags & FLAG_FRAME_POINTERS && wanted != AP_STACK_END_DEPTH && end == AP_STACK_END_FRAME_POINTERS)
		wanted = end;
	if (n != m || end != wanted)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct source s = {data, n};
	enum ap_stack_end end, again;
	bool cold, cold_again;
	size_t got;

	if (!scratch)
		set_up();
	memset(&world, 0, offsetof(struct world, image));
	memset(scratch, 0, sizeof *scratch);
	memset(cache, 0, sizeof *cache);
	for (uint32_t i = 0; i < SHARDS; i++)
		memset(shard(i), 0, SHARD_USED);
	world.flags = (uint8_t)take(&s, 1);
	cfg_frame_pointers = world.flags & FLAG_FRAME_POINTERS;
	take_mappings(&s, &world);
	for (uint32_t i = 0; i < BINARIES; i++)
		take_binary(&s, &world, i);
	if (world.flags & FLAG_HOSTILE)
		take_writes(&s);
	take_memory(&s, &world);
	got = bpf_user_walk(scratch, cache, &world.regs, &world.memory, &end, &cold);
	if (got > AP_BPF_USER_DEPTH)
		abort();
	if (!(world.flags & FLAG_HOSTILE)) {
		compare(&world, got, end, cold);
		if (bpf_user_walk(scratch, cache, &world.regs, &world.memory, &again, &cold_again) != got || again != end ||
			cold != cold_again)
			abort();
	}
	bpf_user_forget_blocks();
	return 0;
}
