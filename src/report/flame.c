/* A flame graph is a selection of the view's sums, merged into one tree; with a base, both files' stacks are in it, each with columns of
 * its own. */
#include "report/flame.h"
#include "report/flame_walk.h"

#include <errno.h>
#include <string.h>

static const struct report_row *sum_at(const struct flame_selection *s, size_t i)
{
	return &s->view->sums[s->order ? s->order[i] : i];
}

/* From the i-th sum on, those of its group; `end` is where the next begins. */
static int add_group(struct flame *f, const struct flame_selection *s, size_t side, struct flame_walk *w, size_t i, size_t *ret_end)
{
	uint32_t group = s->group[sum_at(s, i)->comm];
	int err = flame_walk_group(w, &f->tree, group);
	size_t end = i;

	for (; end < s->view->n_sums && s->group[sum_at(s, end)->comm] == group; end++)
		flame_walk_take(w, sum_at(s, end)->stack);
	if (!err)
		err = flame_walk_plant(w, &f->tree);
	for (; i < end && !err; i++) {
		const struct report_row *sum = sum_at(s, i);
		uint32_t node = sum->stack ? w->node[sum->stack] : w->group_node;
		int64_t *v = &f->tree.values[node * f->tree.columns + 2 * (s->event[sum->comm] * f->sides + side)];

		v[0] += sum->n;
		v[1] += sum->weight;
	}
	*ret_end = end;
	return err;
}

static int add_sums(struct flame *f, const struct flame_selection *s, size_t side)
{
	struct flame_walk w;
	int err = flame_walk_init(&w, &f->tree, &s->view->names);

	for (size_t i = 0; i < s->view->n_sums && !err;)
		err = add_group(f, s, side, &w, i, &i);
	flame_walk_done(&w);
	return err;
}

/* Where each sample of an event has the same weight, as at a fixed period, the weights are not written. */
static void find_factors(struct flame *f)
{
	const struct flame_tree *t = &f->tree;
	size_t pairs = t->columns / 2;

	for (size_t e = 0; e < f->selection.n_events; e++) {
		const int64_t *whole = &t->totals[2 * e * f->sides];
		int64_t k = whole[0] ? whole[1] / whole[0] : f->sides > 1 && whole[2] ? whole[3] / whole[2] : 0;

		for (size_t i = 0; i < t->n * f->sides && k > 0; i++) {
			const int64_t *v = &t->values[2 * (i / f->sides * pairs + e * f->sides + i % f->sides)];

			if (v[1] != k * v[0])
				k = 0;
		}
		f->factor[e] = (uint64_t)k;
		for (size_t side = 0; side < f->sides; side++)
			f->skip[2 * (e * f->sides + side) + 1] = k > 0;
	}
}

/* Numbers the events and groups of the base as those of the same name; what this file has none of is added to its own. */
static int join_base(struct flame *f, struct ap_why *why)
{
	struct flame_selection *s = &f->selection, *b = &f->base;
	uint32_t event[FLAME_EVENTS_MAX] = {0};
	AP_AUTO_FREE uint32_t *group = calloc(b->n_groups + 1, sizeof *group);

	if (!group)
		return ap_why(why, ENOMEM, "out of memory");
	for (size_t i = 0; i < b->n_events; i++) {
		while (event[i] < s->n_events &&
			(strcmp(s->events[event[i]].name, b->events[i].name) || strcmp(s->events[event[i]].unit, b->events[i].unit)))
			event[i]++;
		if (event[i] == FLAME_EVENTS_MAX)
			return ap_why(
				why, E2BIG, "the files have more than %d events together; choose some with --event", FLAME_EVENTS_MAX);
		if (event[i] == s->n_events)
			s->events[s->n_events++] = b->events[i];
	}
	for (size_t i = 0; i < b->n_groups; i++) {
		struct flame_group *v = ap_grow(&s->groups, &s->groups_cap, s->n_groups, sizeof *v);

		while (group[i] < s->n_groups && strcmp(s->groups[group[i]].comm, b->groups[i].comm))
			group[i]++;
		if (!v)
			return ap_why(why, ENOMEM, "out of memory");
		if (group[i] == s->n_groups)
			v[s->n_groups++] = b->groups[i];
	}
	for (size_t i = 0; i < b->view->n_parts; i++) {
		b->event[i] = event[b->event[i]];
		b->group[i] = group[b->group[i]];
	}
	return 0;
}

static int select_all(struct flame *f, sqlite3 *db, struct ap_why *why)
{
	int err = flame_select(db, f->view, f->sides > 1 ? FLAME_BY_COMMAND : FLAME_BY_THREAD, &f->selection, why);

	if (!err && f->sides > 1)
		err = flame_select(f->o->base, f->base_view, FLAME_BY_COMMAND, &f->base, why);
	return !err && f->sides > 1 ? join_base(f, why) : err;
}

static int build(struct flame *f, sqlite3 *db, struct ap_why *why)
{
	int err = select_all(f, db, why);

	if (err)
		return err;
	err = flame_tree_init(&f->tree, 2 * f->sides * (f->selection.n_events ? f->selection.n_events : 1), f->view->names.n_stacks);
	if (!err)
		err = add_sums(f, &f->selection, 0);
	if (!err && f->sides > 1)
		err = add_sums(f, &f->base, 1);
	if (!err)
		err = flame_tree_sum(&f->tree);
	if (err)
		return ap_why(why, -err, "cannot build the flame graph: %s", strerror(-err));
	find_factors(f);
	return 0;
}

int ap_report_flame(
	sqlite3 *db, const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct flame f = {.o = o, .view = v, .base_view = base, .sides = base ? 2 : 1};
	int err = v->sums && (!base || base->sums) ? build(&f, db, why) : ap_why(why, EINVAL, "the samples were not read for a page");

	if (!err)
		err = flame_write(db, &f, out, why);
	flame_tree_done(&f.tree);
	flame_selection_done(&f.selection);
	flame_selection_done(&f.base);
	return err;
}
