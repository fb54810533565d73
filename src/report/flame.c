/* The page is flame.html with flame.css, the flame_*.js and the data put in. The data is JSON in a script element that no browser runs: names
 * cannot become code. Boxes with few samples are left out only where all of them would not fit, and the page says how many. */
#include "report/flame_fold.h"
#include "report/flame_page.h"
#include "report/flame_select.h"
#include "report/view.h"

#include <errno.h>
#include <string.h>

/* Bytes of a page, and what is set aside in it for build IDs and for the numbers and words between its parts. */
enum { PAGE_MAX = 2 << 20, BUILDS_ROOM = 16 << 10, NUMBERS_ROOM = 256, BUILD_IDS_MAX = 3, FITS_MAX = 4 };

struct flame {
	const struct ap_report_options *o;
	const struct ap_view *view, *base_view; /* base_view NULL: none */
	struct flame_tree tree;
	struct flame_selection selection, base; /* the events and groups of both are in `selection` */
	size_t sides;				/* 1, or 2 with a base */
	uint64_t factor[FLAME_EVENTS_MAX];	/* weight of each sample, where all are alike; 0: they are not */
	bool skip[4 * FLAME_EVENTS_MAX];	/* by column: [event][side][samples, weight] */
};

static int add_sums(struct flame *f, const struct flame_selection *s, size_t side, const struct report_names *names)
{
	struct flame_walk w;
	uint32_t node = 0;
	int err = flame_walk_init(&w, &f->tree, names);

	for (size_t i = 0; i < s->n && !err; i++) {
		const struct flame_sum *sum = &s->sums[i];

		if (!i || sum->group != s->sums[i - 1].group)
			err = flame_walk_group(&w, &f->tree, sum->group);
		if (!err)
			err = flame_walk_add(&w, &f->tree, sum->stack, &node);
		if (!err) {
			int64_t *v = &f->tree.values[node * f->tree.columns + 2 * (sum->event * f->sides + side)];

			v[0] += sum->n;
			v[1] += sum->weight;
		}
	}
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
		while (event[i] < s->n_events && (strcmp(s->events[event[i]].name, b->events[i].name) || strcmp(s->events[event[i]].unit, b->events[i].unit)))
			event[i]++;
		if (event[i] == FLAME_EVENTS_MAX)
			return ap_why(why, E2BIG, "the files have more than %d events together; choose some with --event", FLAME_EVENTS_MAX);
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
	for (size_t i = 0; i < b->n; i++) {
		b->sums[i].event = event[b->sums[i].event];
		b->sums[i].group = group[b->sums[i].group];
	}
	return 0;
}

/* Another recording has hosts, runs and processes of its own: what picks those is not for the base. */
static int select_base(struct flame *f, struct ap_why *why)
{
	const struct ap_report_filter filter = ap_report_base_filter(&f->o->filter);
	int err;

	if (f->sides == 1)
		return 0;
	err = flame_select(f->o->base, &filter, &f->base_view->names, FLAME_BY_COMMAND, &f->base, why);
	return err ? err : join_base(f, why);
}

static int build(struct flame *f, sqlite3 *db, struct ap_why *why)
{
	const struct report_names *names = &f->view->names;
	int err = flame_select(db, &f->o->filter, names, f->sides > 1 ? FLAME_BY_COMMAND : FLAME_BY_THREAD, &f->selection, why);

	if (!err)
		err = select_base(f, why);
	if (err)
		return err;
	err = flame_tree_init(&f->tree, 2 * f->sides * (f->selection.n_events ? f->selection.n_events : 1));
	if (!err)
		err = add_sums(f, &f->selection, 0, names);
	if (!err && f->sides > 1)
		err = add_sums(f, &f->base, 1, &f->base_view->names);
	if (!err)
		err = flame_tree_sum(&f->tree);
	if (err)
		return ap_why(why, -err, "cannot build the flame graph: %s", strerror(-err));
	find_factors(f);
	return 0;
}

/* A view is of one event; where the page has several, its first lines are of all. */
static int header_text(sqlite3 *db, const struct flame *f, struct ap_buf *text, struct ap_why *why)
{
	return f->selection.n_events == 1 ? ap_view_header(db, f->view, text, why) : ap_report_header(db, f->o, text, why);
}

/* The header of the text reports, a line each, as JSON strings. */
static int put_header(sqlite3 *db, const struct flame *f, struct ap_buf *b, struct ap_why *why)
{
	struct ap_buf text = {0};
	const char *separator = "";
	char *line, *rest = NULL;
	int err = header_text(db, f, &text, why);

	for (line = err ? NULL : strtok_r(text.data, "\n", &rest); line && !err; line = strtok_r(NULL, "\n", &rest), separator = ",") {
		err = ap_buf_puts(b, separator);
		if (!err)
			err = ap_escape_json(b, line + (line[0] == '#') + (line[0] == '#' && line[1] == ' '));
		if (err)
			ap_why(why, -err, "out of memory");
	}
	ap_buf_done(&text);
	return err;
}

/* What the base is called: its command, or how many recordings it is. */
static int put_base(const struct flame *f, struct ap_buf *b)
{
	const struct flame_selection *s = &f->base;
	char text[64];
	int err;

	if (f->sides == 1)
		return 0;
	snprintf(text, sizeof text, "a base of %zu recordings", s->n_runs);
	err = ap_buf_puts(b, "\"base\":");
	if (!err)
		err = ap_escape_json(b, s->n_runs != 1 ? text : s->runs[0].command[0] ? s->runs[0].command : "a base");
	return err ? err : ap_buf_puts(b, ",\n");
}

static int put_events(const struct flame *f, struct ap_buf *b)
{
	int err = 0;

	for (size_t e = 0; e < f->selection.n_events && !err; e++) {
		const struct flame_event *ev = &f->selection.events[e];

		err = ap_buf_puts(b, e ? ",[" : "[");
		if (!err)
			err = ap_escape_json(b, ev->name);
		if (!err)
			err = ap_buf_puts(b, ",");
		if (!err)
			err = ap_escape_json(b, ev->unit);
		if (!err)
			err = ap_buf_puts(b, ",");
		if (!err)
			err = ap_escape_json(b, ev->why);
		if (!err)
			err = ap_buf_printf(b, ",%llu]", (unsigned long long)f->factor[e]);
	}
	return err;
}

static int put_runs(const struct flame *f, struct ap_buf *b)
{
	int err = 0;

	for (size_t i = 0; i < f->selection.n_runs && !err; i++) {
		const struct flame_run *r = &f->selection.runs[i];

		err = ap_buf_printf(b, "%s[%lld,", i ? "," : "", (long long)r->id);
		if (!err)
			err = ap_escape_json(b, r->command);
		if (!err)
			err = ap_buf_puts(b, ",");
		if (!err)
			err = ap_escape_json(b, r->host);
		if (!err)
			err = ap_buf_printf(b, ",%lld]", (long long)(r->start_realtime_ns / 1000000));
	}
	return err;
}

static int put_groups(const struct flame *f, struct ap_buf *b)
{
	int err = 0;

	for (size_t i = 0; i < f->selection.n_groups && !err; i++) {
		const struct flame_group *g = &f->selection.groups[i];

		err = ap_buf_puts(b, i ? ",[" : "[");
		if (!err)
			err = ap_escape_json(b, g->comm);
		if (!err)
			err = ap_buf_printf(b, ",%lld,%lld,%lld]", (long long)g->run, (long long)g->pid, (long long)g->tid);
	}
	return err;
}

/* Build IDs by the string of the module's path. A path that had many reads "a, b, c, and more". JIT memory (kind 5)
 * has none: what stands there tells processes apart. */
static int put_build_ids(sqlite3 *db, const struct flame *f, const struct flame_text *x, struct ap_buf *b)
{
	sqlite3_stmt *st;
	uint32_t last = UINT32_MAX, s;
	int n = 0, rc, err = 0;

	if (sqlite3_prepare_v2(db, "SELECT path, build_id FROM executable WHERE build_id <> '' AND kind <> 5 ORDER BY path, build_id", -1, &st,
		    NULL))
		return -EIO;
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		s = flame_tree_find(&f->tree, (const char *)sqlite3_column_text(st, 0));
		if (s == (uint32_t)AP_INDEX_NONE || !x->string_no[s])
			continue;
		n = s == last ? n + 1 : 0;
		last = s;
		if (n > BUILD_IDS_MAX)
			continue;
		err = ap_buf_printf(b, "%s[%u,", b->len ? "," : "", x->string_no[s] - 1);
		if (!err)
			err = ap_escape_json(b, n == BUILD_IDS_MAX ? "and more" : (const char *)sqlite3_column_text(st, 1));
		if (!err)
			err = ap_buf_puts(b, "]");
	}
	sqlite3_finalize(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

/* What does not depend on which boxes fit. */
static int put_rest(sqlite3 *db, const struct flame *f, struct ap_buf *b, struct ap_why *why)
{
	struct ap_buf header = {0};
	int err = put_header(db, f, &header, why);

	if (!err && (ap_buf_printf(b, "{\"invert\":%d,\"header\":[%s],\n", f->o->invert, header.data) || put_base(f, b) ||
			    ap_buf_puts(b, "\"events\":[") || put_events(f, b) ||
			    ap_buf_puts(b, "],\n\"runs\":[") || put_runs(f, b) || ap_buf_puts(b, "],\n\"groups\":[") || put_groups(f, b) ||
			    ap_buf_puts(b, "],\n")))
		err = ap_why(why, ENOMEM, "out of memory");
	ap_buf_done(&header);
	return err;
}

/* Boxes for what room there is; build IDs may need more than was set aside, and then some boxes go. */
static int fit(sqlite3 *db, const struct flame *f, size_t room, struct flame_text *ret_text, struct ap_buf *builds)
{
	size_t aside = BUILDS_ROOM;
	int err = -EMSGSIZE;

	for (int i = 0; i < FITS_MAX && err == -EMSGSIZE && aside < room; i++) {
		err = flame_fold(&f->tree, f->skip, room - aside, ret_text);
		if (err)
			break;
		builds->len = 0;
		err = put_build_ids(db, f, ret_text, builds);
		if (!err && builds->len > aside) {
			aside = builds->len;
			err = -EMSGSIZE;
		}
		if (err)
			flame_text_done(ret_text);
	}
	return err;
}

static const char *text_of(const struct ap_buf *b)
{
	return b->len ? b->data : "";
}

static int write_page(sqlite3 *db, const struct flame *f, FILE *out, struct ap_why *why)
{
	const size_t page = strlen(report_flame_before) + strlen(report_flame_after);
	struct ap_buf rest = {0}, builds = {0};
	struct flame_text x = {0};
	int err = put_rest(db, f, &rest, why);

	if (!err) {
		err = rest.len + page + NUMBERS_ROOM < PAGE_MAX ? fit(db, f, PAGE_MAX - page - NUMBERS_ROOM - rest.len, &x, &builds) : -EMSGSIZE;
		if (err)
			err = ap_why(why, -err, "cannot make the flame graph: %s",
				err == -EMSGSIZE ? "its names alone are more than a page holds; a filter makes it smaller" : strerror(-err));
	}
	if (!err) {
		fprintf(out, "%s%s\"builds\":[%s],\n\"folded\":[%zu,%.6f],\"counts\":[%zu,%zu],\n\"strings\":[%s],\n\"frames\":\"%s\",\n\"nodes\":\"%s\"}\n%s",
			report_flame_before, rest.data, text_of(&builds), x.n_folded, x.n_folded ? x.folded_share : 0, x.n_frames, x.n_nodes,
			text_of(&x.strings), text_of(&x.frames), text_of(&x.nodes), report_flame_after);
		if (ferror(out))
			err = ap_why(why, EIO, "cannot write the flame graph");
	}
	ap_buf_done(&rest);
	ap_buf_done(&builds);
	flame_text_done(&x);
	return err;
}

int ap_report_flame(sqlite3 *db, const struct ap_view *v, const struct ap_view *base, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct flame f = {.o = o, .view = v, .base_view = base, .sides = base ? 2 : 1};
	int err = build(&f, db, why);

	if (!err)
		err = write_page(db, &f, out, why);
	flame_tree_done(&f.tree);
	flame_selection_done(&f.selection);
	flame_selection_done(&f.base);
	return err;
}
