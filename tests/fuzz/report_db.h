/* A small file, in memory so that it can be changed for each input, for the fuzz targets of the reports. */
#ifndef TESTS_FUZZ_REPORT_DB_H
#define TESTS_FUZZ_REPORT_DB_H

#include "report/report.h"
#include "tests/store_rows.h"

#include <stdio.h>
#include <unistd.h>

static inline void put_report_who(struct ap_batch *b)
{
	ROW(b, event, .id = 1, .run = 1, .seq = 0, .name = "cpu-clock", .source = "perf", .unit = "ns");
	ROW(b, event, .id = 2, .run = 1, .seq = 1, .name = "faults", .source = "perf", .unit = "events");
	ROW(b, process, .id = 1, .host = 1, .boot = "b", .pid = 7, .parent = AP_NULL, .comm = "p", .end_ns = AP_NULL);
	ROW(b, thread, .id = 1, .process = 1, .tid = 7, .comm = "comm", .end_ns = AP_NULL);
	ROW(b, thread, .id = 2, .process = 1, .tid = 8, .comm = "other", .end_ns = AP_NULL);
}

static inline void put_report_where(struct ap_batch *b)
{
	static const struct ap_row_stack stacks[] = {{1, 0, 1}, {2, 1, 2}, {3, 1, 3}, {4, 0, 4}, {5, 4, 2}};

	ROW(b, executable, .id = 1, .build_id = "b", .path = "/usr/bin/p", .kind = 1);
	ROW(b, executable, .id = 2, .build_id = "", .path = "[kernel]", .kind = 3);
	ROW(b, function, .id = 1, .name = "main", .linkage_name = "", .file = "m.c", .line = 1);
	ROW(b, function, .id = 2, .name = "work(int)", .linkage_name = "", .file = "");
	ROW(b, frame, .id = 1, .executable = 1, .address = 16, .kind = 1);
	ROW(b, frame, .id = 2, .executable = 1, .address = 32, .kind = 1);
	ROW(b, frame, .id = 3, .executable = 2, .address = 48, .kind = 2);
	ROW(b, frame, .id = 4, .executable = 0, .address = 3, .kind = 4);
	ROW(b, frame_line, .frame = 1, .depth = 0, .function = 1, .file = "m.c", .line = 2);
	ROW(b, frame_line, .frame = 2, .depth = 0, .function = 2, .file = "");
	ROW(b, frame_line, .frame = 2, .depth = 1, .function = 1, .file = "");
	for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++)
		row_is_put(ap_batch_stack(b, &stacks[i]));
}

static inline void put_report_samples(struct ap_batch *b)
{
	ROW(b, sample_row, .run = 1, .ts = 1, .cpu = 0, .event = 1, .thread = 1, .stack = 1, .weight = 10);
	ROW(b, sample_row, .run = 1, .ts = 500, .cpu = 1, .event = 1, .thread = 2, .stack = 2, .weight = 10);
	ROW(b, sample_row, .run = 1, .ts = 600, .cpu = 2, .event = 1, .thread = 1, .stack = 3, .weight = 10);
	ROW(b, sample_row, .run = 1, .ts = 700, .cpu = 0, .event = 1, .thread = 1, .stack = 5, .weight = 10);
	ROW(b, sample_row, .run = 1, .ts = 800, .cpu = 0, .event = 2, .thread = 1, .stack = 1, .weight = 1);
}

static inline void make_report_file(const char *path)
{
	static const char *const labels[] = {"k", "v", NULL};
	struct ap_store_config cfg = {.path = path};
	struct ap_store_run run = store_run("host", "uuid1");
	struct ap_store *s;
	struct ap_batch *b;
	struct ap_why why;

	run.start_realtime_ns = 1700000000000000000;
	run.labels = labels;
	if (ap_store_create(&cfg, &run, &s, &why) || ap_batch_new(&b))
		abort();
	put_report_who(b);
	put_report_where(b);
	put_report_samples(b);
	if (ap_store_put(s, b, UINT64_MAX) || ap_store_seal(s, &STORE_END, &why))
		abort();
}

static inline sqlite3 *report_db(void)
{
	char folder[] = "/tmp/report_db-XXXXXX", path[40];
	sqlite3 *file, *db;
	sqlite3_backup *copy;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof path, "%s/run.db", folder);
	make_report_file(path);
	if (sqlite3_open(path, &file) || sqlite3_open(":memory:", &db) || !(copy = sqlite3_backup_init(db, "main", file, "main")) ||
		sqlite3_backup_step(copy, -1) != SQLITE_DONE || sqlite3_backup_finish(copy) || sqlite3_close(file) || unlink(path) ||
		rmdir(folder))
		abort();
	return db;
}

#endif
