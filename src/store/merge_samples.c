/* Samples are nearly all of a file, so they are read a range of rowids at a time by an aggregate function, which SQLite calls without going
 * in and out of a statement for each row; the feed then hands the block to the insertion. A range has at most one row a rowid: a tree of
 * pages that has more is damaged. A weight is stored where it is not the period that the output has for the event, whatever the input did.
 */
#include "store/merge.h"
#include "store/periods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_ROWS = 4096 };
/* Columns in the order of the table, with the weight as it is stored; then the stack in the input's ids, and the weight itself. */
enum { RUN, TS, CPU, EVENT, THREAD, STACK, STORED, COLUMNS, OLD_STACK = COLUMNS, WEIGHT, ROW_CELLS };
static const char TAKE[] = "ap_take(run, ts, cpu, event, thread, stack, weight)", RANGE[] = "WHERE rowid > ?1 AND rowid <= ?2";
static const char NEXT[] = "WHERE rowid > ?1 ORDER BY rowid LIMIT 1", FIRST[] = "ORDER BY rowid LIMIT 1";
enum { SQL_MAX = 256 };

struct block {
	const struct ap_merge_samples *s;
	sqlite3_stmt *read, *next;
	struct ap_periods theirs, ours;
	int64_t last; /* rowid: up to here all is read */
	size_t rows, at, seen;
	bool held; /* the row at hand waits until the totals are written */
	uint64_t *added;
	int64_t cells[BLOCK_ROWS * ROW_CELLS];
};

/* 0 is "none" where may_be_none. */
static bool map(const struct ap_id_map *m, int64_t *id, bool may_be_none)
{
	if (*id < 0 || *id > m->n)
		return false;
	if (*id == 0)
		return may_be_none;
	*id = m->to[*id];
	return *id > 0;
}

static void take(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct block *b = sqlite3_user_data(ctx);
	const struct ap_merge_samples *s = b->s;
	int64_t *row = b->cells + b->rows * ROW_CELLS;

	if (b->seen++ == BLOCK_ROWS) {
		sqlite3_result_error_code(ctx, SQLITE_CORRUPT);
		return;
	}
	for (int i = 0; i < COLUMNS; i++) {
		int type = sqlite3_value_type(argv[i]);

		if (type != SQLITE_INTEGER && (type != SQLITE_NULL || i != STORED)) {
			sqlite3_result_error_code(ctx, SQLITE_MISMATCH);
			return;
		}
		row[i] = sqlite3_value_int64(argv[i]);
	}
	row[WEIGHT] = sqlite3_value_type(argv[STORED]) == SQLITE_NULL ? ap_periods_of(&b->theirs, row[EVENT]) : row[STORED];
	if (row[RUN] > 0 && row[RUN] <= s->runs.n && s->runs.to[row[RUN]] == AP_MERGE_KNOWN_RUN)
		return;
	row[OLD_STACK] = row[STACK];
	if (row[TS] == AP_NULL || row[CPU] == AP_NULL || !map(&s->runs, &row[RUN], false) || !map(&s->events, &row[EVENT], false) ||
		!map(&s->threads, &row[THREAD], true) || !map(&s->stacks, &row[STACK], true))
		sqlite3_result_error_code(ctx, SQLITE_MISMATCH);
	else
		b->rows++;
	row[STORED] = row[WEIGHT] > 0 && row[WEIGHT] == ap_periods_of(&b->ours, row[EVENT]) ? AP_NULL : row[WEIGHT];
}

static void took(sqlite3_context *ctx)
{
	sqlite3_result_null(ctx);
}

static int read_range(struct block *b)
{
	int64_t end = b->last > INT64_MAX - BLOCK_ROWS ? INT64_MAX : b->last + BLOCK_ROWS;
	int rc;

	b->rows = b->at = b->seen = 0;
	sqlite3_bind_int64(b->read, 1, b->last);
	sqlite3_bind_int64(b->read, 2, end);
	sqlite3_step(b->read);
	rc = sqlite3_reset(b->read);
	b->last = end;
	return rc ? -EBADMSG : 0;
}

/* 1: moved to before the next rowid; 0: there is none. */
static int skip_gap(struct block *b)
{
	int64_t rowid = 0;
	int rc;

	sqlite3_bind_int64(b->next, 1, b->last);
	rc = sqlite3_step(b->next);
	if (rc == SQLITE_ROW)
		rowid = sqlite3_column_int64(b->next, 0);
	sqlite3_reset(b->next);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW || rowid <= b->last)
		return -EBADMSG;
	b->last = rowid - 1;
	return 1;
}

static int read_block(struct block *b)
{
	int err, more;

	do {
		err = read_range(b);
		if (err || b->rows)
			return err ? err : 1;
		more = b->seen ? 1 : skip_gap(b);
	} while (more == 1);
	return more;
}

static int next_sample(void *ctx, struct ap_cell *cells)
{
	struct block *b = ctx;
	const int64_t *row;
	int err;

	if (b->at == b->rows) {
		int more = read_block(b);

		if (more != 1)
			return more;
	}
	row = b->cells + b->at * ROW_CELLS;
	err = ap_totals_add(b->s->totals, row[RUN], row[EVENT], row[THREAD], row[OLD_STACK], row[WEIGHT]);
	b->held = err == -EAGAIN;
	if (err)
		return b->held ? 0 : err;
	b->at++;
	++*b->added;
	for (int i = 0; i < COLUMNS; i++)
		cells[i] = (struct ap_cell){.number = row[i]};
	return 1;
}

static int prepare(const struct block *b, const char *what, const char *which, sqlite3_stmt **ret_st)
{
	char text[SQL_MAX];
	int n = snprintf(text, sizeof text, "SELECT %s FROM sample_row %s", what, which);

	return n > 0 && n < SQL_MAX ? sqlite3_prepare_v2(b->s->in, text, -1, ret_st, NULL) : SQLITE_TOOBIG;
}

/* 1: there are samples; 0: none. */
static int open_block(struct block *b)
{
	sqlite3 *in = b->s->in;
	sqlite3_stmt *first = NULL;
	int rc = SQLITE_ERROR, err = ap_periods_load(in, &b->theirs);

	if (!err)
		err = ap_periods_load(b->s->feed->db, &b->ours);
	if (err)
		return err;
	if (!sqlite3_create_function_v2(in, "ap_take", COLUMNS, SQLITE_UTF8 | SQLITE_DIRECTONLY, b, NULL, take, took, NULL) &&
		!prepare(b, TAKE, RANGE, &b->read) && !prepare(b, "rowid", NEXT, &b->next) && !prepare(b, "rowid", FIRST, &first)) {
		rc = sqlite3_step(first);
		if (rc == SQLITE_ROW)
			b->last = sqlite3_column_int64(first, 0);
	}
	sqlite3_finalize(first);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW || b->last == INT64_MIN)
		return -EBADMSG;
	b->last--;
	return 1;
}

int ap_merge_samples(const struct ap_merge_samples *s, uint64_t *samples_added)
{
	struct block *b = calloc(1, sizeof *b);
	int err;

	if (!b)
		return -ENOMEM;
	b->s = s;
	b->added = samples_added;
	err = open_block(b);
	while (err == 1) {
		err = ap_feed_insert(s->feed, s->insert, next_sample, b);
		if (!err)
			err = ap_totals_write(s->totals);
		if (!err && b->held)
			err = 1;
	}
	sqlite3_finalize(b->read);
	sqlite3_finalize(b->next);
	sqlite3_create_function_v2(
		s->in, "ap_take", COLUMNS, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL); /* it would see a block that is gone */
	ap_periods_done(&b->theirs);
	ap_periods_done(&b->ours);
	free(b);
	return err;
}
