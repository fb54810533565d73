/* The page is flame.html with flame.css, the flame_*.js and the data put in. The data is JSON in a script element that no browser runs:
 * names cannot become code. Boxes with few samples are left out only where all of them would not fit, and the page says how many. */
#include "report/flame.h"
#include "report/flame_fold.h"
#include "report/flame_page.h"

#include <errno.h>
#include <string.h>

/* Bytes: what is set aside in a page for build IDs and for the numbers and words between its parts. */
enum { BUILDS_ROOM = 16 << 10, NUMBERS_ROOM = 256, BUILD_IDS_MAX = 3, FITS_MAX = 4 };

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

	if (sqlite3_prepare_v2(
		    db, "SELECT path, build_id FROM executable WHERE build_id <> '' AND kind <> 5 ORDER BY path, build_id", -1, &st, NULL))
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
			    ap_buf_puts(b, "\"events\":[") || put_events(f, b) || ap_buf_puts(b, "],\n\"runs\":[") || put_runs(f, b) ||
			    ap_buf_puts(b, "],\n\"groups\":[") || put_groups(f, b) || ap_buf_puts(b, "],\n")))
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

int flame_write(sqlite3 *db, const struct flame *f, FILE *out, struct ap_why *why)
{
	const size_t page = strlen(report_flame_before) + strlen(report_flame_after);
	struct ap_buf rest = {0}, builds = {0};
	struct flame_text x = {0};
	int err = put_rest(db, f, &rest, why);

	if (!err) {
		err = rest.len + page + NUMBERS_ROOM < FLAME_PAGE_MAX
			      ? fit(db, f, FLAME_PAGE_MAX - page - NUMBERS_ROOM - rest.len, &x, &builds)
			      : -EMSGSIZE;
		if (err)
			err = ap_why(why, -err, "cannot make the flame graph: %s",
				err == -EMSGSIZE ? "its names alone are more than a page holds; a filter makes it smaller"
						 : strerror(-err));
	}
	if (!err) {
		fprintf(out,
			"%s%s\"builds\":[%s],\n\"folded\":[%zu,%.6f],\"counts\":[%zu,%zu],\n\"strings\":[%s],\n\"frames\":\"%s\","
			"\n\"nodes\":\"%s\"}\n%s",
			report_flame_before, rest.data, text_of(&builds), x.n_folded, x.n_folded ? x.folded_share : 0, x.n_frames,
			x.n_nodes, text_of(&x.strings), text_of(&x.frames), text_of(&x.nodes), report_flame_after);
		if (ferror(out))
			err = ap_why(why, EIO, "cannot write the flame graph");
	}
	ap_buf_done(&rest);
	ap_buf_done(&builds);
	flame_text_done(&x);
	return err;
}
