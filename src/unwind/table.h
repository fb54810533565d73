/* The inside of a table. */
#ifndef AP_UNWIND_TABLE_H
#define AP_UNWIND_TABLE_H

#include "unwind/rule.h"
#include "unwind/unwind.h"

#include <stdbool.h>

struct ap_unwind_table {
	uint64_t base; /* pcs are relative to it */
	uint32_t *pcs; /* ascending; a row holds until the next */
	uint16_t *rules_of;
	size_t n, pcs_cap, rules_of_cap;
	struct ap_rule *rules;
	size_t n_rules, rules_cap;
};

/* The rule at an ELF-relative address; NULL where the table has none. */
const struct ap_rule *ap_unwind_table_find(const struct ap_unwind_table *t, uint64_t pc);

#endif
