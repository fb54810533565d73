/* Bytes as edits of a small valid file, which is then read, reported and merged. Six bytes an edit: kind, four of where, what.
 *	kind even: one byte of the file; odd: one column of one row, through SQL, so that the file stays one that SQLite reads. */
#include "base/file.h"
#include "report/report.h"
#include "store/private.h"
#include "tests/store_rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EDIT_BYTES = 6, EDITS_MAX = 16, COLUMNS_MAX = 256 };

static char folder[40], file[64], out[64], new_out[64];
static struct ap_buf base;
static char *columns[COLUMNS_MAX]; /* "table SET column" */
static size_t n_columns;

static void die(const char *what)
{
	fprintf(stderr, "fuzz_merge: %s\n", what);
	abort();
}

static void clean_up(void)
{
	unlink(file);
	unlink(out);
	unlink(new_out);
	rmdir(folder);
}

static void put_rows(struct ap_batch *b)
{
	ROW(b, event, .id = 1, .run = 1, .name = "cpu", .source = "s", .why = "", .unit = "ns");
	ROW(b, process, .id = 1, .host = 1, .boot = "b", .pid = 7, .parent = AP_NULL, .comm = "c", .end_ns = AP_NULL);
	ROW(b, process, .id = 2, .host = 1, .boot = "b", .pid = 8, .parent = 1, .comm = "d", .end_ns = 5);
	ROW(b, process_exec, .process = 1, .ts_ns = 1, .executable = 1, .comm = "c", .cmdline = "c");
	ROW(b, thread, .id = 1, .process = 1, .tid = 7, .comm = "c", .end_ns = AP_NULL);
	ROW(b, executable, .id = 1, .build_id = "aa", .path = "/a", .kind = 1);
	ROW(b, mapping, .id = 1, .process = 1, .start = 4096, .end = 8192, .executable = 1, .to_ns = AP_NULL);
	for (int i = 1; i <= 4; i++) {
		ROW(b, function, .id = i, .name = "f", .linkage_name = "", .file = "x.c", .line = i);
		ROW(b, frame, .id = i, .executable = 1, .address = i * 16, .kind = i == 4 ? 4 : 1);
		ROW(b, frame_line, .frame = i, .depth = 0, .function = i, .file = "x.c", .line = 3);
		ROW(b, stack, .id = i, .parent_id = i - 1, .frame_id = i);
		for (int k = 0; k < 4; k++)
			ROW(b, sample_row, .run = 1, .ts = k, .event = 1, .thread = 1, .stack = i, .weight = 10);
	}
	ROW(b, loss, .run = 1, .source = "s", .cause = "ring full", .n = 3);
	ROW(b, account, .run = 1, .source = "s", .seen = 19, .stored = 16, .lost = 3);
	ROW(b, clock, .run = 1, .ts = 1, .realtime_ns = 2, .boottime_ns = 3);
}

static void make_file(const char *path, const char *uuid)
{
	struct ap_store_config cfg = {.path = path};
	struct ap_store_run run = store_run("h", uuid);
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	if (ap_store_create(&cfg, &run, &s, &why) || ap_batch_new(&b))
		die(why.text);
	put_rows(b);
	if (ap_store_put(s, b, UINT64_MAX) || ap_store_seal(s, &STORE_END, &why))
		die(why.text);
}

static void list_columns(sqlite3 *db)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(
		    db, "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'", -1, &st, NULL))
		die(sqlite3_errmsg(db));
	while (n_columns < COLUMNS_MAX && sqlite3_step(st) == SQLITE_ROW)
		if (asprintf(&columns[n_columns++],
			    "UPDATE OR IGNORE %s SET \"%s\" = ?1 WHERE \"%s\" IN (SELECT \"%s\" FROM %s LIMIT 1 OFFSET ?2)",
			    (const char *)sqlite3_column_text(st, 0), (const char *)sqlite3_column_text(st, 1),
			    (const char *)sqlite3_column_text(st, 1), (const char *)sqlite3_column_text(st, 1),
			    (const char *)sqlite3_column_text(st, 0)) < 0)
			die("out of memory");
	sqlite3_finalize(st);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	sqlite3 *db;

	snprintf(folder, sizeof folder, "%s/fuzz_merge-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(folder))
		die("no folder");
	snprintf(file, sizeof file, "%s/in.db", folder);
	snprintf(out, sizeof out, "%s/out.db", folder);
	snprintf(new_out, sizeof new_out, "%s/new.db", folder);
	atexit(clean_up);
	make_file(file, "u1");
	make_file(out, "u2");
	if (sqlite3_open(file, &db) || sqlite3_exec(db, "PRAGMA page_size = 1024; VACUUM", NULL, NULL, NULL))
		die("no file");
	list_columns(db);
	sqlite3_close(db);
	return ap_file_read(AT_FDCWD, file, AP_BUF_MAX, &base);
}

static void bind_value(sqlite3_stmt *st, unsigned char what)
{
	static const int64_t numbers[] = {
		0, 1, 2, 3, 5, -1, 100, 65536, 1 << 28, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN, 4, 1000000, INT64_MAX / 4};

	switch (what >> 6) {
	case 0:
		sqlite3_bind_int64(st, 1, numbers[what & 15]);
		break;
	case 1:
		sqlite3_bind_text(st, 1, what & 1 ? "<script>\x1b[1m" : "", -1, SQLITE_STATIC);
		break;
	case 2:
		sqlite3_bind_blob(st, 1, "\0\xff", what & 1 ? 2 : 0, SQLITE_STATIC);
		break;
	default:
		if (what & 1)
			sqlite3_bind_null(st, 1);
		else
			sqlite3_bind_double(st, 1, 1.5);
	}
}

static void edit_row(sqlite3 *db, const uint8_t *e)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, columns[(size_t)(e[1] | e[2] << 8) % n_columns], -1, &st, NULL))
		return;
	bind_value(st, e[5]);
	sqlite3_bind_int(st, 2, e[3]);
	sqlite3_step(st);
	sqlite3_finalize(st);
}

static void edit(const uint8_t *data, size_t n)
{
	sqlite3 *db = NULL;
	int fd;

	/* rows first: SQLite must still read the file */
	if (!sqlite3_open(file, &db)) {
		sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", NULL, NULL, NULL);
		for (size_t i = 0; i + EDIT_BYTES <= n && i < EDITS_MAX * EDIT_BYTES; i += EDIT_BYTES)
			if (data[i] & 1)
				edit_row(db, data + i);
	}
	sqlite3_close(db);
	fd = open(file, O_WRONLY);
	for (size_t i = 0; fd >= 0 && i + EDIT_BYTES <= n && i < EDITS_MAX * EDIT_BYTES; i += EDIT_BYTES)
		if (!(data[i] & 1) && pwrite(fd, data + i + 5, 1,
					      (off_t)((uint32_t)(data[i + 1] | data[i + 2] << 8 | data[i + 3] << 16) % base.len)) != 1)
			die("cannot edit");
	close(fd);
}

static void read_and_report(void)
{
	struct ap_report_options o = {.format = AP_FORMAT_JSON};
	struct ap_why why = {""};
	FILE *null = fopen("/dev/null", "w");
	struct ap_view *v;
	sqlite3 *db;

	if (!ap_store_open_read(file, &db, &why)) {
		if (!ap_view_open(db, &o.filter, AP_VIEW_PAGE, &v, &why)) {
			ap_report_top(v, NULL, &o, null, &why);
			ap_report_folded(v, NULL, &o, null, &why);
			ap_report_tree(v, &o, null, &why);
			ap_report_summary(db, v, &o, null, &why);
			ap_report_flame(db, v, NULL, &o, null, &why);
			ap_view_free(v);
		}
		sqlite3_close(db);
	}
	fclose(null);
}

static const char WHOLE[] = "SELECT integrity_check = 'ok' AND (SELECT count(*) FROM sample) = (SELECT sum(n) FROM quality_total) "
			    "AND NOT EXISTS (SELECT 1 FROM stack WHERE parent_id >= id) FROM pragma_integrity_check";

static void check_whole(const char *path)
{
	struct ap_why why = {""};
	sqlite3 *db;

	if (ap_store_open_read(path, &db, &why))
		die(why.text);
	if (ap_store_number(db, WHOLE) != 1)
		die("a merged file is not whole");
	sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *paths[] = {out, file};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ap_write_all(fd, base.data, base.len))
		die("cannot write");
	close(fd);
	edit(data, n);
	read_and_report();
	unlink(new_out);
	if (ap_store_merge(new_out, paths, 2, &stats, &why)) {
		if (!access(new_out, F_OK) || !strstr(why.text, file))
			die("a refusal left something, or names nothing");
		return 0;
	}
	check_whole(new_out);
	return 0;
}
