/* From call frame information to rows. The FDEs are listed, from PT_GNU_EH_FRAME's search table or by walking the section, put in order of
 * their start, and run one after the other. .debug_frame fills the gaps that .eh_frame leaves. The cost is in proportion to the
 * instructions: each is read once. Code that has neither, but is known, is scanned (scan.h). */
#include "base/mem.h"
#include "unwind/rows.h"
#include "unwind/scan.h"
#include "unwind/sections.h"

#include <errno.h>
#include <string.h>

enum { LIST_MAX = 4 << 20, ENTRY_BYTES = 256 /* of `_start`, where nothing else says how long it is */ };

enum from { FROM_EH, FROM_DEBUG, FROM_CODE /* scanned; offset is the number in ap_sections.plain */ };

struct item {
	uint64_t start;
	uint32_t offset; /* in its section */
	uint32_t from;
};
struct build {
	struct ap_sections s;
	struct ap_rows rows;
	struct item *items;
	size_t n, cap;
	uint64_t max_bytes;
	bool sorted;
	struct ap_cie cie[2];          /* by enum from */
	uint64_t clip_start, clip_end; /* of the FDE that is run */
	bool entry_done;
};

static const struct ap_cfi_section *section(const struct build *b, uint32_t from)
{
	return from == FROM_EH ? &b->s.eh : &b->s.debug;
}

static int list(struct build *b, const struct item *item)
{
	if (b->n >= LIST_MAX || (b->max_bytes && b->n * sizeof *b->items > b->max_bytes))
		return -E2BIG;
	if (!ap_grow(&b->items, &b->cap, b->n, sizeof *b->items))
		return -ENOMEM;
	if (b->n && b->items[b->n - 1].start > item->start)
		b->sorted = false;
	b->items[b->n++] = *item;
	return 0;
}

/* Lists the FDE at an offset. 0, or negative errno; *ret_next is SIZE_MAX where there is no entry. */
static int list_one(struct build *b, enum from from, size_t offset, size_t *ret_next)
{
	struct ap_fde fde;
	int found = ap_cfi_entry(section(b, from), offset, &b->cie[from], &fde, ret_next);

	if (found < 0)
		*ret_next = SIZE_MAX;
	if (found <= 0 || fde.start >= fde.end || !ap_sections_is_code(&b->s, fde.start)) /* what the linker dropped starts at 0 */
		return 0;
	return list(b, &(struct item){.start = fde.start, .offset = (uint32_t)offset, .from = from});
}

static int list_plain(struct build *b)
{
	int err = 0;

	for (size_t i = 0; i < b->s.n_plain && !err; i++)
		if (ap_sections_is_code(&b->s, b->s.plain[i].address))
			err = list(b, &(struct item){.start = b->s.plain[i].address, .offset = (uint32_t)i, .from = FROM_CODE});
	return err;
}

static int list_table(struct build *b)
{
	struct ap_sections *s = &b->s;
	struct ap_cfi_section hdr = {
		.bytes = s->table.at, .size = ap_read_left(&s->table), .address = s->table_address, .data_base = s->eh.data_base};
	uint64_t start, fde;
	size_t next;
	int err = 0;

	for (size_t i = 0; i < s->n_table && !err; i++) {
		if (!ap_cfi_pointer(&s->table, &hdr, s->table_encoding, 8, &start) ||
			!ap_cfi_pointer(&s->table, &hdr, s->table_encoding, 8, &fde))
			break;
		if (fde >= s->eh.address && fde - s->eh.address < s->eh.size)
			err = list_one(b, FROM_EH, (size_t)(fde - s->eh.address), &next);
	}
	return err;
}

/* Every entry from the first. Where the section's end is known, a terminator in the middle (of an object linked early) is passed over. */
static int list_all(struct build *b, enum from from)
{
	const struct ap_cfi_section *s = section(b, from);
	bool exact = from == FROM_DEBUG || b->s.eh_exact;
	size_t at = 0, next;
	uint32_t word;
	int err = 0;

	while (!err && at + 4 <= s->size) {
		err = list_one(b, from, at, &next);
		memcpy(&word, s->bytes + at, sizeof word);
		if (next == SIZE_MAX && !word && exact)
			next = at + 4;
		if (next <= at || next == SIZE_MAX)
			break;
		at = next;
	}
	return err;
}

static int by_start(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->offset > y->offset) - (x->offset < y->offset);
}

static int put_range(void *ctx, uint64_t start, uint64_t end, const struct ap_rule *rule)
{
	struct build *b = ctx;

	if (start < b->clip_start)
		start = b->clip_start;
	if (end > b->clip_end)
		end = b->clip_end;
	return start < end ? ap_rows_range(&b->rows, start, end, rule) : 0;
}

/* The program's entry has no caller. Not every C library says so in its call frame information. */
static int put_entry(struct build *b, uint64_t before)
{
	static const struct ap_rule outermost = {.cfa_kind = AP_CFA_BAD, .reg[AP_REG_PC].kind = AP_RULE_UNDEFINED};
	uint64_t start = b->s.entry, end = start + ENTRY_BYTES;

	if (b->entry_done || start >= before)
		return 0;
	b->entry_done = true;
	if ((b->rows.any && start < b->rows.until) || end < start || !ap_sections_is_code(&b->s, start))
		return 0;
	return ap_rows_range(&b->rows, start, end < before ? end : before, &outermost);
}

static bool read_item(struct build *b, const struct item *it, struct ap_fde *ret_fde)
{
	const struct ap_plain_code *p = &b->s.plain[it->from == FROM_CODE ? it->offset : 0];
	size_t next;

	if (it->from != FROM_CODE)
		return ap_cfi_entry(section(b, it->from), it->offset, &b->cie[it->from], ret_fde, &next) == 1;
	*ret_fde = (struct ap_fde){.start = p->address, .end = p->address + p->size};
	return true;
}

static int run_item(struct build *b, const struct item *it, const struct ap_fde *fde)
{
	const struct ap_plain_code *p = &b->s.plain[it->from == FROM_CODE ? it->offset : 0];

	return it->from == FROM_CODE ? ap_scan_run(p->bytes, p->size, p->address, put_range, b)
				     : ap_cfi_run(section(b, it->from), &b->cie[it->from], fde, put_range, b);
}

static int run_items(struct build *b)
{
	size_t next_eh = 0;
	struct ap_fde fde;
	int err = 0;

	for (size_t i = 0; i < b->n && !err; i++) {
		const struct item *it = &b->items[i];

		while (next_eh < b->n && (next_eh <= i || b->items[next_eh].from != FROM_EH))
			next_eh++;
		err = put_entry(b, it->start);
		if (err || !read_item(b, it, &fde))
			continue;
		b->clip_start = b->rows.any && b->rows.until > fde.start ? b->rows.until : fde.start;
		b->clip_end = next_eh < b->n && b->items[next_eh].start < fde.end ? b->items[next_eh].start : fde.end;
		if (b->clip_start < b->clip_end)
			err = run_item(b, it, &fde);
	}
	return err ? err : b->n ? put_entry(b, UINT64_MAX) : 0;
}

static int build_rows(struct build *b)
{
	int err = 0;

	b->sorted = true;
	b->cie[FROM_EH].offset = b->cie[FROM_DEBUG].offset = SIZE_MAX;
	if (b->s.eh.bytes && b->s.table.at)
		err = list_table(b);
	if (!err && b->s.eh.bytes && !b->n)
		err = list_all(b, FROM_EH);
	if (!err && b->s.debug.bytes)
		err = list_all(b, FROM_DEBUG);
	b->entry_done = !AP_SCAN && !b->n; /* nothing would end it, and Go's exit lies close behind its entry */
	if (!err)
		err = list_plain(b);
	if (err)
		return err;
	if (!b->sorted)
		qsort(b->items, b->n, sizeof *b->items, by_start);
	return run_items(b);
}

int ap_unwind_table_build(const struct ap_unwind_input *in, struct ap_unwind_table **ret_table, struct ap_why *why)
{
	struct build b = {.max_bytes = in->max_bytes};
	int err = ap_sections_open(in, &b.s);

	if (!err) {
		err = ap_rows_init(&b.rows, in->max_bytes);
		if (!err)
			err = build_rows(&b);
		if (!err)
			err = ap_rows_finish(&b.rows, ret_table);
		ap_rows_done(&b.rows);
		free(b.items);
		ap_sections_done(&b.s);
	}
	return err ? ap_why(why, -err, "cannot build an unwind table: %s", strerror(-err)) : 0;
}
