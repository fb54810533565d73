/* What bench_store.sh measures: one command a run, one line of numbers on stdout.
 *	insert PATH SAMPLES NODES HOST	through the store: put seconds wall and CPU, seal seconds wall and CPU, bytes
 *	plain PATH SAMPLES NODES HOST	the same rows through prepared statements in the same schema: seconds wall and CPU, bytes
 *	merge OUT FILE...		ap_store_merge: seconds wall and CPU, samples added, peak KiB
 *	plain-merge OUT FILE...		the samples and stacks alone, a prepared statement a row: seconds wall and CPU, samples added, peak
 *KiB */
#include "shape.h"

#include "base/mem.h"
#include "store/batch.h"
#include "store/sql_text.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { BATCH = 8192 };

struct clocks {
	double wall, cpu;
};

static struct clocks now(void)
{
	struct timespec w, c;

	clock_gettime(CLOCK_MONOTONIC, &w);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c);
	return (struct clocks){(double)w.tv_sec + (double)w.tv_nsec / 1e9, (double)c.tv_sec + (double)c.tv_nsec / 1e9};
}

static struct clocks since(struct clocks start)
{
	struct clocks t = now();

	return (struct clocks){t.wall - start.wall, t.cpu - start.cpu};
}

static void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL))
		die(sqlite3_errmsg(db));
}

static long long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (long long)st.st_size;
}

/* All batches of a recording, made before the clock starts. */
static struct ap_batch **batches(char **argv, size_t *n, char *host)
{
	struct shape shape = {(uint32_t)atol(argv[0]), (uint32_t)atol(argv[1]), 20000, 50, (uint32_t)atol(argv[2])};
	struct shape_state *s;
	struct ap_batch **all;

	if (shape.nodes < 20000)
		shape.functions = shape.nodes / 4;
	all = calloc(shape.samples / BATCH + 2, sizeof *all);
	if (!all || shape_new(&shape, &s))
		die("out of memory");
	for (*n = 0; !ap_batch_new(&all[*n]) && shape_next(s, all[*n], BATCH); ++*n)
		continue;
	ap_batch_free(all[*n]);
	shape_free(s);
	sprintf(host, "host-%u", shape.host);
	return all;
}

static void insert(char **argv)
{
	char host[32];
	struct ap_store_config cfg = {.path = argv[0], .queue_batches = 4};
	struct ap_store_run run = {.host_key = host,
		.host_name = host,
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "boot",
		.uuid = host,
		.command = "",
		.options = "",
		.version = "",
		.source = "perf",
		.source_why = ""};
	struct ap_store_end end = {.end_ns = 1, .reason = "target exited", .exit_code = 0};
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch **all;
	struct clocks start, put, sealed;
	size_t n;

	all = batches(argv + 1, &n, host);
	if (ap_store_create(&cfg, &run, &s, &why))
		die(why.text);
	start = now();
	for (size_t i = 0; i < n; i++)
		if (ap_store_put(s, all[i], UINT64_MAX))
			die("put failed");
	if (ap_store_flush(s, &why))
		die(why.text);
	put = since(start);
	start = now();
	if (ap_store_seal(s, &end, &why))
		die(why.text);
	sealed = since(start);
	printf("%.3f %.3f %.3f %.3f %lld\n", put.wall, put.cpu, sealed.wall, sealed.cpu, size_of(argv[0]));
	free(all);
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

static void plain(char **argv)
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
	sql(db, ap_sql_schema);
	sql(db, ap_sql_schema_3);
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

static long peak_kib(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_maxrss;
}

static void merge(char **argv, int argc)
{
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	struct clocks start = now(), t;

	if (ap_store_merge(argv[0], (const char *const *)argv + 1, (size_t)argc - 1, &stats, &why))
		die(why.text);
	t = since(start);
	printf("%.4f %.4f %llu %ld\n", t.wall, t.cpu, (unsigned long long)stats.samples_added, peak_kib());
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

static void plain_merge(char **argv, int argc)
{
	struct clocks start = now(), t;
	uint64_t n = 0;
	sqlite3 *db;

	if (sqlite3_open(argv[0], &db))
		die("cannot open");
	sql(db, "PRAGMA page_size=16384; PRAGMA cache_size=-65536; PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY");
	sql(db, ap_sql_schema);
	sql(db, ap_sql_schema_3);
	sql(db, "BEGIN");
	for (int i = 1; i < argc; i++)
		n += plain_merge_one(db, argv[i]);
	sql(db, "COMMIT");
	sqlite3_close(db);
	t = since(start);
	printf("%.4f %.4f %llu %ld\n", t.wall, t.cpu, (unsigned long long)n, peak_kib());
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "insert"))
		insert(argv + 2);
	else if (argc == 6 && !strcmp(argv[1], "plain"))
		plain(argv + 2);
	else if (argc >= 4 && !strcmp(argv[1], "merge"))
		merge(argv + 2, argc - 2);
	else if (argc >= 4 && !strcmp(argv[1], "plain-merge"))
		plain_merge(argv + 2, argc - 2);
	else
		die("see bench_store.c");
	return 0;
}
