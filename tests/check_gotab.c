/* sym: Go's function table in its four versions, each built here with two functions, the second with an inlined call. */
#include "base/mem.h"
#include "sym/gotab.h"
#include "tests/check_main.h"

#include <string.h>

enum { BASE = 0x400000, TEXT = 0x401000, ROOM = 4096 };

struct table {
	enum gotab_version version;
	uint8_t bytes[ROOM];
	size_t n;
};

static void put(struct table *t, uint64_t v, size_t size)
{
	ck_assert_uint_le(t->n + size, ROOM);
	memcpy(t->bytes + t->n, &v, size);
	t->n += size;
}

static void set(struct table *t, size_t at, uint64_t v, size_t size)
{
	memcpy(t->bytes + at, &v, size);
}

static uint64_t text(struct table *t, const char *s)
{
	size_t at = t->n;

	for (size_t i = 0; i <= strlen(s); i++)
		put(t, (uint8_t)s[i], 1);
	return at;
}

/* Pairs of (value, bytes of code), ended. */
static uint64_t pairs(struct table *t, const int *v, size_t n)
{
	size_t at = t->n;
	int last = -1;

	for (size_t i = 0; i < n; i += 2) {
		int change = v[i] - last;

		put(t, (uint8_t)(change < 0 ? (-change * 2) - 1 : change * 2), 1);
		put(t, (uint8_t)v[i + 1], 1);
		last = v[i];
	}
	put(t, 0, 1);
	return at;
}

struct parts {
	uint64_t names, files, units, pcs, first, second, inner, file, file2, line1, line2, file_pcs, inline_pcs, tree;
};

static size_t function(struct table *t, const struct parts *p, uint64_t entry, uint64_t name, uint64_t line_pcs, bool inlined)
{
	bool offsets = t->version >= GOTAB_1_18;
	size_t at = t->n;

	put(t, offsets ? entry - TEXT : entry, offsets ? 4 : 8);
	put(t, name - p->names, 4);
	for (int i = 0; i < 3; i++)
		put(t, 0, 4); /* args, deferreturn, pcsp */
	put(t, p->file_pcs - p->pcs, 4);
	put(t, line_pcs - p->pcs, 4);
	put(t, inlined ? 3 : 0, 4);
	if (t->version >= GOTAB_1_16)
		put(t, 0, 4); /* cuOffset */
	if (t->version >= GOTAB_1_20)
		put(t, 7, 4); /* startLine */
	put(t, t->version == GOTAB_1_2 ? 0 : (uint32_t)(inlined ? 4 : 0) << 24, 4);
	if (!inlined)
		return at;
	put(t, 0, 4);
	put(t, 0, 4);
	put(t, p->inline_pcs - p->pcs, 4);
	if (t->version == GOTAB_1_16 && t->n % 8)
		put(t, 0, 4);
	for (int i = 0; i < 3; i++)
		put(t, 0, offsets ? 4 : 8);
	put(t, offsets ? p->tree : BASE + p->tree, offsets ? 4 : 8); /* gofunc is BASE */
	return at;
}

static void strings(struct table *t, struct parts *p)
{
	static const int line1[] = {10, 16}, line2[] = {20, 8, 5, 8}, file[] = {1, 32}, inlined[] = {-1, 8, 0, 8};

	p->names = t->version == GOTAB_1_2 ? 0 : t->n;
	text(t, ""); /* offset 0 is no name and no table */
	p->first = text(t, "main.first");
	p->second = text(t, "main.second");
	p->inner = text(t, "main.inner");
	p->files = t->version == GOTAB_1_2 ? 0 : t->n;
	p->file = text(t, "/zero.go");
	p->file2 = text(t, "/one.go");
	t->n += -t->n & 7;
	p->units = t->n;
	put(t, p->file - p->files, 4);
	put(t, p->file2 - p->files, 4);
	p->pcs = t->version == GOTAB_1_2 ? 0 : t->n;
	put(t, 0, 1);
	p->line1 = pairs(t, line1, 2);
	p->line2 = pairs(t, line2, 4);
	p->file_pcs = pairs(t, file, 2);
	p->inline_pcs = pairs(t, inlined, 4);
	t->n += -t->n & 7;
	p->tree = t->n;
	if (t->version >= GOTAB_1_20) {
		put(t, 0, 4);
		put(t, p->inner - p->names, 4);
		put(t, 4, 4); /* called from 4 bytes into the function */
		put(t, 3, 4);
	} else {
		put(t, 0xffff, 4);
		put(t, 0, 4);
		put(t, 0, 4);
		put(t, p->inner - p->names, 4);
		put(t, 4, 4);
	}
	t->n += -t->n & 7;
}

static void build(struct table *t, enum gotab_version version)
{
	static const uint32_t magic[] = {
		[GOTAB_1_2] = 0xfffffffb, [GOTAB_1_16] = 0xfffffffa, [GOTAB_1_18] = 0xfffffff0, [GOTAB_1_20] = 0xfffffff1};
	size_t words = version == GOTAB_1_2    ? 1
		       : version == GOTAB_1_16 ? 7
					       : 8,
	       word = version >= GOTAB_1_18 ? 4 : 8, first, second, at = 8, functions;
	struct parts p = {0};

	*t = (struct table){.version = version};
	put(t, magic[version], 4);
	put(t, 0, 2);
	put(t, 1, 1);
	put(t, 8, 1);
	for (size_t i = 0; i < words; i++)
		put(t, 0, 8);
	set(t, 8, 2, 8);
	functions = t->n;
	if (version == GOTAB_1_2) /* the table follows the header at once, and the offset of the files' table the functions */
		t->n += 5 * 8 + 8;
	strings(t, &p);
	if (version != GOTAB_1_2) {
		functions = t->n;
		t->n += 5 * word + (-5 * word & 7);
	}
	first = function(t, &p, TEXT, p.first, p.line1, false);
	t->n += -t->n & 7;
	second = function(t, &p, TEXT + 16, p.second, p.line2, version != GOTAB_1_2);
	for (int i = 0; i < 3; i++)
		set(t, functions + (size_t)i * 2 * word, (version >= GOTAB_1_18 ? 0 : TEXT) + (uint64_t)i * 16, word);
	set(t, functions + word, first - (version == GOTAB_1_2 ? 0 : functions), word);
	set(t, functions + 3 * word, second - (version == GOTAB_1_2 ? 0 : functions), word);
	if (version == GOTAB_1_2) {
		set(t, functions + 5 * 8, p.units, 4);
		return;
	}
	at += 8;
	set(t, at, 2, 8);
	if (version >= GOTAB_1_18)
		set(t, at += 8, TEXT, 8);
	set(t, at += 8, p.names, 8);
	set(t, at += 8, p.units, 8);
	set(t, at += 8, p.files, 8);
	set(t, at += 8, p.pcs, 8);
	set(t, at += 8, functions, 8);
}

static const enum gotab_version VERSIONS[] = {GOTAB_1_2, GOTAB_1_16, GOTAB_1_18, GOTAB_1_20};

START_TEST(every_version_names_functions_files_and_lines)
{
	enum gotab_version version = VERSIONS[_i];
	struct ap_sym_line l[GOTAB_LINES_MAX];
	struct gotab_range r;
	struct table t;
	struct gotab g = {0};

	build(&t, version);
	r = (struct gotab_range){t.bytes, BASE, t.n, false};
	ck_assert(gotab_at(&g, &r, 0, TEXT));
	ck_assert_int_eq(g.version, version);
	g.ranges[0] = r;
	g.n_ranges = 1;
	g.gofunc = version >= GOTAB_1_18 ? BASE : 0;
	ck_assert_uint_eq(gotab_lines(&g, TEXT - 1, l), 0);
	ck_assert_uint_eq(gotab_lines(&g, TEXT + 32, l), 0);
	ck_assert_uint_eq(gotab_lines(&g, TEXT + 15, l), 1);
	ck_assert_str_eq(l[0].function, "main.first");
	ck_assert_str_eq(l[0].file, "/one.go");
	ck_assert_uint_eq(l[0].line, 10);
	ck_assert_uint_eq(gotab_lines(&g, TEXT + 16, l), 1);
	ck_assert_str_eq(l[0].function, "main.second");
	ck_assert_uint_eq(l[0].line, 20);
	ck_assert_uint_eq(l[0].function_line, version >= GOTAB_1_20 ? 7 : 0);
	ck_assert_uint_eq(gotab_lines(&g, TEXT + 26, l), version == GOTAB_1_2 ? 1 : 2);
	if (version != GOTAB_1_2) {
		ck_assert_str_eq(l[0].function, "main.inner");
		ck_assert_uint_eq(l[0].line, 5);
		ck_assert_str_eq(l[1].function, "main.second");
		ck_assert_uint_eq(l[1].line, 20);
	}
}
END_TEST

START_TEST(a_table_is_found_by_its_magic)
{
	uint8_t room[ROOM + 64] = {0};
	struct gotab g = {0};
	struct table t;

	build(&t, VERSIONS[_i]);
	memset(room, 0xff, 48);
	memcpy(room + 48, t.bytes, t.n);
	g.ranges[0] = (struct gotab_range){room, BASE - 48, 48 + t.n, false};
	g.n_ranges = 1;
	ck_assert(gotab_search(&g, TEXT));
	ck_assert_uint_eq(g.address, BASE);
}
END_TEST

/* Any byte may be anything: nothing outside the table is read (the sanitizers and valgrind watch), nothing loops. */
START_TEST(a_damaged_table_is_read_within_its_bounds)
{
	struct ap_sym_line l[GOTAB_LINES_MAX];
	struct table t;

	for (size_t i = 0; i < ROOM; i++) {
		uint8_t *copy;
		struct gotab g = {0};

		build(&t, VERSIONS[_i]);
		if (i >= t.n)
			break;
		t.bytes[i] = 0xff;
		copy = malloc(t.n);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, t.bytes, t.n);
		g.ranges[0] = (struct gotab_range){copy, BASE, t.n, false};
		g.n_ranges = 1;
		if (gotab_at(&g, &g.ranges[0], 0, TEXT)) {
			g.gofunc = BASE;
			for (uint64_t pc = TEXT; pc < TEXT + 32; pc += 3)
				ck_assert_uint_lt(gotab_lines(&g, pc, l), GOTAB_LINES_MAX + 1);
		}
		free(copy);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gotab");
	TCase *c = tcase_create("gotab");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, every_version_names_functions_files_and_lines, 0, (int)AP_ARRAY_LEN(VERSIONS));
	tcase_add_loop_test(c, a_table_is_found_by_its_magic, 0, (int)AP_ARRAY_LEN(VERSIONS));
	tcase_add_loop_test(c, a_damaged_table_is_read_within_its_bounds, 0, (int)AP_ARRAY_LEN(VERSIONS));
	suite_add_tcase(s, c);
	return check_main(s);
}
