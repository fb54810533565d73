/* unwind: a step by the short form of a rule, which the kernel takes, is the step by the rule itself. */
#include "unwind/table.h"
#include "tests/check_main.h"
#include "tests/random.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { STACK_WORDS = 512 };

struct stack {
	uint64_t from, words[STACK_WORDS];
};

static int ready(void *ctx, uint64_t address, uint64_t bytes)
{
	const struct stack *s = ctx;

	return address - s->from > sizeof s->words || bytes > sizeof s->words - (address - s->from);
}

static int read_word(void *ctx, uint64_t address, uint64_t *ret)
{
	const struct stack *s = ctx;

	if (ready(ctx, address, 8))
		return -1;
	memcpy(ret, (const char *)s->words + (address - s->from), 8);
	return 0;
}

static uint64_t load(void *ctx, uint64_t address)
{
	uint64_t v = 0;

	return read_word(ctx, address, &v) ? 0 : v;
}
#define AP_STEP_READ read_word
#define AP_STEP_READY ready
#define AP_STEP_LOAD load
#include "unwind/short.h"

static void same_step(const struct ap_rule *rule, uint64_t *seed, uint64_t *stepped)
{
	struct ap_short_rule brief;
	struct ap_regs regs, longer, shorter, next;
	struct stack stack = {.from = 0x7ff000000000};
	enum ap_step a, b;

	if (!ap_short_from_rule(rule, &brief) || brief.kind == AP_SHORT_NONE)
		return;
	for (int i = 0; i < STACK_WORDS; i++)
		stack.words[i] = next_random(seed);
	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < AP_REG_COUNT; i++)
			regs.r[i] = stack.from + (next_random(seed) % STACK_WORDS) * 8;
		regs.known = round ? (1ull << AP_REG_COUNT) - 1 : 1ull << AP_REG_PC | 1ull << AP_REG_SP | 1ull << AP_REG_FP;
		regs.r[AP_REG_SP] = stack.from + (round & 1 ? 64 * 8 : 256 * 8);
		longer = shorter = regs;
		a = ap_step(&longer, &next, rule, &stack);
		b = ap_short_step(&shorter, &brief, &stack);
		if (a == AP_STEP_CALLER && b == AP_STEP_UNREADABLE)
			continue; /* a saved register alone was out of reach, which the long step leaves unknown */
		if (a == AP_STEP_NO_PROGRESS && b == AP_STEP_UNREADABLE)
			continue; /* both at once: which is seen first differs, and the stack ends either way */
		ck_assert_int_eq(a, b);
		if (a != AP_STEP_CALLER)
			continue;
		(*stepped)++;
		ck_assert_uint_eq(longer.known, shorter.known);
		for (unsigned i = 0; i < AP_REG_COUNT; i++)
			if (longer.known >> i & 1)
				ck_assert_uint_eq(longer.r[i], shorter.r[i]);
	}
}

#if defined(__x86_64__)
static const char *const BINARIES[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3.11", "/usr/bin/git", "/usr/bin/node",
	"/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1"};
#else
static const char *const BINARIES[] = {"/lib/aarch64-linux-gnu/libc.so.6", "/usr/bin/python3.11", "/usr/bin/git"};
#endif

START_TEST(short_steps_are_the_long_ones)
{
	uint64_t seed = 5, stepped = 0;

	for (size_t i = 0; i < sizeof BINARIES / sizeof BINARIES[0]; i++) {
		struct ap_unwind_input in = {.fd = open(BINARIES[i], O_RDONLY | O_CLOEXEC)};
		struct ap_unwind_table *t = NULL;
		struct ap_why why;

		if (in.fd < 0)
			continue;
		ck_assert_msg(!ap_unwind_table_build(&in, &t, &why), "%s: %s", BINARIES[i], why.text);
		for (size_t k = 0; k < t->n_rules; k++)
			same_step(&t->rules[k], &seed, &stepped);
		ap_unwind_table_free(t);
		close(in.fd);
	}
	ck_assert_uint_gt(stepped, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unwind_short");
	TCase *t = tcase_create("unwind_short");

	tcase_add_test(t, short_steps_are_the_long_ones);
	suite_add_tcase(s, t);
	return check_main(s);
}
