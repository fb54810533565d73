/* Samples are nearly all of a file, so they are read a range of rowids at a time by an aggregate function, which SQLite calls without going
 * in and out of a statement for each row; the feed then hands the block to the insertion. A range has at most one row a rowid: a tree of
 * pages that has more is damaged. A block of one run, event and weight, as nearly all are, is inserted by a statement that has them as
 * parameters, which cost less than columns of the feed. A weight is stored where it is not the period that the output has for the event,
 * whatever the input did. */
#include "store/merge.h"
#include "store/periods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_ROWS = 4096 };
enum { RUN, TS, CPU, EVENT, THREAD, STACK, WEIGHT, COLUMNS }; /* in the order of the table; WEIGHT as it is stored */
static const char TAKE[] = "ap_take(run, ts, cpu, event, thread, stack, weight)", RANGE[] = "WHERE rowid > ?1 AND rowid <= ?2";
static const char NEXT[] = "WHERE rowid > ?1 ORDER BY rowid LIMIT 1", FIRST[] = "ORDER BY rowid LIMIT 1";
enum { SQL_MAX = 256 };

struct block {
	const struct ap_merge_samples *s;
	sqlite3_stmt *read, *next, *insert_alike;
	struct ap_periods theirs, ours;
	int64_t last; /* rowid: up to here all is read */
	size_t rows, at;
	const int *fed; /* the columns that the feed has */
	int n_fed;
	int64_t cells[BLOCK_ROWS * COLUMNS];
};

static void take(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct block *b = sqlite3_user_data(ctx);
	int64_t *row = b->cells + b->rows * COLUMNS;

	if (b->rows == BLOCK_ROWS) {
		sqlite3_result_error_code(ctx, SQLITE_CORRUPT);
		return;
	}
	for (int i = 0; i < COLUMNS; i++) {
		int type = sqlite3_value_type(argv[i]);

		row[i] = type == SQLITE_INTEGER ? sqlite3_value_int64(argv[i]) : AP_NULL;
		if (row[i] == AP_NULL && (type != SQLITE_NULL || i != WEIGHT)) {
			sqlite3_result_error_code(ctx, SQLITE_MISMATCH);
			return;
		}
	}
	b->rows++;
}

static void took(sqlite3_context *ctx)
{
	sqlite3_result_null(ctx);
}

static int read_range(struct block *b)
{
	int64_t end = b->last > INT64_MAX - BLOCK_ROWS ? INT64_MAX : b->last + BLOCK_ROWS;
	int rc;

	b->rows = b->at = 0;
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

/* 1: there are rows; 0: none are left. */
static int read_block(struct block *b)
{
	int err, more;

	do {
		err = read_range(b);
		if (err || b->rows)
			return err ? err : 1;
		more = skip_gap(b);
	} while (more == 1);
	return more;
}

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

static int add_totals(const struct block *b, const int64_t *row, int64_t their_stack, int64_t weight)
{
	int err = ap_totals_add(b->s->totals, row[RUN], row[EVENT], row[THREAD], their_stack, weight);

	if (err != -EAGAIN)
		return err;
	err = ap_totals_write(b->s->totals);
	return err ? err : ap_totals_add(b->s->totals, row[RUN], row[EVENT], row[THREAD], their_stack, weight);
}

static int map_row(struct block *b, int64_t *row)
{
	const struct ap_merge_samples *s = b->s;
	int64_t weight = row[WEIGHT] == AP_NULL ? ap_periods_of(&b->theirs, row[EVENT]) : row[WEIGHT], their_stack = row[STACK];

	if (!map(&s->runs, &row[RUN], false) || !map(&s->events, &row[EVENT], false) || !map(&s->threads, &row[THREAD], true) ||
		!map(&s->stacks, &row[STACK], true))
		return -EBADMSG;
	row[WEIGHT] = weight > 0 && weight == ap_periods_of(&b->ours, row[EVENT]) ? AP_NULL : weight;
	return add_totals(b, row, their_stack, weight);
}

/* In the ids of the output, with what belongs to known runs left out. One loop over all: the lookups do not wait for each other. */
static int map_block(struct block *b)
{
	const struct ap_id_map *runs = &b->s->runs;
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < b->rows && !err; i++) {
		int64_t *row = b->cells + kept * COLUMNS;

		if (i != kept)
			memcpy(row, b->cells + i * COLUMNS, COLUMNS * sizeof *row);
		if (row[RUN] > 0 && row[RUN] <= runs->n && runs->to[row[RUN]] == AP_MERGE_KNOWN_RUN)
			continue;
		err = map_row(b, row);
		kept++;
	}
	b->rows = kept;
	return err;
}

static int next_sample(void *ctx, struct ap_cell *cells)
{
	struct block *b = ctx;
	const int64_t *row = b->cells + b->at * COLUMNS;

	if (b->at == b->rows)
		return 0;
	b->at++;
	for (int i = 0; i < b->n_fed; i++)
		cells[i] = (struct ap_cell){.number = row[b->fed[i]]};
	return 1;
}

static bool are_alike(const struct block *b)
{
	const int64_t *row = b->cells;

	for (size_t i = 0; i < b->rows; i++, row += COLUMNS)
		if (row[RUN] != b->cells[RUN] || row[EVENT] != b->cells[EVENT] || row[WEIGHT] != b->cells[WEIGHT])
			return false;
	return true;
}

static int feed_columns(struct block *b, sqlite3_stmt *st, const int *columns, int n)
{
	b->fed = columns;
	b->n_fed = n;
	return ap_feed_insert(b->s->feed, st, next_sample, b);
}

static int insert_block(struct block *b)
{
	static const int all[] = {RUN, TS, CPU, EVENT, THREAD, STACK, WEIGHT}, differing[] = {TS, CPU, THREAD, STACK};
	int err;

	if (!are_alike(b))
		return feed_columns(b, b->s->insert, all, AP_ARRAY_LEN(all));
	err = ap_feed_bind(b->insert_alike, 1, b->cells[RUN]);
	if (!err)
		err = ap_feed_bind(b->insert_alike, 2, b->cells[EVENT]);
	if (!err)
		err = ap_feed_bind(b->insert_alike, 3, b->cells[WEIGHT]);
	return err ? err : feed_columns(b, b->insert_alike, differing, AP_ARRAY_LEN(differing));
}

static int copy_blocks(struct block *b, uint64_t *samples_added)
{
	int err;

	while ((err = read_block(b)) == 1) {
		err = map_block(b);
		if (!err && b->rows)
			err = insert_block(b);
		if (err)
			return err;
		*samples_added += b->rows;
	}
	return err ? err : ap_totals_write(b->s->totals);
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
	err = open_block(b);
	if (err == 1)
		err = ap_feed_prepare(s->feed, "sample_row", "=..=..=", "", &b->insert_alike) ?: copy_blocks(b, samples_added);
	sqlite3_finalize(b->insert_alike);
	sqlite3_finalize(b->read);
	sqlite3_finalize(b->next);
	sqlite3_create_function_v2(
		s->in, "ap_take", COLUMNS, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL); /* it would see a block that is gone */
	ap_periods_done(&b->theirs);
	ap_periods_done(&b->ours);
	free(b);
	return err;
}
