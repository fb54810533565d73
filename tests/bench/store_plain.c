/* The same rows by prepared statements, as anybody would write them. */
#include "bench_store.h"

#include "base/mem.h"
#include "store/batch.h"
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL))
		die(sqlite3_errmsg(db));
}

static void make_schema(sqlite3 *db)
{
	if (ap_schema_create(db, &ap_schemas))
		die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL))
		die(sqlite3_errmsg(db));
	return st;
}

static void bind_row(sqlite3_stmt *st, const struct ap_table_info *info, const char *row)
{
	for (size_t c = 0; c < info->n_columns; c++) {
		int64_t v;
		const char *t;

		memcpy(&v, row + info->columns[c].offset, sizeof v);
		memcpy(&t, row + info->columns[c].offset, sizeof t);
		if (info->columns[c].type == 'T')
			sqlite3_bind_text(st, (int)c + 1, t, -1, SQLITE_STATIC);
		else if (v == AP_NULL)
			sqlite3_bind_null(st, (int)c + 1);
		else
			sqlite3_bind_int64(st, (int)c + 1, v);
	}
	sqlite3_step(st);
	if (sqlite3_reset(st))
		die("a plain insert failed");
}

void plain(char **argv)
{
	sqlite3_stmt *st[AP_TABLE_COUNT];
	char text[512], host[32];
	struct ap_batch **all;
	struct clocks start, t;
	size_t n;
	sqlite3 *db;

	all = batches(argv + 1, &n, host);
	if (sqlite3_open(argv[0], &db))
		die("cannot open");
	sql(db, "PRAGMA page_size=16384");
	make_schema(db);
	sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
	for (int i = 0; i < AP_TABLE_COUNT; i++) {
		int at = snprintf(text, sizeof text, "INSERT OR REPLACE INTO \"%s\"(", ap_tables_info[i].name);

		for (size_t c = 0; c < ap_tables_info[i].n_columns; c++)
			at += snprintf(text + at, sizeof text - (size_t)at, "%s\"%s\"", c ? "," : "", ap_tables_info[i].columns[c].name);
		at += snprintf(text + at, sizeof text - (size_t)at, ") VALUES(");
		for (size_t c = 0; c < ap_tables_info[i].n_columns; c++)
			at += snprintf(text + at, sizeof text - (size_t)at, "%s?", c ? "," : "");
		snprintf(text + at, sizeof text - (size_t)at, ")");
		st[i] = prepare(db, text);
	}
	start = now();
	for (size_t i = 0; i < n; i++) {
		sql(db, "BEGIN");
		for (int k = 0; k < AP_TABLE_COUNT; k++)
			for (size_t r = 0; r < all[i]->tables[k].n; r++)
				bind_row(st[k], &ap_tables_info[k], all[i]->tables[k].rows + r * ap_tables_info[k].row_size);
		sql(db, "COMMIT");
		ap_batch_free(all[i]);
	}
	t = since(start);
	for (int i = 0; i < AP_TABLE_COUNT; i++)
		sqlite3_finalize(st[i]);
	sqlite3_close(db);
	printf("%.3f %.3f %lld\n", t.wall, t.cpu, size_of(argv[0]));
	free(all);
}

static int64_t map_row(sqlite3_stmt *add, sqlite3_stmt *find, int n, const int64_t *values)
{
	int64_t id = 0;

	for (int i = 0; i < n; i++) {
		sqlite3_bind_int64(add, i + 1, values[i]);
		sqlite3_bind_int64(find, i + 1, values[i]);
	}
	sqlite3_step(add);
	sqlite3_reset(add);
	if (sqlite3_step(find) == SQLITE_ROW)
		id = sqlite3_column_int64(find, 0);
	sqlite3_reset(find);
	return id;
}

static uint64_t plain_merge_one(sqlite3 *out, const char *path)
{
	sqlite3_stmt *add_frame = prepare(out, "INSERT OR IGNORE INTO frame(executable, address, kind) VALUES(?,?,?)");
	sqlite3_stmt *find_frame = prepare(out, "SELECT id FROM frame WHERE executable = ? AND address = ? AND kind = ?");
	sqlite3_stmt *add_stack = prepare(out, "INSERT OR IGNORE INTO stack(parent_id, frame_id) VALUES(?,?)");
	sqlite3_stmt *find_stack = prepare(out, "SELECT id FROM stack WHERE parent_id = ? AND frame_id = ?");
	sqlite3_stmt *add = prepare(out, "INSERT INTO sample_row VALUES(?,?,?,?,?,?,?)"), *st;
	int64_t *frames, *stacks;
	uint64_t n = 0;
	sqlite3 *in;

	if (sqlite3_open(path, &in))
		die("cannot open");
	frames = calloc(1 << 24, sizeof *frames);
	stacks = calloc(1 << 24, sizeof *stacks);
	st = prepare(in, "SELECT id, executable, address, kind FROM frame");
	while (sqlite3_step(st) == SQLITE_ROW)
		frames[sqlite3_column_int64(st, 0)] = map_row(add_frame, find_frame, 3,
			(const int64_t[]){sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3)});
	sqlite3_finalize(st);
	st = prepare(in, "SELECT id, parent_id, frame_id FROM stack ORDER BY id");
	while (sqlite3_step(st) == SQLITE_ROW)
		stacks[sqlite3_column_int64(st, 0)] = map_row(add_stack, find_stack, 2,
			(const int64_t[]){stacks[sqlite3_column_int64(st, 1)], frames[sqlite3_column_int64(st, 2)]});
	sqlite3_finalize(st);
	st = prepare(in, "SELECT run, ts, cpu, event, thread, stack, weight FROM sample_row");
	for (; sqlite3_step(st) == SQLITE_ROW; n++) {
		for (int i = 0; i < 7; i++)
			sqlite3_bind_int64(add, i + 1, i == 5 ? stacks[sqlite3_column_int64(st, 5)] : sqlite3_column_int64(st, i));
		sqlite3_step(add);
		sqlite3_reset(add);
	}
	sqlite3_stmt *all[] = {st, add_frame, find_frame, add_stack, find_stack, add};
	for (size_t i = 0; i < AP_ARRAY_LEN(all); i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(in);
	free(frames);
	free(stacks);
	return n;
}

void plain_merge(char **argv, int argc)
{
	struct clocks start = now(), t;
	uint64_t n = 0;
	sqlite3 *db;

	if (sqlite3_open(argv[0], &db))
		die("cannot open");
	sql(db, "PRAGMA page_size=16384; PRAGMA cache_size=-65536; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY");
	make_schema(db);
	sql(db, "BEGIN");
	for (int i = 1; i < argc; i++)
		n += plain_merge_one(db, argv[i]);
	sql(db, "COMMIT");
	sqlite3_close(db);
	t = since(start);
	printf("%.4f %.4f %llu %ld\n", t.wall, t.cpu, (unsigned long long)n, peak_kib());
}
