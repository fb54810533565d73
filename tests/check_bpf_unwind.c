/* The walk of the BPF program, in user space, gives frame by frame and in its end what ap_unwind gives, over tables and mappings that
 * bpf/tables.c and blocks.c have placed. Stacks are made from real tables, or by hand for what is rare. */
#include "config.h"

#include "tests/bpf_made_stack.h"

START_TEST(stacks_of_real_tables_are_the_same)
{
	static const char *const files[] = {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/usr/bin/python3.11",
		"/usr/bin/git", "/lib64/ld-linux-x86-64.so.2", "/proc/self/exe"};
	size_t frames = 0, signals = 0, whole = 0, n = getenv("AP_FAST") ? 400 : 4000;
	enum ap_stack_end end;

	world_init();
	for (size_t i = 0; i < AP_ARRAY_LEN(files); i++)
		add_file(files[i]);
	for (size_t i = 0; i < n; i++) {
		signals += make_stack(1 + draw(100));
		frames += same(&end);
		whole += end == AP_STACK_END_COMPLETE;
	}
	ck_assert_uint_gt(frames, 20 * n);
	ck_assert_uint_gt(whole, n * 9 / 10);
	ck_assert_uint_gt(signals, 0);
	make_stack(DEPTH + 100);
	ck_assert_uint_eq(same(&end), DEPTH);
	ck_assert_int_eq(end, AP_STACK_END_DEPTH);
	world_done();
}
END_TEST

/* What the stack holds leads anywhere: both stop at the same frame for the same reason. */
START_TEST(stacks_of_noise_are_the_same)
{
	size_t ends[AP_STACK_END_COUNT] = {0}, kinds = 0, compared = 0, n = getenv("AP_FAST") ? 500 : 20000;
	enum ap_stack_end end;

	world_init();
	add_file("/lib/x86_64-linux-gnu/libc.so.6");
	add_file("/proc/self/exe");
	add(AP_LEARNED_FRAME_POINTERS, NULL, 1 << 20);
	add(AP_LEARNED_NOTHING, NULL, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		make_stack(4);
		for (uint64_t at = 0; at < 512; at++) {
			uint64_t k = draw(w.n), in = draw(w.maps[k].end - w.maps[k].start);

			poke(SP + 8 * at, draw(3) ? w.maps[k].start + in : draw(2) ? SP + 8 * draw(600) : 0);
		}
		compared += same(&end) != 0;
		ends[end]++;
	}
	for (size_t i = 0; i < AP_STACK_END_COUNT; i++)
		kinds += ends[i] != 0;
	ck_assert_uint_ge(kinds, 5);
	ck_assert_uint_gt(compared, n / 2);
	world_done();
}
END_TEST

static const struct ap_rule FLAT = {.cfa_kind = AP_CFA_REG,
	.cfa_reg = AP_REG_SP,
	.cfa_offset = 16,
	.reg = {[AP_REG_PC] = {.kind = AP_RULE_AT_CFA, .offset = -8}, [AP_REG_FP] = {.kind = AP_RULE_AT_CFA, .offset = -16}}};

/* A rule whose frame is 16 bytes, up to the end of what can be read, at each place of a page; and then with a hole in the way. */
START_TEST(the_edges_of_windows_and_memory_are_the_same)
{
	uint64_t code, last = SP + 3 * BPF_USER_PAGE;
	enum ap_stack_end end;

	world_init();
	code = add_rule(&FLAT);
	w.regs.r[AP_REG_PC] = code + 8;
	for (uint64_t i = 0; i < 8 * BPF_USER_PAGE / 8; i++)
		poke(SP + 8 * i, i & 1 ? code + 16 + i : SP);
	for (uint64_t sp = SP; sp < SP + BPF_USER_PAGE; sp += 16) {
		w.regs.r[AP_REG_SP] = sp;
		w.memory.n = (size_t)(last - w.memory.from);
		ck_assert_uint_eq(same(&end), 1 + (last - sp) / 16);
		ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
		w.memory.n = WORDS * 8;
		w.memory.holes = 1ull << (SP / BPF_USER_PAGE + 2 - w.memory.from / BPF_USER_PAGE);
		ck_assert_uint_eq(same(&end), 1 + ((SP / BPF_USER_PAGE + 2) * BPF_USER_PAGE - sp) / 16);
		ck_assert_int_eq(end, AP_STACK_END_DUMP_ENDED);
		w.memory.holes = 0;
	}
	world_done();
}
END_TEST

/* The highest addresses there are, where sums wrap. No system maps the last page. */
START_TEST(addresses_that_wrap_are_the_same)
{
	enum ap_stack_end end;
	uint64_t code;

	world_init();
	code = add_rule(&FLAT);
	w.memory.from = 0 - (uint64_t)WORDS * 8 - BPF_USER_PAGE;
	for (uint64_t i = 0; i < WORDS; i++)
		poke(w.memory.from + 8 * i, i & 1 ? code + 16 : 0 - (uint64_t)BPF_USER_PAGE - 32);
	w.regs.r[AP_REG_PC] = code;
	for (uint64_t below = 8; below < 200; below += 8) {
		w.regs.r[AP_REG_SP] = 0 - (uint64_t)BPF_USER_PAGE - below;
		same(&end);
	}
	world_done();
}
END_TEST

START_TEST(frame_pointers_and_the_start_are_the_same)
{
	struct case_ {
		uint64_t words[12];
		enum ap_stack_end end;
		size_t n;
	};
	enum ap_stack_end end;
	uint64_t plain, code;

	world_init();
	code = add_rule(&FLAT);
	plain = add(AP_LEARNED_FRAME_POINTERS, NULL, 1 << 20);
	const struct case_ cases[] = {
		{{SP + 32, plain + 1, 0, 0, 0, plain + 2}, AP_STACK_END_COMPLETE, 3},                        /* fp 0 ends a chain */
		{{SP + 32, plain + 1, 0, 0, SP + 48, 0}, AP_STACK_END_COMPLETE, 2},                          /* so does a return to 0 */
		{{SP + 32, plain + 1, 0, 0, SP - 4096, plain + 2}, AP_STACK_END_OTHER_STACK, 3},             /* a chain that leads away */
		{{SP + 33, plain + 1}, AP_STACK_END_NO_TABLE, 2},                                            /* not aligned */
		{{0, code + 1, 0, plain + 1}, AP_STACK_END_NO_TABLE, 3},                                     /* no chain, and no start */
		{{0, code + 1, 0, plain + 1, 2, SP + 200, SP + 210, 0, SP + 220}, AP_STACK_END_COMPLETE, 3}, /* argc, argv */
		{{0, code + 1, 0, plain + 1, 2, SP + 200, SP + 200, 0, SP + 220}, AP_STACK_END_NO_TABLE, 3}, /* out of order */
		{{0, code + 1, 0, plain + 1, 1, SP + 200, 0, 0}, AP_STACK_END_COMPLETE, 3},                  /* an empty environment */
	};
	w.regs.r[AP_REG_PC] = plain + 64;
	w.regs.r[AP_REG_SP] = w.regs.r[AP_REG_FP] = SP;
	for (size_t i = 0; i < AP_ARRAY_LEN(cases); i++) {
		memset(w.words, 0, WORDS * 8);
		for (size_t k = 0; k < AP_ARRAY_LEN(cases[i].words); k++)
			poke(SP + 8 * k, cases[i].words[k]);
		ck_assert_uint_eq(same(&end), cases[i].n);
		ck_assert_int_eq(end, cases[i].end);
	}
	world_done();
}
END_TEST

START_TEST(a_register_below_the_stack_pointer_is_what_was_popped)
{
	struct ap_rule rule = FLAT;
	enum ap_stack_end end;
	uint64_t plain;
	bool cold;

	world_init();
	rule.cfa_offset = 8;
	w.regs.r[AP_REG_PC] = add_rule(&rule) + 8;
	plain = add(AP_LEARNED_FRAME_POINTERS, NULL, 1 << 20);
	poke(SP - 8, SP + 16);
	poke(SP, plain + 1);
	poke(SP + 24, plain + 9);
	w.regs.r[AP_REG_FP] = SP + 16; /* popped: user space, which has no copy of that word, takes the register's */
	same(&end);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	w.regs.r[AP_REG_FP] = 1; /* saved in the red zone: the kernel alone has it */
	same(&end);
	ck_assert_int_eq(end, AP_STACK_END_NO_TABLE);
	ck_assert_uint_eq(user_walk(PID, &w.regs, &w.memory, &end, &cold), 3);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	ck_assert_uint_eq(user.scratch->record.words[2], plain + 8);
	world_done();
}
END_TEST

/* Found by the fuzzer. */
START_TEST(a_read_that_failed_is_not_the_end)
{
	struct ap_rule rule = FLAT;
	enum ap_stack_end end;
	uint64_t code;

	world_init();
	rule.reg[0] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = 8};
	rule.reg[1] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = -BPF_USER_PAGE};
	code = add_rule(&rule);
	w.regs.r[AP_REG_PC] = code;
	for (uint64_t i = 0; i < 8; i++)
		poke(SP + 16 * i + 8, code + 1 + i);
	w.memory.bytes += 8 * BELOW; /* nothing below the stack pointer */
	w.memory.from = SP;
	w.memory.n -= 8 * BELOW;
	ck_assert_uint_eq(same(&end), 9);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	world_done();
}
END_TEST

START_TEST(an_outermost_signal_frame_has_its_own_address)
{
	struct ap_rule rule = FLAT;
	enum ap_stack_end end;

	world_init();
	w.regs.r[AP_REG_PC] = add_rule(&rule);
	rule.signal = 1;
	rule.reg[AP_REG_PC].kind = AP_RULE_UNDEFINED;
	poke(SP + 8, add_rule(&rule) + 16);
	ck_assert_uint_eq(same(&end), 2);
	ck_assert_int_eq(end, AP_STACK_END_COMPLETE);
	world_done();
}
END_TEST

START_TEST(what_is_not_known_is_left_to_user_space_and_a_cache_forgets)
{
	enum ap_stack_end end;
	uint64_t code;
	bool cold;

	world_init();
	code = add_rule(&FLAT);
	w.regs.r[AP_REG_PC] = code;
	poke(SP + 8, code + 1);
	ck_assert_uint_eq(same(&end), 2);
	w.regs.r[AP_REG_PC] = code - 1; /* no mapping */
	ck_assert_uint_eq(user_walk(PID, &w.regs, &w.memory, &end, &cold), 1);
	ck_assert(cold);
	w.regs.r[AP_REG_PC] = code;
	user.tables.binaries[1].state = AP_BPF_BINARY_COLD; /* as if it were taken away: found in the cache still */
	ck_assert_uint_eq(user_walk(PID, &w.regs, &w.memory, &end, &cold), 2);
	epoch++; /* and then not */
	user_walk(PID, &w.regs, &w.memory, &end, &cold);
	ck_assert(cold);
	user.tables.binaries[1].state = AP_BPF_BINARY_TABLE;
	w.n = 0; /* another process, which has nothing at this address */
	publish(OTHER_PID);
	w.n = 1;
	ck_assert_uint_eq(user_walk(PID, &w.regs, &w.memory, &end, &cold), 2);
	user_walk(OTHER_PID, &w.regs, &w.memory, &end, &cold);
	ck_assert(cold);
	world_done();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bpf_unwind");
	TCase *c = tcase_create("bpf_unwind");

	suite_add_tcase(suite, c);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, stacks_of_real_tables_are_the_same);
	tcase_add_test(c, stacks_of_noise_are_the_same);
	tcase_add_test(c, the_edges_of_windows_and_memory_are_the_same);
	tcase_add_test(c, addresses_that_wrap_are_the_same);
	tcase_add_test(c, frame_pointers_and_the_start_are_the_same);
	tcase_add_test(c, a_register_below_the_stack_pointer_is_what_was_popped);
	tcase_add_test(c, a_read_that_failed_is_not_the_end);
	tcase_add_test(c, an_outermost_signal_frame_has_its_own_address);
	tcase_add_test(c, what_is_not_known_is_left_to_user_space_and_a_cache_forgets);
	return check_main(suite);
}
