/* A frame's lines are one value: they are hashed together, and one that the merged file has already costs no look at it. Those that differ,
 * or that were there before, are few: merge_settle.c compares them by statements once the new ones are in. */
#include "store/merge_lines.h"

#include "store/private.h"

#include <errno.h>
#include <string.h>

struct pass {
	struct ap_merge_lines *l;
	sqlite3_stmt *read;
	const struct ap_id_map *frames, *functions;
	uint64_t rows, max_rows;
	int64_t known;     /* the highest frame that the merged file had before */
	bool *has;         /* by frame of the input: it has lines */
	int64_t frame, to; /* of the rows at hand, in each file */
	uint64_t hash;
	bool fresh;      /* they go in as they come */
	int64_t *differ; /* frames of the input to be compared */
	size_t n_differ, cap;
};

static uint64_t hash_text(sqlite3_stmt *st, int column, uint64_t seed)
{
	const void *text = sqlite3_column_text(st, column);

	return ap_hash_bytes(text ? text : "", (size_t)sqlite3_column_bytes(st, column), seed + (uint64_t)sqlite3_column_type(st, column));
}

uint64_t ap_lines_hash(uint64_t hash, sqlite3_stmt *st, int64_t function)
{
	hash = ap_hash_pair(hash, (uint64_t)sqlite3_column_int64(st, 1));
	hash = ap_hash_pair(hash, (uint64_t)function);
	hash = hash_text(st, 3, hash);
	hash = ap_hash_pair(hash, (uint64_t)sqlite3_column_int64(st, 4) + (uint64_t)sqlite3_column_type(st, 4));
	return hash ? hash : 1;
}

static int end_frame(struct pass *p)
{
	int64_t *v;

	if (!p->frame)
		return 0;
	if (p->fresh) {
		p->l->hash[p->to] = p->hash;
	} else if (p->l->hash[p->to] != p->hash) {
		v = ap_grow(&p->differ, &p->cap, p->n_differ, sizeof *v);
		if (!v)
			return -ENOMEM;
		v[p->n_differ++] = p->frame;
	}
	p->frame = 0;
	return 0;
}

static int make_room(struct ap_merge_lines *l, int64_t id)
{
	size_t cap = l->cap ? l->cap : 1024;
	uint64_t *v;

	if ((size_t)id < l->cap)
		return 0;
	while (cap <= (size_t)id)
		cap *= 2;
	v = realloc(l->hash, cap * sizeof *v);
	if (!v)
		return -ENOMEM;
	memset(v + l->cap, 0, (cap - l->cap) * sizeof *v);
	l->hash = v;
	l->cap = cap;
	return 0;
}

static int begin_frame(struct pass *p, int64_t frame)
{
	int err = end_frame(p);

	if (!err && (frame < 1 || frame > p->frames->n || p->frames->to[frame] < 1))
		err = -EBADMSG;
	if (!err)
		err = make_room(p->l, p->frames->to[frame]);
	if (err)
		return err;
	p->frame = frame;
	p->to = p->frames->to[frame];
	p->hash = 0;
	p->has[frame] = true;
	p->fresh = p->to > p->l->old_frames && !p->l->hash[p->to];
	p->l->renamed |= p->fresh && p->to <= p->known;
	return 0;
}

int ap_lines_map(const struct ap_id_map *functions, sqlite3_stmt *st, int64_t *ret)
{
	int64_t id = sqlite3_column_int64(st, 2);
	int file = sqlite3_column_type(st, 3), line = sqlite3_column_type(st, 4);

	if (sqlite3_column_type(st, 0) != SQLITE_INTEGER || sqlite3_column_type(st, 1) != SQLITE_INTEGER ||
		sqlite3_column_type(st, 2) != SQLITE_INTEGER || (file != SQLITE_TEXT && file != SQLITE_NULL) ||
		(line != SQLITE_INTEGER && line != SQLITE_NULL) || id < 0 || id > functions->n || (id && functions->to[id] < 1))
		return -EBADMSG;
	*ret = id ? functions->to[id] : 0;
	return 0;
}

static int next_line(void *ctx, struct ap_cell *cells)
{
	struct pass *p = ctx;
	int64_t function, frame;
	int rc, err;

	while ((rc = sqlite3_step(p->read)) == SQLITE_ROW) {
		if (p->rows++ > p->max_rows || ap_lines_map(p->functions, p->read, &function))
			return -EBADMSG;
		frame = sqlite3_column_int64(p->read, 0);
		if (frame != p->frame && (err = begin_frame(p, frame)))
			return err;
		p->hash = ap_lines_hash(p->hash, p->read, function);
		if (!p->fresh)
			continue;
		cells[0] = (struct ap_cell){.number = p->to};
		cells[1] = (struct ap_cell){.value = sqlite3_column_value(p->read, 1)};
		cells[2] = (struct ap_cell){.number = function};
		cells[3] = (struct ap_cell){.value = sqlite3_column_value(p->read, 3)};
		cells[4] = (struct ap_cell){.value = sqlite3_column_value(p->read, 4)};
		return 1;
	}
	return rc == SQLITE_DONE ? end_frame(p) : -EBADMSG;
}

/* Frames that have a name in the merged file and none in this one, whose totals are by its own names. */
static int find_named_elsewhere(struct pass *p, sqlite3 *out)
{
	sqlite3_stmt *st = NULL;
	int64_t to;
	int rc, err = sqlite3_prepare_v2(out, "SELECT 1 FROM frame_line WHERE frame = ?", -1, &st, NULL) ? -EIO : 0;

	for (int64_t f = 1; f <= p->frames->n && !err && !p->l->renamed; f++) {
		to = p->frames->to[f];
		if (p->has[f] || to < 1 || to > p->known)
			continue;
		sqlite3_bind_int64(st, 1, to);
		rc = sqlite3_step(st);
		p->l->renamed = rc == SQLITE_ROW;
		err = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -EIO;
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return err;
}

static int add_lines(struct pass *p, struct ap_feed *feed)
{
	sqlite3_stmt *insert = NULL;
	int err = ap_feed_prepare(feed, "frame_line", ".....", "", &insert);

	if (!err)
		err = ap_feed_insert(feed, insert, next_line, p);
	sqlite3_finalize(insert);
	return err;
}

static int settle_all(struct pass *p, sqlite3 *in, sqlite3 *out)
{
	struct ap_settle k = {0};
	int err = p->n_differ ? ap_settle_open(&k, in, out) : 0;

	for (size_t i = 0; i < p->n_differ && !err; i++) {
		int64_t to = p->frames->to[p->differ[i]];
		bool same = true;

		err = ap_settle(&k, p->differ[i], to, p->functions, &p->l->hash[to], &same);
		p->l->renamed |= !same;
	}
	ap_settle_close(&k);
	return err;
}

int ap_merge_lines(struct ap_merge_lines *l, struct ap_feed *feed, sqlite3 *in, int64_t known_frames, const struct ap_id_map *frames,
	const struct ap_id_map *functions, uint64_t max_rows)
{
	struct pass p = {.l = l, .known = known_frames, .frames = frames, .functions = functions, .max_rows = max_rows};
	int err = (p.has = calloc((size_t)frames->n + 1, sizeof *p.has)) ? 0 : -ENOMEM;

	if (!err && sqlite3_prepare_v2(in, "SELECT frame, depth, function, file, line FROM frame_line", -1, &p.read, NULL))
		err = -EBADMSG;
	if (!err)
		err = add_lines(&p, feed);
	if (!err)
		err = settle_all(&p, in, feed->db);
	if (!err)
		err = find_named_elsewhere(&p, feed->db);
	sqlite3_finalize(p.read);
	free(p.differ);
	free(p.has);
	return err;
}

void ap_merge_lines_done(struct ap_merge_lines *l)
{
	free(l->hash);
	memset(l, 0, sizeof *l);
}
