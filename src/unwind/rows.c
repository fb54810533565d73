/* Rules are found by hash; equal neighbours make one row. The cost of a row is one hash and one comparison of a rule. */
#include "unwind/rows.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

enum { ROWS_MAX = 32 << 20, RULES_MAX = UINT16_MAX };

int ap_rows_init(struct ap_rows *r, uint64_t max_bytes)
{
	*r = (struct ap_rows){.max_bytes = max_bytes, .t = calloc(1, sizeof *r->t)};
	return r->t ? 0 : -ENOMEM;
}

void ap_rows_done(struct ap_rows *r)
{
	r->t = ap_unwind_table_free(r->t);
	ap_index_done(&r->index);
}

static uint64_t rule_hash(const void *ctx, uint32_t slot)
{
	return ap_hash_bytes(&((const struct ap_unwind_table *)ctx)->rules[slot], sizeof(struct ap_rule), 0);
}

static bool rule_same(const void *ctx, uint32_t slot, const void *key)
{
	return !memcmp(&((const struct ap_unwind_table *)ctx)->rules[slot], key, sizeof(struct ap_rule));
}

static int rule_number(struct ap_rows *r, const struct ap_rule *rule, uint16_t *ret)
{
	struct ap_unwind_table *t = r->t;
	uint64_t hash = ap_hash_bytes(rule, sizeof *rule, 0);
	uint32_t slot = ap_index_find(&r->index, hash, rule_same, t, rule);

	if (slot == (uint32_t)AP_INDEX_NONE) {
		if (t->n_rules >= RULES_MAX)
			return -E2BIG;
		if (!ap_grow(&t->rules, &t->rules_cap, t->n_rules, sizeof *t->rules))
			return -ENOMEM;
		slot = (uint32_t)t->n_rules;
		t->rules[slot] = *rule;
		if (ap_index_add(&r->index, hash, slot, rule_hash, t))
			return -ENOMEM;
		t->n_rules++;
	}
	*ret = (uint16_t)slot;
	return 0;
}

static int add(struct ap_rows *r, uint64_t pc, const struct ap_rule *rule)
{
	struct ap_unwind_table *t = r->t;
	uint16_t number;
	int err = rule_number(r, rule, &number);

	if (err || (t->n && t->rules_of[t->n - 1] == number))
		return err;
	if (!ap_grow(&t->pcs, &t->pcs_cap, t->n, sizeof *t->pcs) || !ap_grow(&t->rules_of, &t->rules_of_cap, t->n, sizeof *t->rules_of))
		return -ENOMEM;
	t->pcs[t->n] = (uint32_t)(pc - t->base);
	t->rules_of[t->n++] = number;
	return t->n > ROWS_MAX || (r->max_bytes && ap_unwind_table_bytes(t) > r->max_bytes) ? -E2BIG : 0;
}

int ap_rows_range(struct ap_rows *r, uint64_t start, uint64_t end, const struct ap_rule *rule)
{
	static const struct ap_rule none;
	int err = 0;

	if (!r->any)
		r->t->base = r->until = start;
	if (end - r->t->base > UINT32_MAX) /* more than 4 GiB of code: the rest has no rows */
		return 0;
	r->any = true;
	if (start > r->until)
		err = add(r, r->until, &none);
	if (!err)
		err = add(r, start, rule);
	r->until = end;
	return err;
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

int ap_rows_finish(struct ap_rows *r, struct ap_unwind_table **ret_table)
{
	static const struct ap_rule none;
	int err = r->any ? add(r, r->until, &none) : -ENODATA;

	if (err)
		return err;
	trim(r->t);
	*ret_table = AP_STEAL(r->t);
	return 0;
}
