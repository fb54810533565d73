/* One function of Go's table: its description, the tables of pairs (value, pc) that give file, line and inlined call at an address, and the
 * tree of inlined calls.
 *
 * A pair is two varints, the change of the value (zigzag) and how many instructions it holds for; the first value is -1 plus its change. An
 * inlined call names the function and an address of the outer one, `parentPc`, whose own file and line are those of the call. */
#include "sym/gotab_read.h"

enum { NAME_MAX_BYTES = 4096, PAIRS_MAX = 1 << 20, INLINE_INDEX = 2, INLINE_TREE = 3 };
static const uint32_t NONE = UINT32_MAX;

struct function {
	uint64_t at, entry; /* its description's offset; its first address */
	uint64_t name, file_pcs, line_pcs, n_pcdata, unit, start_line, n_funcdata;
	uint64_t pcdata; /* offset of the first of n_pcdata */
};

bool gotab_entry(const struct gotab *t, uint64_t i, uint64_t *ret_pc, uint64_t *ret_function)
{
	size_t size = t->version >= GOTAB_1_18 ? 4 : t->word;
	uint64_t at = t->functions + i * 2 * size, function;

	if (!gotab_word(t, at, size, ret_pc))
		return false;
	if (t->version >= GOTAB_1_18)
		*ret_pc += t->text;
	if (!ret_function)
		return true;
	if (!gotab_word(t, at + size, size, &function) || function > t->size)
		return false;
	*ret_function = t->version == GOTAB_1_2 ? function : t->functions + function;
	return true;
}

static bool text_at(const struct gotab *t, uint64_t at, const char **ret_text)
{
	size_t room = at < t->size ? t->size - (size_t)at : 0;

	if (!room || !memchr(t->data + at, '\0', room < NAME_MAX_BYTES ? room : (size_t)NAME_MAX_BYTES))
		return false;
	*ret_text = (const char *)t->data + at;
	return true;
}

/* The offset of a function's words behind its first address, which is 4 bytes from 1.18 on. */
static uint64_t fields_of(const struct gotab *t, uint64_t function)
{
	return function + (t->version >= GOTAB_1_18 ? 4 : t->word);
}

bool gotab_name_at(const struct gotab *t, uint64_t function, const char **ret_name)
{
	const char *name;
	uint64_t at;

	if (!gotab_word(t, fields_of(t, function), 4, &at) || !text_at(t, t->names + at, &name))
		return false;
	if (ret_name)
		*ret_name = name;
	return *name != '\0';
}

/* name, args, deferreturn, pcsp, pcfile, pcln, npcdata; cuOffset from 1.16, startLine from 1.20; the last word's last byte is nfuncdata. */
static bool read_function(const struct gotab *t, uint64_t at, uint64_t entry, struct function *f)
{
	uint64_t fields = fields_of(t, at), next = fields + 28, last;

	*f = (struct function){.at = at, .entry = entry};
	if (!gotab_word(t, fields, 4, &f->name) || !gotab_word(t, fields + 16, 4, &f->file_pcs) ||
		!gotab_word(t, fields + 20, 4, &f->line_pcs) || !gotab_word(t, fields + 24, 4, &f->n_pcdata))
		return false;
	if (t->version >= GOTAB_1_16) {
		if (!gotab_word(t, next, 4, &f->unit))
			return false;
		next += 4;
	}
	if (t->version >= GOTAB_1_20) {
		if (!gotab_word(t, next, 4, &f->start_line))
			return false;
		next += 4;
	}
	if (!gotab_word(t, next, 4, &last))
		return false;
	f->n_funcdata = t->version == GOTAB_1_2 ? last : last >> 24;
	f->pcdata = next + 4;
	return true;
}

static bool varint(const struct gotab *t, uint64_t *at, uint32_t *ret_value)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 32; shift += 7) {
		uint8_t byte;

		if (*at >= t->size)
			return false;
		byte = t->data[(*at)++];
		v |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = v;
			return true;
		}
	}
	return false;
}

/* The value at an address of the function; -1: none. */
static int32_t value_at(const struct gotab *t, uint64_t table, const struct function *f, uint64_t pc)
{
	uint64_t at = t->pcs + table, end = f->entry;
	uint32_t value = UINT32_MAX, change, instructions;

	if (!table)
		return -1;
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		if (!varint(t, &at, &change) || (!change && i) || !varint(t, &at, &instructions))
			return -1;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		end += (uint64_t)instructions * t->quantum;
		if (pc < end)
			return (int32_t)value;
	}
	return -1;
}

static const char *file_of(const struct gotab *t, const struct function *f, int32_t index)
{
	const char *file = "";
	uint64_t at;

	if (index < 0)
		return "";
	if (t->version == GOTAB_1_2) {
		uint64_t table, size = t->word, end = t->functions + t->n_functions * 2 * size + size;

		/* the table of files lies where the word behind the functions says */
		if (!gotab_word(t, end, 4, &table) || !gotab_word(t, table + 4 * (uint64_t)index, 4, &at) || !text_at(t, at, &file))
			return "";
		return file;
	}
	if (!gotab_word(t, t->units + 4 * (f->unit + (uint64_t)index), 4, &at) || at == NONE || !text_at(t, t->files + at, &file))
		return "";
	return file;
}

static void place(const struct gotab *t, const struct function *f, uint64_t pc, struct ap_sym_line *l)
{
	int32_t line = value_at(t, f->line_pcs, f, pc);

	l->file = file_of(t, f, value_at(t, f->file_pcs, f, pc));
	l->line = line > 0 ? (uint32_t)line : 0;
}

static const uint8_t *bytes_at(const struct gotab *t, uint64_t address, size_t *ret_room)
{
	for (size_t i = 0; i < t->n_ranges; i++) {
		const struct gotab_range *r = &t->ranges[i];

		if (address >= r->address && address - r->address < r->size) {
			*ret_room = r->size - (size_t)(address - r->address);
			return r->data + (address - r->address);
		}
	}
	return NULL;
}

/* The function's inlined calls. NULL: none, or not to be found. */
static const uint8_t *inline_tree(const struct gotab *t, const struct function *f, size_t *ret_room)
{
	uint64_t at = f->pcdata + 4 * f->n_pcdata, v;

	if (t->version == GOTAB_1_2 || f->n_funcdata <= INLINE_TREE || f->n_pcdata <= INLINE_INDEX || f->n_pcdata > 64)
		return NULL;
	if (t->version == GOTAB_1_16) { /* pointers, aligned in memory */
		at += (t->address + at) % t->word ? 4 : 0;
		return gotab_word(t, at + INLINE_TREE * (uint64_t)t->word, t->word, &v) && v ? bytes_at(t, v, ret_room) : NULL;
	}
	if (!t->gofunc || !gotab_word(t, at + INLINE_TREE * 4, 4, &v) || v == NONE)
		return NULL;
	return bytes_at(t, t->gofunc + v, ret_room);
}

struct inlined {
	uint32_t name, parent_pc, start_line;
};

/* Until 1.19: parent (16 bits), funcID, file, line, func, parentPc. From 1.20: funcID, nameOff, parentPc, startLine. */
static bool inlined_at(const struct gotab *t, const uint8_t *tree, size_t room, uint32_t i, struct inlined *ret)
{
	size_t size = t->version >= GOTAB_1_20 ? 16 : 20, name = t->version >= GOTAB_1_20 ? 4 : 12;
	const uint8_t *p;

	if (i >= room / size)
		return false;
	p = tree + i * size;
	ret->name = (uint32_t)gotab_word_in(p + name, 4);
	ret->parent_pc = (uint32_t)gotab_word_in(p + name + 4, 4);
	ret->start_line = t->version >= GOTAB_1_20 ? (uint32_t)gotab_word_in(p + 12, 4) : 0;
	return true;
}

/* Fills the inlined calls at *pc, innermost first, and leaves in *pc the address of the outermost call. */
static size_t inlined_lines(const struct gotab *t, const struct function *f, uint64_t end, uint64_t *pc, struct ap_sym_line *lines)
{
	size_t room = 0, n = 0;
	const uint8_t *tree = inline_tree(t, f, &room);
	struct inlined in;
	uint64_t table;
	int32_t i;

	if (!tree || !gotab_word(t, f->pcdata + 4 * INLINE_INDEX, 4, &table))
		return 0;
	while (n < GOTAB_LINES_MAX - 1 && (i = value_at(t, table, f, *pc)) >= 0) {
		lines[n] = (struct ap_sym_line){.linkage_name = "", .file = "", .function_file = ""};
		if (!inlined_at(t, tree, room, (uint32_t)i, &in) || in.parent_pc >= end - f->entry ||
			!text_at(t, t->names + in.name, &lines[n].function) || !lines[n].function[0])
			break;
		place(t, f, *pc, &lines[n]);
		lines[n].function_file = in.start_line ? lines[n].file : "";
		lines[n++].function_line = in.start_line;
		*pc = f->entry + in.parent_pc;
	}
	return n;
}

size_t gotab_lines(const struct gotab *t, uint64_t pc, struct ap_sym_line *lines)
{
	uint64_t low = 0, high = t->n_functions, middle, at, start, end, off;
	struct function f;
	size_t n;

	if (!gotab_entry(t, 0, &start, NULL) || pc < start || !gotab_entry(t, t->n_functions, &end, NULL) || pc >= end)
		return 0;
	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (!gotab_entry(t, middle, &at, NULL))
			return 0;
		if (at <= pc)
			low = middle;
		else
			high = middle;
	}
	if (!gotab_entry(t, low, &start, &off) || !gotab_entry(t, low + 1, &end, NULL) || pc < start || pc >= end ||
		!read_function(t, off, start, &f))
		return 0;
	n = inlined_lines(t, &f, end, &pc, lines);
	lines[n] = (struct ap_sym_line){.linkage_name = "", .file = "", .function_file = "", .function_line = (uint32_t)f.start_line};
	if (!gotab_name_at(t, off, &lines[n].function))
		return 0;
	place(t, &f, pc, &lines[n]);
	lines[n].function_file = file_of(t, &f, value_at(t, f.file_pcs, &f, f.entry));
	return n + 1;
}
