/* The view has read the samples; here its parts (an event and a thread each) are put into groups, as fine as there are not too many of, and
 * its sums in order of group. */
#include "report/flame_select.h"

#include "report/each.h"

#include <errno.h>
#include <string.h>

struct selecting {
	struct flame_selection *s;
	struct ap_index group_index;
	enum flame_detail detail;
};

static uint64_t group_key(const struct flame_group *g)
{
	return ap_hash_bytes(g->comm, strlen(g->comm), ap_hash_pair((uint64_t)g->run, (uint64_t)g->pid << 32 ^ (uint64_t)g->tid));
}

static uint64_t group_hash(const void *ctx, uint32_t slot)
{
	return group_key(&((const struct selecting *)ctx)->s->groups[slot]);
}

static bool group_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct flame_group *a = &((const struct selecting *)ctx)->s->groups[slot], *b = key;

	return a->run == b->run && a->pid == b->pid && a->tid == b->tid && !strcmp(a->comm, b->comm);
}

static const char *keep(struct flame_selection *s, sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return ap_arena_strndup(&s->strings, text ? text : "", text ? strlen(text) : 0);
}

static int run_row(void *ctx, sqlite3_stmt *st)
{
	struct flame_selection *s = ctx;
	struct flame_run *v = ap_grow(&s->runs, &s->runs_cap, s->n_runs, sizeof *v);

	if (!v)
		return -ENOMEM;
	v += s->n_runs++;
	*v = (struct flame_run){sqlite3_column_int64(st, 0), keep(s, st, 1), keep(s, st, 2), sqlite3_column_int64(st, 3)};
	return v->command && v->host ? 0 : -ENOMEM;
}

/* One a name and unit. Every event of the file is there, so that the page can say that one has no samples. */
static int choose_events(struct flame_selection *s, uint32_t **ret_numbers)
{
	const struct report_scope *sc = &s->view->scope;
	uint32_t *number = calloc(sc->n_events + 1, sizeof *number);

	if (!number)
		return -ENOMEM;
	for (size_t i = 0; i < sc->n_events; i++) {
		const struct report_event *e = &sc->events[i];
		uint32_t at = 0;

		while (at < s->n_events && (strcmp(s->events[at].name, e->name) || strcmp(s->events[at].unit, e->unit)))
			at++;
		if (at == FLAME_EVENTS_MAX) {
			free(number);
			return -E2BIG;
		}
		if (at == s->n_events)
			s->events[s->n_events++] = (struct flame_event){e->name, e->unit, e->why};
		number[i] = at;
	}
	*ret_numbers = number;
	return 0;
}

static int number_events(struct flame_selection *s)
{
	AP_AUTO_FREE uint32_t *number = NULL;
	int err = choose_events(s, &number);

	for (size_t i = 0; i < s->view->n_parts && !err; i++)
		s->event[i] = number[s->view->parts[i].event];
	return err;
}

static int find_group(struct selecting *c, const struct report_part *p, uint32_t *ret)
{
	const struct report_scope *sc = &c->s->view->scope;
	const struct report_thread *t = p->thread == (uint32_t)REPORT_NO_ROW ? NULL : &sc->threads[p->thread];
	struct flame_group key = {.comm = sc->comms[report_comm_of(sc, p->thread)],
				   .run = c->detail <= FLAME_BY_RUN ? sc->run_ids[sc->events[p->event].run] : 0},
			   *v;
	int err;

	if (c->s->n_groups >= FLAME_GROUPS_MAX - 1)
		key.comm = "[other commands]";
	if (t && c->detail == FLAME_BY_THREAD) {
		key.pid = t->process == (uint32_t)REPORT_NO_ROW ? 0 : sc->processes[t->process].pid;
		key.tid = t->tid;
	}
	*ret = ap_index_find(&c->group_index, group_key(&key), group_same, c, &key);
	if (*ret != (uint32_t)AP_INDEX_NONE)
		return 0;
	v = ap_grow(&c->s->groups, &c->s->groups_cap, c->s->n_groups, sizeof *v);
	if (!v)
		return -ENOMEM;
	v[c->s->n_groups] = key;
	err = ap_index_add(&c->group_index, group_key(&key), (uint32_t)c->s->n_groups, group_hash, c);
	if (!err)
		*ret = (uint32_t)c->s->n_groups++;
	return err;
}

/* Less detail until there are not too many groups. */
static int choose_groups(struct flame_selection *s, enum flame_detail least)
{
	static const size_t most[] = {
		[FLAME_BY_THREAD] = FLAME_THREADS_MAX, [FLAME_BY_RUN] = FLAME_RUNS_MAX, [FLAME_BY_COMMAND] = FLAME_GROUPS_MAX};
	struct selecting c = {.s = s, .detail = least};
	int err = 0;

	for (;; c.detail++) {
		s->n_groups = 0;
		for (size_t i = 0; i < s->view->n_parts && s->n_groups <= most[c.detail] && !err; i++)
			err = find_group(&c, &s->view->parts[i], &s->group[i]);
		ap_index_done(&c.group_index);
		if (err || s->n_groups <= most[c.detail])
			return err;
	}
}

/* By group; a counting sort keeps the order of stacks: those near each other in the file share ancestors, and these are then still in a
 * cache. */
static int sort_sums(struct flame_selection *s)
{
	const struct ap_view *v = s->view;
	AP_AUTO_FREE size_t *at = NULL;

	if (s->n_groups < 2)
		return 0;
	at = calloc(s->n_groups + 1, sizeof *at);
	s->order = malloc(v->n_sums * sizeof *s->order);
	if (!at || !s->order)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_sums; i++)
		at[s->group[v->sums[i].comm] + 1]++;
	for (size_t i = 1; i <= s->n_groups; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < v->n_sums; i++)
		s->order[at[s->group[v->sums[i].comm]]++] = (uint32_t)i;
	return 0;
}

/* What is summed further is within the range then. */
static int check_weights(const struct ap_view *v)
{
	int64_t whole = 0;

	for (size_t i = 0; i < v->n_sums; i++)
		if (__builtin_add_overflow(whole, v->sums[i].weight, &whole))
			return -EBADMSG;
	return 0;
}

static int fill(sqlite3 *db, struct flame_selection *s, enum flame_detail least)
{
	int err;

	s->event = calloc(s->view->n_parts + 1, sizeof *s->event);
	s->group = calloc(s->view->n_parts + 1, sizeof *s->group);
	if (!s->event || !s->group)
		return -ENOMEM;
	err = report_each_row(db,
		"SELECT r.id, r.command, h.name, r.start_realtime_ns FROM run r JOIN host h ON h.id = r.host ORDER BY r.id", run_row, s);
	if (!err)
		err = check_weights(s->view);
	if (!err)
		err = number_events(s);
	if (!err)
		err = choose_groups(s, least);
	return err ? err : sort_sums(s);
}

int flame_select(
	sqlite3 *db, const struct ap_view *view, enum flame_detail least, struct flame_selection *ret_selection, struct ap_why *why)
{
	struct flame_selection s = {.view = view};
	int err = fill(db, &s, least);

	if (!err) {
		*ret_selection = s;
		return 0;
	}
	flame_selection_done(&s);
	if (err == -E2BIG)
		return ap_why(why, E2BIG, "there are more than %d events; choose some with --event", FLAME_EVENTS_MAX);
	return ap_why(why, -err, "cannot read the samples: %s",
		err == -EIO       ? sqlite3_errmsg(db)
		: err == -EBADMSG ? "their weights pass the range of a number"
				  : strerror(-err));
}

void flame_selection_done(struct flame_selection *s)
{
	free(s->order);
	free(s->event);
	free(s->group);
	free(s->groups);
	free(s->runs);
	ap_arena_done(&s->strings);
	memset(s, 0, sizeof *s);
}
