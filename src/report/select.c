/* Samples to (command, stack) sums: SQLite joins and filters, a hash here sums. The function and module filters are answered by stack: a stack
 * passes when one of its frames does, and so does every stack above it. */
#include "report/filter.h"

#include "base/hash.h"
#include "report/names.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

struct sum {
	const char *comm;
	int64_t stack, weight, n;
};
struct selection {
	struct sum *v;
	size_t n, cap;
	struct ap_index index;
	struct ap_arena strings;
};

static uint64_t sum_hash(const void *ctx, uint32_t slot)
{
	const struct sum *s = &((const struct selection *)ctx)->v[slot];

	return ap_hash_bytes(s->comm, strlen(s->comm), (uint64_t)s->stack);
}

static bool sum_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct sum *a = &((const struct selection *)ctx)->v[slot], *b = key;

	return a->stack == b->stack && !strcmp(a->comm, b->comm);
}

static int add(struct selection *s, const char *comm, int64_t stack, int64_t weight, int64_t n)
{
	struct sum key = {comm, stack, weight, n}, *v;
	uint64_t hash = ap_hash_bytes(comm, strlen(comm), (uint64_t)stack);
	uint32_t slot = ap_index_find(&s->index, hash, sum_same, s, &key);

	if (slot != (uint32_t)AP_INDEX_NONE) {
		s->v[slot].weight += weight;
		s->v[slot].n += n;
		return 0;
	}
	v = ap_grow(&s->v, &s->cap, s->n, sizeof *v);
	key.comm = ap_arena_strndup(&s->strings, comm, strlen(comm));
	if (!v || !key.comm)
		return -ENOMEM;
	v[s->n] = key;
	return ap_index_add(&s->index, hash, (uint32_t)s->n++, sum_hash, s);
}

static int compile(const char *option, const char *text, regex_t *re, struct ap_why *why)
{
	char message[160];
	int rc = regcomp(re, text, REG_EXTENDED | REG_NOSUB);

	if (!rc)
		return 0;
	regerror(rc, re, message, sizeof message);
	return ap_why(why, EINVAL, "%s '%s': not a regular expression: %s", option, text, message);
}

/* By stack id: whether a frame of it, or of one below, matches. NULL where there is no such filter. */
static int matching_stacks(const struct report_names *names, const char *option, const char *text, bool module, bool **ret, struct ap_why *why)
{
	AP_AUTO_FREE bool *frames = calloc(names->n_frames + 1, sizeof *frames);
	bool *stacks = calloc(names->n_stacks + 1, sizeof *stacks);
	regex_t re;
	int err = frames && stacks ? compile(option, text, &re, why) : ap_why(why, ENOMEM, "out of memory");

	if (err) {
		free(stacks);
		return err;
	}
	for (size_t f = 1; f <= names->n_frames; f++)
		for (uint32_t i = 0; i < names->frames[f].n && !frames[f]; i++)
			frames[f] = !regexec(&re, module ? names->frames[f].module : names->lines[names->frames[f].first + i].function, 0, NULL, 0);
	for (size_t s = 1; s <= names->n_stacks; s++)
		stacks[s] = frames[names->frame_of[s]] || stacks[names->parent[s]];
	regfree(&re);
	*ret = stacks;
	return 0;
}

static int gather(sqlite3 *db, const struct ap_report_filter *f, const bool *functions, const bool *modules, size_t n_stacks, struct selection *s,
	struct ap_why *why)
{
	sqlite3_stmt *st = NULL;
	int64_t stack;
	int rc = SQLITE_DONE, err = report_filter_prepare(db, "SELECT t.comm, s.stack, s.weight", f, "", &st, why);

	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *comm = (const char *)sqlite3_column_text(st, 0);

		stack = sqlite3_column_int64(st, 1);
		if (stack < 0 || (size_t)stack > n_stacks || (functions && !functions[stack]) || (modules && !modules[stack]))
			continue;
		if (add(s, comm ? comm : "", stack, sqlite3_column_int64(st, 2), 1))
			err = ap_why(why, ENOMEM, "out of memory");
	}
	if (!err && rc != SQLITE_DONE)
		err = ap_why(why, EIO, "cannot read the samples: %s", sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return err;
}

static int by_stack(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	return x->stack != y->stack ? (x->stack < y->stack ? -1 : 1) : strcmp(x->comm, y->comm);
}

int ap_report_select(sqlite3 *db, const struct ap_report_filter *f, ap_selection_row_fn row, void *ctx, struct ap_why *why)
{
	AP_AUTO_FREE bool *functions = NULL;
	AP_AUTO_FREE bool *modules = NULL;
	struct selection s = {0};
	struct report_names names;
	int err = report_names_load(db, &names, why);

	if (err)
		return err;
	if (f->function_regex)
		err = matching_stacks(&names, "--function", f->function_regex, false, &functions, why);
	if (!err && f->module_regex)
		err = matching_stacks(&names, "--module", f->module_regex, true, &modules, why);
	if (!err)
		err = gather(db, f, functions, modules, names.n_stacks, &s, why);
	if (!err && s.n)
		qsort(s.v, s.n, sizeof *s.v, by_stack);
	for (size_t i = 0; !err && i < s.n; i++)
		err = row(ctx, &(struct ap_selection_row){s.v[i].comm, s.v[i].stack, s.v[i].weight, s.v[i].n});
	report_names_done(&names);
	free(s.v);
	ap_index_done(&s.index);
	ap_arena_done(&s.strings);
	return err;
}
