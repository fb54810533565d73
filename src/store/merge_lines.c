/* A frame's lines are one value: they are hashed together, and one that the merged file has already costs no look at it. Those that differ,
 * or that were there before, are few and are compared by statements once the new ones are in. Fuller: more lines; then, of equals, the
 * greater text, so that the order of files does not matter. */
#include "store/merge.h"

#include "store/private.h"

#include <errno.h>
#include <string.h>

enum { LINES_MAX = 1024 }; /* of one frame */

struct pass {
	struct ap_merge_lines *l;
	sqlite3_stmt *read;
	const struct ap_id_map *frames, *functions;
	uint64_t rows, max_rows;
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

/* Columns 1 to 4 are depth, function, file, line; function in the ids of the merged file. Never 0. */
static uint64_t add_line(uint64_t hash, sqlite3_stmt *st, int64_t function)
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
	p->fresh = p->to > p->l->old_frames && !p->l->hash[p->to];
	return 0;
}

static int map_function(const struct ap_id_map *functions, sqlite3_stmt *st, int64_t *ret)
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
		if (p->rows++ > p->max_rows || map_function(p->functions, p->read, &function))
			return -EBADMSG;
		frame = sqlite3_column_int64(p->read, 0);
		if (frame != p->frame && (err = begin_frame(p, frame)))
			return err;
		p->hash = add_line(p->hash, p->read, function);
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

/* The statements for those that differ. */
struct compare {
	sqlite3_stmt *theirs, *ours, *text, *drop, *add;
};
static const char *const COMPARE_SQL[] = {"SELECT frame, depth, function, file, line FROM frame_line WHERE frame = ? ORDER BY depth",
	"SELECT frame, depth, function, file, line FROM frame_line WHERE frame = ? ORDER BY depth",
	"SELECT name || char(10) || linkage_name || char(10) || file || char(10) || line FROM function WHERE id = ?",
	"DELETE FROM frame_line WHERE frame = ?", "INSERT INTO frame_line VALUES(?1, ?2, ?3, ?4, ?5)"};

static int open_compare(struct compare *k, sqlite3 *in, sqlite3 *out)
{
	sqlite3_stmt **const all[] = {&k->theirs, &k->ours, &k->text, &k->drop, &k->add};

	for (size_t i = 0; i < AP_ARRAY_LEN(all); i++)
		if (sqlite3_prepare_v2(i ? out : in, COMPARE_SQL[i], -1, all[i], NULL))
			return -EIO;
	return 0;
}

static void close_compare(struct compare *k)
{
	sqlite3_finalize(k->theirs);
	sqlite3_finalize(k->ours);
	sqlite3_finalize(k->text);
	sqlite3_finalize(k->drop);
	sqlite3_finalize(k->add);
}

static const char *text_at(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s ? s : "";
}

/* All lines of a frame as a text that compares: functions NULL: the ids are the merged file's. */
static int text_of(struct compare *k, sqlite3_stmt *st, int64_t frame, const struct ap_id_map *functions, struct ap_buf *b, int *ret_lines,
	uint64_t *ret_hash)
{
	int64_t function;
	int rc, err = 0;

	b->len = 0;
	*ret_lines = 0;
	*ret_hash = 0;
	sqlite3_bind_int64(st, 1, frame);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		function = sqlite3_column_int64(st, 2);
		err = ++*ret_lines > LINES_MAX ? -EBADMSG : functions ? map_function(functions, st, &function) : 0;
		if (err)
			break;
		sqlite3_bind_int64(k->text, 1, function);
		sqlite3_step(k->text);
		err = ap_buf_printf(b, "%s\n%s\n%lld\n", text_at(k->text, 0), text_at(st, 3), (long long)sqlite3_column_int64(st, 4));
		sqlite3_reset(k->text);
		*ret_hash = add_line(*ret_hash, st, function);
	}
	sqlite3_reset(st);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static int put_lines(struct compare *k, int64_t frame, int64_t to, const struct ap_id_map *functions)
{
	int64_t function;
	int err = 0, rc = SQLITE_DONE;

	sqlite3_bind_int64(k->drop, 1, to);
	sqlite3_step(k->drop);
	if (sqlite3_reset(k->drop))
		return -EIO;
	sqlite3_bind_int64(k->theirs, 1, frame);
	while (!err && (rc = sqlite3_step(k->theirs)) == SQLITE_ROW) {
		err = map_function(functions, k->theirs, &function);
		if (err)
			break;
		for (int i = 0; i < 5; i++)
			sqlite3_bind_value(k->add, i + 1, sqlite3_column_value(k->theirs, i));
		sqlite3_bind_int64(k->add, 1, to);
		sqlite3_bind_int64(k->add, 3, function);
		sqlite3_step(k->add);
		err = sqlite3_reset(k->add) ? -EIO : 0;
	}
	sqlite3_reset(k->theirs);
	return err ? err : rc == SQLITE_DONE ? 0 : -EBADMSG;
}

static int settle(struct pass *p, struct compare *k, int64_t frame)
{
	int64_t to = p->frames->to[frame];
	struct ap_buf theirs = {0}, ours = {0};
	int n_theirs = 0, n_ours = 0, err;
	uint64_t h_theirs, h_ours;

	err = text_of(k, k->theirs, frame, p->functions, &theirs, &n_theirs, &h_theirs);
	if (!err)
		err = text_of(k, k->ours, to, NULL, &ours, &n_ours, &h_ours);
	if (!err) {
		p->l->hash[to] = h_ours;
		if (h_theirs != h_ours && (n_theirs > n_ours || (n_theirs == n_ours && strcmp(theirs.data, ours.data) > 0))) {
			p->l->hash[to] = h_theirs;
			err = put_lines(k, frame, to, p->functions);
		}
	}
	ap_buf_done(&theirs);
	ap_buf_done(&ours);
	return err;
}

int ap_merge_lines(struct ap_merge_lines *l, struct ap_feed *feed, sqlite3 *in, const struct ap_id_map *frames,
	const struct ap_id_map *functions, uint64_t max_rows)
{
	struct pass p = {.l = l, .frames = frames, .functions = functions, .max_rows = max_rows};
	struct compare k = {0};
	sqlite3_stmt *insert = NULL;
	int err = sqlite3_prepare_v2(in, "SELECT frame, depth, function, file, line FROM frame_line", -1, &p.read, NULL) ? -EBADMSG : 0;

	if (!err)
		err = ap_feed_prepare(feed, "frame_line", 5, "", &insert);
	if (!err)
		err = ap_feed_insert(feed, insert, next_line, &p);
	if (!err && p.n_differ)
		err = open_compare(&k, in, feed->db);
	for (size_t i = 0; i < p.n_differ && !err; i++)
		err = settle(&p, &k, p.differ[i]);
	close_compare(&k);
	sqlite3_finalize(p.read);
	sqlite3_finalize(insert);
	free(p.differ);
	return err;
}

void ap_merge_lines_done(struct ap_merge_lines *l)
{
	free(l->hash);
	memset(l, 0, sizeof *l);
}
