/* From call frame information to rows: the starts of all functions from PT_GNU_EH_FRAME's search table (no section header is needed), then
 * libdw's interpretation of each from row to row. A gap between two functions becomes a row without information. */
#include "unwind/table.h"

#include "base/hash.h"
#include "base/mem.h"

#include <elfutils/libdw.h>
#include <dwarf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

enum { HDR_FIXED = 12, FUNCTIONS_MAX = 4 << 20, ROWS_MAX = 32 << 20, RULES_MAX = UINT16_MAX };

struct build {
	struct ap_unwind_table *t;
	struct ap_index index; /* of rules */
	uint64_t max_bytes;
	Elf *elf;
	Dwarf_CFI *cfi;
};

static uint64_t rule_hash(const void *ctx, uint32_t slot)
{
	return ap_hash_bytes(&((const struct ap_unwind_table *)ctx)->rules[slot], sizeof(struct ap_rule), 0);
}

static bool rule_same(const void *ctx, uint32_t slot, const void *key)
{
	return !memcmp(&((const struct ap_unwind_table *)ctx)->rules[slot], key, sizeof(struct ap_rule));
}

static int rule_number(struct build *b, const struct ap_rule *rule, uint16_t *ret)
{
	uint64_t hash = ap_hash_bytes(rule, sizeof *rule, 0);
	uint32_t slot = ap_index_find(&b->index, hash, rule_same, b->t, rule);
	struct ap_rule *v;

	if (slot == (uint32_t)AP_INDEX_NONE) {
		if (b->t->n_rules >= RULES_MAX)
			return -E2BIG;
		v = ap_grow(&b->t->rules, &b->t->rules_cap, b->t->n_rules, sizeof *v);
		if (!v)
			return -ENOMEM;
		slot = (uint32_t)b->t->n_rules;
		v[slot] = *rule;
		if (ap_index_add(&b->index, hash, slot, rule_hash, b->t))
			return -ENOMEM;
		b->t->n_rules++;
	}
	*ret = (uint16_t)slot;
	return 0;
}

static int add_row(struct build *b, uint64_t pc, const struct ap_rule *rule)
{
	struct ap_unwind_table *t = b->t;
	uint16_t number, *rules_of;
	uint32_t *pcs;
	int err = rule_number(b, rule, &number);

	if (err || pc < t->base || pc - t->base > UINT32_MAX)
		return err;
	if (t->n && t->rules_of[t->n - 1] == number)
		return 0;
	if (t->n && t->pcs[t->n - 1] >= pc - t->base) { /* overlapping functions: the later one wins from its start */
		if (t->pcs[t->n - 1] == pc - t->base)
			t->rules_of[t->n - 1] = number;
		return 0;
	}
	pcs = ap_grow(&t->pcs, &t->pcs_cap, t->n, sizeof *pcs);
	rules_of = pcs ? ap_grow(&t->rules_of, &t->rules_of_cap, t->n, sizeof *rules_of) : NULL;
	if (!rules_of)
		return -ENOMEM;
	pcs[t->n] = (uint32_t)(pc - t->base);
	rules_of[t->n++] = number;
	if (t->n > ROWS_MAX || (b->max_bytes && ap_unwind_table_bytes(t) > b->max_bytes))
		return -E2BIG;
	return 0;
}

/* DW_OP_bregN, or DW_OP_bregx, as (register, offset). */
static bool base_register(const Dwarf_Op *op, uint8_t *ret_reg, int32_t *ret_offset)
{
	bool x = op->atom == DW_OP_bregx;
	uint64_t reg = x ? op->number : (uint64_t)op->atom - DW_OP_breg0;
	int64_t offset = (int64_t)(x ? op->number2 : op->number);

	if ((!x && (op->atom < DW_OP_breg0 || op->atom > DW_OP_breg31)) || reg >= AP_REG_COUNT || offset != (int32_t)offset)
		return false;
	*ret_reg = (uint8_t)reg;
	*ret_offset = (int32_t)offset;
	return true;
}

/* What linkers write for the PLT: sp + 8 + ((pc & 15) >= K) << 3. */
static bool is_plt(const Dwarf_Op *ops, size_t n, int32_t *ret_k)
{
	static const uint8_t tail[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};

	if (n != 9 || ops[0].atom != DW_OP_breg0 + AP_REG_SP || ops[0].number != 8 || ops[1].atom != DW_OP_breg0 + (AP_REG_PC & 31) || ops[1].number ||
		ops[2].atom != DW_OP_lit15 || ops[3].atom != DW_OP_and || ops[4].atom < DW_OP_lit0 || ops[4].atom > DW_OP_lit31)
		return false;
	for (size_t i = 0; i < sizeof tail; i++)
		if (ops[5 + i].atom != tail[i])
			return false;
	*ret_k = ops[4].atom - DW_OP_lit0;
	return true;
}

static void read_cfa(Dwarf_Frame *f, struct ap_rule *r)
{
	Dwarf_Op *ops;
	size_t n;

	r->cfa_kind = AP_CFA_BAD;
	if (dwarf_frame_cfa(f, &ops, &n) || !n)
		return;
	if (is_plt(ops, n, &r->cfa_offset))
		r->cfa_kind = AP_CFA_PLT;
	else if (base_register(&ops[0], &r->cfa_reg, &r->cfa_offset) && (n == 1 || (n == 2 && ops[1].atom == DW_OP_stack_value)))
		r->cfa_kind = AP_CFA_REG;
	else if (n == 2 && ops[1].atom == DW_OP_deref && base_register(&ops[0], &r->cfa_reg, &r->cfa_offset))
		r->cfa_kind = AP_CFA_DEREF_REG;
	else if (n == 3 && ops[1].atom == DW_OP_plus_uconst && ops[2].atom == DW_OP_deref && base_register(&ops[0], &r->cfa_reg, &r->cfa_offset)) {
		int64_t sum = r->cfa_offset + (int64_t)(int32_t)ops[1].number;

		r->cfa_offset = (int32_t)sum;
		if (ops[1].number <= INT32_MAX && sum == r->cfa_offset)
			r->cfa_kind = AP_CFA_DEREF_REG;
	}
}

static void read_register(Dwarf_Frame *f, unsigned reg, struct ap_reg_rule *r)
{
	Dwarf_Op memory[3], *ops;
	int64_t offset = 0;
	size_t n, i = 0;

	r->kind = AP_RULE_BAD;
	if (dwarf_frame_register(f, (int)reg, memory, &ops, &n))
		return;
	if (!n) {
		r->kind = ops ? AP_RULE_UNDEFINED : AP_RULE_SAME;
		return;
	}
	if (ops[0].atom == DW_OP_regx || (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)) {
		Dwarf_Word number = ops[0].atom == DW_OP_regx ? ops[0].number : (Dwarf_Word)(ops[0].atom - DW_OP_reg0);

		if (n == 1 && number < AP_REG_COUNT) {
			r->base = (uint8_t)number;
			r->kind = AP_RULE_REG;
		}
		return;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa)
		return;
	if (n == 2 && base_register(&ops[1], &r->base, &r->offset)) { /* an expression that forgets the CFA: signal frames */
		r->kind = AP_RULE_AT_REG;
		return;
	}
	for (i = 1; i < n && ops[i].atom == DW_OP_plus_uconst; i++)
		offset = (int64_t)((uint64_t)offset + ops[i].number); /* wraps: libdw writes a negative offset so */
	r->offset = (int32_t)offset;
	if (offset != r->offset)
		return;
	if (i == n)
		r->kind = AP_RULE_AT_CFA;
	else if (i + 1 == n && ops[i].atom == DW_OP_stack_value)
		r->kind = AP_RULE_VAL_CFA;
}

static void read_rule(Dwarf_Frame *f, bool signal, struct ap_rule *r)
{
	memset(r, 0, sizeof *r);
	r->signal = signal;
	read_cfa(f, r);
	for (unsigned i = 0; i < AP_REG_COUNT; i++)
		read_register(f, i, &r->reg[i]);
}

static int one_function(struct build *b, uint64_t start, uint64_t limit)
{
	static const struct ap_rule none;
	Dwarf_Addr row_start, row_end;
	uint64_t at = start;
	struct ap_rule rule;
	Dwarf_Frame *f;
	bool signal;
	int err = 0;

	while (!err && at < limit && !dwarf_cfi_addrframe(b->cfi, at, &f)) {
		dwarf_frame_info(f, &row_start, &row_end, &signal);
		read_rule(f, signal, &rule);
		free(f);
		err = add_row(b, at, &rule);
		if (row_end <= at)
			break;
		at = row_end;
	}
	if (!err && at < limit)
		err = add_row(b, at, &none);
	return err;
}

/* The sorted table of PT_GNU_EH_FRAME: {start, FDE} pairs of 32 bits relative to the header (LSB core, .eh_frame_hdr). */
static int functions(struct build *b, const GElf_Phdr *ph)
{
	Elf_Data *d = elf_getdata_rawchunk(b->elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_BYTE);
	const unsigned char *p = d ? d->d_buf : NULL;
	uint64_t start, next;
	uint32_t count, i;
	int32_t relative;
	int err = 0;

	if (!p || d->d_size < HDR_FIXED || p[0] != 1 || p[2] != (DW_EH_PE_udata4) || p[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return -ENODATA;
	memcpy(&count, p + 8, sizeof count);
	if (count > FUNCTIONS_MAX || count > (d->d_size - HDR_FIXED) / 8)
		return -EBADMSG;
	for (i = 0; i < count && !err; i++) {
		memcpy(&relative, p + HDR_FIXED + 8 * (size_t)i, 4);
		start = ph->p_vaddr + (uint64_t)(int64_t)relative;
		next = UINT64_MAX;
		if (i + 1 < count) {
			memcpy(&relative, p + HDR_FIXED + 8 * (size_t)(i + 1), 4);
			next = ph->p_vaddr + (uint64_t)(int64_t)relative;
		}
		if (!i)
			b->t->base = start;
		err = one_function(b, start, next);
	}
	return err;
}

static int build_rows(struct build *b)
{
	GElf_Ehdr eh;
	GElf_Phdr ph;
	size_t n = 0;

	if (!gelf_getehdr(b->elf, &eh) || elf_kind(b->elf) != ELF_K_ELF)
		return -EBADMSG;
#if defined(__x86_64__)
	if (eh.e_machine != EM_X86_64)
		return -ENOTSUP;
#else
	if (eh.e_machine != EM_AARCH64)
		return -ENOTSUP;
#endif
	elf_getphdrnum(b->elf, &n);
	b->cfi = dwarf_getcfi_elf(b->elf);
	for (size_t i = 0; b->cfi && i < n; i++)
		if (gelf_getphdr(b->elf, (int)i, &ph) && ph.p_type == PT_GNU_EH_FRAME)
			return functions(b, &ph);
	return -ENODATA;
}

/* The room for growth is given back: tables live as long as the recording. */
static void trim(struct ap_unwind_table *t)
{
	void *p;

	if ((p = reallocarray(t->pcs, t->n, sizeof *t->pcs)))
		t->pcs = p, t->pcs_cap = t->n;
	if ((p = reallocarray(t->rules_of, t->n, sizeof *t->rules_of)))
		t->rules_of = p, t->rules_of_cap = t->n;
	if ((p = reallocarray(t->rules, t->n_rules, sizeof *t->rules)))
		t->rules = p, t->rules_cap = t->n_rules;
}

int ap_unwind_table_build(const struct ap_unwind_input *in, struct ap_unwind_table **ret_table, struct ap_why *why)
{
	struct build b = {.max_bytes = in->max_bytes};
	int err = -ENODATA;

	elf_version(EV_CURRENT);
	b.t = calloc(1, sizeof *b.t);
	if (!b.t)
		return ap_why(why, ENOMEM, "cannot build an unwind table: out of memory");
	b.elf = in->fd >= 0 ? elf_begin(in->fd, ELF_C_READ_MMAP, NULL) : elf_memory((char *)(uintptr_t)in->image, in->image_size);
	if (b.elf)
		err = build_rows(&b);
	if (!err && !b.t->n)
		err = -ENODATA;
	dwarf_cfi_end(b.cfi);
	elf_end(b.elf);
	ap_index_done(&b.index);
	if (err) {
		ap_unwind_table_free(b.t);
		return ap_why(why, -err, "cannot build an unwind table: %s", strerror(-err));
	}
	trim(b.t);
	*ret_table = b.t;
	return 0;
}
