/* Hostile registers, stack bytes and rules to the walk. In: 8 bytes (flags, dump's part, three of nothing), registers, 4 rules, then the
 * stack, whose last part is what the living thread has above the dump. Rows repeat the rules every 16 bytes of code. */
#include "unwind/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RULES = 4, ROWS = 64, DEPTH = 256, CODE = 0x10000 };

struct world {
	const uint8_t *stack;
	size_t n;
	uint64_t sp;
	const struct ap_unwind_table *table;
};

static void find(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	const struct world *w = ctx;

	memset(s, 0, sizeof *s);
	s->start = address & ~(uint64_t)0xfff;
	s->end_address = s->start + 0x1000;
	s->bias = CODE;
	s->table = w->table;
	s->kind = address < CODE ? AP_SITE_NOTHING : address < 2 * CODE ? AP_SITE_TABLE : AP_SITE_NO_TABLE;
	s->end = AP_STACK_END_UNMAPPED;
}

static size_t read_live(void *ctx, uint64_t address, void *ret, size_t n)
{
	const struct world *w = ctx;
	uint64_t at = address - w->sp;

	if (at >= w->n)
		return 0;
	if (n > w->n - at)
		n = w->n - at;
	memcpy(ret, w->stack + at, n);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ap_rule rules[RULES];
	uint32_t pcs[ROWS];
	uint16_t rules_of[ROWS];
	struct ap_unwind_table t = {.pcs = pcs, .rules_of = rules_of, .n = ROWS, .rules = rules, .n_rules = RULES};
	uint64_t addresses[DEPTH];
	struct ap_regs regs;
	struct world w;
	enum ap_stack_end end = AP_STACK_END_COUNT;
	size_t got, dump;

	if (n < 8 + sizeof regs + sizeof rules)
		return 0;
	memcpy(&regs, data + 8, sizeof regs);
	memcpy(rules, data + 8 + sizeof regs, sizeof rules);
	for (uint32_t i = 0; i < ROWS; i++) {
		pcs[i] = i * 16;
		rules_of[i] = (uint16_t)(i % RULES);
	}
	w = (struct world){.stack = data + 8 + sizeof regs + sizeof rules,
		.n = n - 8 - sizeof regs - sizeof rules,
		.sp = regs.r[AP_REG_SP],
		.table = &t};
	dump = w.n * data[1] / 255;
	got = ap_unwind(&(struct ap_unwind_request){.regs = &regs,
				.stack = w.stack,
				.stack_size = dump,
				.find = find,
				.read = data[0] & 1 ? read_live : NULL,
				.ctx = &w},
		addresses, DEPTH, &end);
	if (got > DEPTH || end >= AP_STACK_END_COUNT)
		abort();
	return 0;
}
