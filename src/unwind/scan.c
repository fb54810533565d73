/* One pass over the instructions in the order of their addresses. The state is one rule, as in run.c: what moves the stack pointer moves
 * the CFA's offset, a pair or a register stored in the frame has its place there, one loaded back from that place has its value again.
 * Behind a return the next instruction belongs to a path that has not left the frame: the rule is then what it was before the leaving
 * began. Enough for what is scanned (scan.h), most of which has no frame at all; a frame of variable size has no rule. */
#include "unwind/scan.h"

#include <string.h>

#if defined(__aarch64__)

enum {
	WORD = 4,
	FRAME_MAX = 1 << 20,
	SAVED_FIRST = 19, /* x19 to x30 */
	SIGRETURN_NUMBER = 139,
	/* struct rt_sigframe: siginfo of 128 bytes, then struct ucontext, whose sigcontext (x0 to x30, sp, pc behind the fault's address)
	 * is aligned to 16; the same since the first arm64 kernel, as user space depends on it */
	SIGNAL_REGISTERS = 128 + 176 + 8,
};
static const uint32_t MOV_X8_SIGRETURN = 0xd2800008 | SIGRETURN_NUMBER << 5, SVC_0 = 0xd4000001, PACIASP = 0xd503233f, BTI_C = 0xd503245f;

struct scan {
	struct ap_rule rule; /* before the instruction that is looked at */
	struct ap_rule body; /* before the frame was left */
	bool leaving;
	uint64_t from; /* the row of `rule` starts here */
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule);
	void *ctx;
	int said;
};

bool ap_scan_is_trampoline(const uint8_t code[AP_TRAMPOLINE_BYTES])
{
	const uint32_t wanted[2] = {MOV_X8_SIGRETURN, SVC_0};

	return !memcmp(code, wanted, sizeof wanted);
}

const struct ap_rule *ap_scan_trampoline_rule(void)
{
#define AT(i) [i] = {.kind = AP_RULE_AT_REG, .base = AP_REG_SP, .offset = SIGNAL_REGISTERS + 8 * (i) }
#define AT_8(i) AT(i), AT((i) + 1), AT((i) + 2), AT((i) + 3), AT((i) + 4), AT((i) + 5), AT((i) + 6), AT((i) + 7)
	static const struct ap_rule rule = {
		.cfa_kind = AP_CFA_REG, .cfa_reg = AP_REG_SP, .signal = 1, .reg = {AT_8(0), AT_8(8), AT_8(16), AT_8(24), AT(AP_REG_PC)}};
#undef AT_8
#undef AT

	return &rule;
}

/* A function's first instruction: nothing is saved, the return address is in the link register. */
static void begin(struct scan *s)
{
	memset(&s->rule, 0, sizeof s->rule);
	s->rule.cfa_kind = AP_CFA_REG;
	s->rule.cfa_reg = AP_REG_SP;
	for (unsigned i = SAVED_FIRST; i <= AP_REG_LR; i++)
		s->rule.reg[i].kind = AP_RULE_SAME;
	s->rule.reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_REG, .base = AP_REG_LR};
	s->leaving = false;
}

static void leave(struct scan *s)
{
	if (!s->leaving)
		s->body = s->rule;
	s->leaving = true;
}

static void end_path(struct scan *s, uint32_t w)
{
	(void)w;
	if (s->leaving)
		s->rule = s->body;
	s->leaving = false;
}

static void end_function(struct scan *s, uint32_t w)
{
	(void)w;
	begin(s);
}

static void move_sp(struct scan *s, int64_t by)
{
	int64_t offset = s->rule.cfa_offset - by;

	if (by > 0)
		leave(s);
	if (offset < 0 || offset > FRAME_MAX)
		s->rule.cfa_kind = AP_CFA_BAD;
	else
		s->rule.cfa_offset = (int32_t)offset;
}

/* The first store is the save; a later one to the same place is of something else. */
static void put(struct scan *s, unsigned reg, int64_t at_sp)
{
	int64_t at = at_sp - s->rule.cfa_offset;

	if (reg < SAVED_FIRST || reg > AP_REG_LR || at >= 0 || s->rule.reg[reg].kind != AP_RULE_SAME)
		return;
	s->rule.reg[reg] = (struct ap_reg_rule){.kind = AP_RULE_AT_CFA, .offset = (int32_t)at};
	if (reg == AP_REG_LR)
		s->rule.reg[AP_REG_PC] = s->rule.reg[reg];
}

static void get(struct scan *s, unsigned reg, int64_t at_sp)
{
	if (reg < SAVED_FIRST || reg > AP_REG_LR || s->rule.reg[reg].kind != AP_RULE_AT_CFA ||
		s->rule.reg[reg].offset != at_sp - s->rule.cfa_offset)
		return;
	leave(s);
	s->rule.reg[reg] = (struct ap_reg_rule){.kind = AP_RULE_SAME};
	if (reg == AP_REG_LR)
		s->rule.reg[AP_REG_PC] = (struct ap_reg_rule){.kind = AP_RULE_REG, .base = AP_REG_LR};
}

/* The fields of an instruction (Arm Architecture Reference Manual, C4.1: loads, stores, data processing with an immediate). */
static unsigned first(uint32_t w)
{
	return w & 31;
}

static unsigned second(uint32_t w)
{
	return w >> 10 & 31;
}

static int64_t imm7(uint32_t w)
{
	return 8 * (int64_t)((int32_t)(w << 10) >> 25);
}

static int64_t imm9(uint32_t w)
{
	return (int32_t)(w << 11) >> 23;
}

static int64_t imm12(uint32_t w)
{
	return w >> 10 & 0xfff;
}

static void store_pair(struct scan *s, uint32_t w)
{
	put(s, first(w), imm7(w));
	put(s, second(w), imm7(w) + 8);
}

static void push_pair(struct scan *s, uint32_t w)
{
	move_sp(s, imm7(w));
	put(s, first(w), 0);
	put(s, second(w), 8);
}

static void load_pair(struct scan *s, uint32_t w)
{
	get(s, first(w), imm7(w));
	get(s, second(w), imm7(w) + 8);
}

static void pop_pair(struct scan *s, uint32_t w)
{
	get(s, first(w), 0);
	get(s, second(w), 8);
	move_sp(s, imm7(w));
}

static void store_one(struct scan *s, uint32_t w)
{
	put(s, first(w), 8 * imm12(w));
}

static void push_one(struct scan *s, uint32_t w)
{
	move_sp(s, imm9(w));
	put(s, first(w), 0);
}

static void load_one(struct scan *s, uint32_t w)
{
	get(s, first(w), 8 * imm12(w));
}

static void pop_one(struct scan *s, uint32_t w)
{
	get(s, first(w), 0);
	move_sp(s, imm9(w));
}

static void lower_sp(struct scan *s, uint32_t w)
{
	move_sp(s, -(imm12(w) << (w >> 22 & 1 ? 12 : 0)));
}

static void raise_sp(struct scan *s, uint32_t w)
{
	move_sp(s, imm12(w) << (w >> 22 & 1 ? 12 : 0));
}

static const struct {
	uint32_t mask, bits;
	void (*apply)(struct scan *s, uint32_t w);
} forms[] = {
	{0xffc003e0, 0xa98003e0, push_pair},    /* stp a, b, [sp, #-n]! */
	{0xffc003e0, 0xa90003e0, store_pair},   /* stp a, b, [sp, #n] */
	{0xffc003e0, 0xa8c003e0, pop_pair},     /* ldp a, b, [sp], #n */
	{0xffc003e0, 0xa94003e0, load_pair},    /* ldp a, b, [sp, #n] */
	{0xffe00fe0, 0xf8000fe0, push_one},     /* str a, [sp, #-n]! */
	{0xffc003e0, 0xf90003e0, store_one},    /* str a, [sp, #n] */
	{0xffe00fe0, 0xf84007e0, pop_one},      /* ldr a, [sp], #n */
	{0xffc003e0, 0xf94003e0, load_one},     /* ldr a, [sp, #n] */
	{0xff8003ff, 0xd10003ff, lower_sp},     /* sub sp, sp, #n */
	{0xff8003ff, 0x910003ff, raise_sp},     /* add sp, sp, #n */
	{0xfffff01f, 0xd65f0000, end_path},     /* ret, retaa, retab */
	{0xfc000000, 0x14000000, end_path},     /* b */
	{0xfffffc1f, 0xd61f0000, end_function}, /* br: the PLT's */
};

static void say(struct scan *s, uint64_t to, const struct ap_rule *rule)
{
	if (to > s->from && !s->said)
		s->said = s->row(s->ctx, s->from, to, rule);
	s->from = to;
}

/* The instruction before the trampoline belongs to it: a caller is looked for one byte before its return address. */
static void trampoline(struct scan *s, uint64_t at)
{
	say(s, at - WORD > s->from ? at - WORD : s->from, &s->rule);
	say(s, at + AP_TRAMPOLINE_BYTES, ap_scan_trampoline_rule());
	begin(s);
}

static void step(struct scan *s, uint64_t at, uint32_t w)
{
	struct ap_rule was = s->rule;

	if (w == PACIASP || w == BTI_C) {
		begin(s);
		if (memcmp(&was, &s->rule, sizeof was) != 0)
			say(s, at, &was);
		return;
	}
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if ((w & forms[i].mask) != forms[i].bits)
			continue;
		forms[i].apply(s, w);
		if (memcmp(&was, &s->rule, sizeof was) != 0)
			say(s, at + WORD, &was);
		return;
	}
}

int ap_scan_run(const uint8_t *bytes, size_t size, uint64_t address,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx)
{
	struct scan s = {.from = address, .row = row, .ctx = ctx};
	uint32_t w;
	size_t i = 0;

	begin(&s);
	while (i + WORD <= size && !s.said) {
		if (i + AP_TRAMPOLINE_BYTES <= size && ap_scan_is_trampoline(bytes + i)) {
			trampoline(&s, address + i);
			i += AP_TRAMPOLINE_BYTES;
			continue;
		}
		memcpy(&w, bytes + i, sizeof w);
		step(&s, address + i, w);
		i += WORD;
	}
	say(&s, address + i, &s.rule);
	return s.said;
}

const uint8_t *ap_scan_find_trampoline(const uint8_t *bytes, size_t size)
{
	return NULL;
}

#else

const struct ap_rule *ap_scan_trampoline_rule(void)
{
/* The stack pointer is at struct ucontext then (x86-64 ABI of Linux, asm/sigcontext.h): flags, link, sigaltstack, r8 to r15, rdi, rsi, rbp,
 * rbx, rdx, rax, rcx, rsp, rip. */
#define AT(reg, place) [reg] = {.kind = AP_RULE_AT_REG, .base = AP_REG_SP, .offset = 40 + 8 * (place) }
	static const struct ap_rule rule = {.cfa_kind = AP_CFA_REG,
		.cfa_reg = AP_REG_SP,
		.signal = 1,
		.reg = {AT(8, 0), AT(9, 1), AT(10, 2), AT(11, 3), AT(12, 4), AT(13, 5), AT(14, 6), AT(15, 7), AT(5, 8), AT(4, 9), AT(6, 10),
			AT(3, 11), AT(1, 12), AT(0, 13), AT(2, 14), AT(AP_REG_SP, 15), AT(AP_REG_PC, 16)}};
#undef AT

	return &rule;
}

const uint8_t *ap_scan_find_trampoline(const uint8_t *bytes, size_t size)
{
	static const uint8_t code[AP_TRAMPOLINE_BYTES] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}; /* mov $15, %rax; syscall */

	return size ? memmem(bytes + 1, size - 1, code, sizeof code) : NULL;
}

int ap_scan_run(const uint8_t *bytes, size_t size, uint64_t address,
	int (*row)(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule), void *ctx)
{
	return row(ctx, address, address + size, ap_scan_trampoline_rule());
}

#endif
