/* Three sorted arrays of ranges, each filled when first asked. Functions nested in functions (Fortran, D, GNU C) lie below others in the
 * tree, where skipping over bodies misses them: a unit is walked to the ground once an address of its own is in no function.
 *
 * A range that begins at 0 is that of a function which the linker threw away; it is left out. */
#include "sym/scopes.h"

#include "base/mem.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

enum { LOOK_BACK = 64, TREE_DEPTH_MAX = 128, RANGES_MAX = 1 << 16 };

struct range {
	uint64_t low, high;
	uint32_t of; /* index of a unit, a function, or an inlined call */
};
struct ranges {
	struct range *v;
	size_t n, cap;
};
struct inlined {
	Dwarf_Die die;
	uint32_t parent; /* index; UINT32_MAX: none */
};
struct function {
	Dwarf_Die die;
	struct inlined *inlined;
	size_t n, cap;
	struct ranges ranges; /* of inlined calls, unsorted, an outer one before its inner ones */
	bool known;
};
struct unit {
	Dwarf_Die die;
	struct function *functions;
	size_t n, cap;
	struct ranges ranges;
	bool known, deep;
};
struct scopes {
	struct unit *units;
	size_t n, cap;
	struct ranges ranges;
};

static int add_ranges(struct ranges *r, Dwarf_Die *die, uint32_t of)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	for (size_t i = 0; i < RANGES_MAX && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0; i++) {
		if (!low || low >= high)
			continue;
		if (!ap_grow(&r->v, &r->cap, r->n, sizeof *r->v))
			return -ENOMEM;
		r->v[r->n++] = (struct range){low, high, of};
	}
	return 0;
}

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->of < y->of ? -1 : x->of > y->of;
}

static void sort(struct ranges *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof *r->v, by_low);
}

static const struct range *find(const struct ranges *r, uint64_t address)
{
	size_t low = 0, high = r->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (r->v[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; low > 0 && back < LOOK_BACK; low--, back++)
		if (address < r->v[low - 1].high)
			return &r->v[low - 1];
	return NULL;
}

int scopes_new(Dwarf *dwarf, struct scopes **ret_scopes)
{
	struct scopes *s = calloc(1, sizeof *s);
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;
	int err = s ? 0 : -ENOMEM;

	while (!err && !dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL)) {
		if (dwarf_tag(&die) != DW_TAG_compile_unit)
			continue;
		if (!ap_grow(&s->units, &s->cap, s->n, sizeof *s->units)) {
			err = -ENOMEM;
			break;
		}
		s->units[s->n] = (struct unit){.die = die};
		err = add_ranges(&s->ranges, &die, (uint32_t)s->n++);
	}
	if (err) {
		scopes_free(s);
		return err;
	}
	sort(&s->ranges);
	*ret_scopes = s;
	return 0;
}

struct scopes *scopes_free(struct scopes *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		struct unit *u = &s->units[i];

		for (size_t k = 0; k < u->n; k++) {
			free(u->functions[k].inlined);
			free(u->functions[k].ranges.v);
		}
		free(u->functions);
		free(u->ranges.v);
	}
	if (s) {
		free(s->units);
		free(s->ranges.v);
		free(s);
	}
	return NULL;
}

static bool may_hold_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type || tag == DW_TAG_interface_type || tag == DW_TAG_lexical_block;
}

static int add_function(struct unit *u, Dwarf_Die *die)
{
	size_t before = u->ranges.n;
	int err;

	if (!ap_grow(&u->functions, &u->cap, u->n, sizeof *u->functions))
		return -ENOMEM;
	u->functions[u->n] = (struct function){.die = *die};
	err = add_ranges(&u->ranges, die, (uint32_t)u->n);
	u->n += u->ranges.n > before;
	return err;
}

/* The functions below a DIE. `deep`: those inside functions alone. */
static int walk_functions(struct unit *u, Dwarf_Die *parent, bool deep, bool inside, int depth)
{
	Dwarf_Die die;
	int err = 0;

	if (depth > TREE_DEPTH_MAX || dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);
		bool function = tag == DW_TAG_subprogram;

		if (function && deep == inside)
			err = add_function(u, &die);
		if (!err && (may_hold_functions(tag) || (function && deep)))
			err = walk_functions(u, &die, deep, inside || function, depth + 1);
	} while (!err && !dwarf_siblingof(&die, &die));
	return err;
}

static struct function *function_at(struct unit *u, uint64_t address)
{
	const struct range *r;

	if (!u->known) {
		u->known = true;
		walk_functions(u, &u->die, false, false, 0);
		sort(&u->ranges);
	}
	r = find(&u->ranges, address);
	if (!r && !u->deep) {
		u->deep = true;
		walk_functions(u, &u->die, true, false, 0);
		sort(&u->ranges);
		r = find(&u->ranges, address);
	}
	return r ? &u->functions[r->of] : NULL;
}

static int walk_inlined(struct function *f, Dwarf_Die *parent, uint32_t outer, int depth)
{
	Dwarf_Die die;
	int err = 0;

	if (depth > TREE_DEPTH_MAX || dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);
		uint32_t inside = outer;

		if (tag == DW_TAG_inlined_subroutine) {
			if (!ap_grow(&f->inlined, &f->cap, f->n, sizeof *f->inlined))
				return -ENOMEM;
			inside = (uint32_t)f->n++;
			f->inlined[inside] = (struct inlined){die, outer};
			err = add_ranges(&f->ranges, &die, inside);
		}
		if (!err && (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
				    tag == DW_TAG_catch_block))
			err = walk_inlined(f, &die, inside, depth + 1);
	} while (!err && !dwarf_siblingof(&die, &die));
	return err;
}

/* A child comes after its parent, so the last range that holds the address is the innermost. */
static uint32_t innermost(struct function *f, uint64_t address)
{
	if (!f->known) {
		f->known = true;
		walk_inlined(f, &f->die, UINT32_MAX, 0);
	}
	for (size_t i = f->ranges.n; i-- > 0;)
		if (address >= f->ranges.v[i].low && address < f->ranges.v[i].high)
			return f->ranges.v[i].of;
	return UINT32_MAX;
}

size_t scopes_at(struct scopes *s, uint64_t address, Dwarf_Die **ret_unit, Dwarf_Die ret_chain[SCOPES_DEPTH_MAX])
{
	const struct range *r = find(&s->ranges, address);
	struct function *f;
	size_t n = 0;

	*ret_unit = NULL;
	if (!r)
		return 0;
	*ret_unit = &s->units[r->of].die;
	f = function_at(&s->units[r->of], address);
	if (!f)
		return 0;
	for (uint32_t i = innermost(f, address); i != UINT32_MAX && n < SCOPES_DEPTH_MAX - 1; i = f->inlined[i].parent)
		ret_chain[n++] = f->inlined[i].die;
	ret_chain[n++] = f->die;
	return n;
}
