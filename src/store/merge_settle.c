/* Of two files that name a frame otherwise the fuller set of lines stays, whole: more lines; then, of equals, the greater text, so that the
 * order of files does not matter. A name that is only where the function starts gives way to any other, and no name to that. */
#include "store/merge_lines.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

enum { LINES_MAX = 1024 }; /* of one frame */

static const char *const COMPARE_SQL[] = {"SELECT frame, depth, function, file, line FROM frame_line WHERE frame = ? ORDER BY depth",
	"SELECT frame, depth, function, file, line FROM frame_line WHERE frame = ? ORDER BY depth",
	"SELECT name || char(10) || linkage_name || char(10) || file || char(10) || line, start_only FROM function WHERE id = ?",
	"DELETE FROM frame_line WHERE frame = ?", "INSERT INTO frame_line VALUES(?1, ?2, ?3, ?4, ?5)"};

int ap_settle_open(struct ap_settle *k, sqlite3 *in, sqlite3 *out)
{
	sqlite3_stmt **const all[] = {&k->theirs, &k->ours, &k->text, &k->drop, &k->add};

	for (size_t i = 0; i < AP_ARRAY_LEN(all); i++)
		if (sqlite3_prepare_v2(i ? out : in, COMPARE_SQL[i], -1, all[i], NULL))
			return -EIO;
	return 0;
}

void ap_settle_close(struct ap_settle *k)
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

/* All lines of a frame as one value that compares. */
struct value {
	struct ap_buf text;
	int rank; /* 0: none; 1: where the function starts; else one more than lines */
	uint64_t hash;
};

/* functions NULL: the ids are the merged file's. */
static int value_of(struct ap_settle *k, sqlite3_stmt *st, int64_t frame, const struct ap_id_map *functions, struct value *v)
{
	int rc = SQLITE_DONE, err = ap_buf_puts(&v->text, ""), lines = 0;
	bool start_only = false;
	int64_t function;

	sqlite3_bind_int64(st, 1, frame);
	while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		function = sqlite3_column_int64(st, 2);
		err = ++lines > LINES_MAX ? -EBADMSG : functions ? ap_lines_map(functions, st, &function) : 0;
		if (err)
			break;
		sqlite3_bind_int64(k->text, 1, function);
		sqlite3_step(k->text);
		start_only |= sqlite3_column_int(k->text, 1);
		err = ap_buf_printf(
			&v->text, "%s\n%s\n%lld\n", text_at(k->text, 0), text_at(st, 3), (long long)sqlite3_column_int64(st, 4));
		sqlite3_reset(k->text);
		v->hash = ap_lines_hash(v->hash, st, function);
	}
	sqlite3_reset(st);
	v->rank = start_only ? 1 : lines ? lines + 1 : 0;
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

static int put_lines(struct ap_settle *k, int64_t frame, int64_t to, const struct ap_id_map *functions)
{
	int64_t function;
	int err = 0, rc = SQLITE_DONE;

	sqlite3_bind_int64(k->drop, 1, to);
	sqlite3_step(k->drop);
	if (sqlite3_reset(k->drop))
		return -EIO;
	sqlite3_bind_int64(k->theirs, 1, frame);
	while (!err && (rc = sqlite3_step(k->theirs)) == SQLITE_ROW) {
		err = ap_lines_map(functions, k->theirs, &function);
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

static bool is_better(const struct value *a, const struct value *b)
{
	return a->rank > b->rank || (a->rank == b->rank && strcmp(a->text.data, b->text.data) > 0);
}

int ap_settle(struct ap_settle *k, int64_t frame, int64_t to, const struct ap_id_map *functions, uint64_t *ret_hash, bool *ret_same)
{
	struct value theirs = {0}, ours = {0};
	int err = value_of(k, k->theirs, frame, functions, &theirs);
	bool better;

	if (!err)
		err = value_of(k, k->ours, to, NULL, &ours);
	if (!err) {
		*ret_same = theirs.hash == ours.hash;
		better = !*ret_same && is_better(&theirs, &ours);
		*ret_hash = better ? theirs.hash : ours.hash;
		if (better)
			err = put_lines(k, frame, to, functions);
	}
	ap_buf_done(&theirs.text);
	ap_buf_done(&ours.text);
	return err;
}
