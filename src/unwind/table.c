/* Rows in two arrays, pcs and rule numbers, 6 bytes a row; a search without branches over the pcs. */
#include "unwind/table.h"

#include <stdlib.h>

struct ap_unwind_table *ap_unwind_table_free(struct ap_unwind_table *t)
{
	if (t) {
		free(t->pcs);
		free(t->rules_of);
		free(t->rules);
		free(t);
	}
	return NULL;
}

size_t ap_unwind_table_bytes(const struct ap_unwind_table *t)
{
	return sizeof *t + t->pcs_cap * sizeof *t->pcs + t->rules_of_cap * sizeof *t->rules_of + t->rules_cap * sizeof *t->rules;
}

size_t ap_unwind_table_rows(const struct ap_unwind_table *t)
{
	return t->n;
}

size_t ap_unwind_table_rules(const struct ap_unwind_table *t)
{
	return t->n_rules;
}

void ap_unwind_table_span(const struct ap_unwind_table *t, uint64_t *ret_start, uint64_t *ret_end)
{
	*ret_start = t->base;
	*ret_end = t->base + (t->n ? t->pcs[t->n - 1] : 0);
}

const struct ap_rule *ap_unwind_table_find(const struct ap_unwind_table *t, uint64_t pc)
{
	const struct ap_rule *rule;
	const uint32_t *at = t->pcs;
	size_t n = t->n, half;

	if (!n || pc < t->base || pc - t->base > UINT32_MAX || *at > pc - t->base)
		return NULL;
	for (; n > 1; n -= half) {
		half = n / 2;
		at += at[half] <= pc - t->base ? half : 0;
	}
	rule = &t->rules[t->rules_of[at - t->pcs]];
	return rule->cfa_kind == AP_CFA_NONE ? NULL : rule;
}
