/* A small file in memory for the fuzz targets of the reports. */
#ifndef TESTS_FUZZ_REPORT_DB_H
#define TESTS_FUZZ_REPORT_DB_H

#include "report/report.h"
#include "store/sql_text.h"

#include <stdlib.h>

static const char REPORT_ROWS[] =
	"INSERT INTO host(id, key, name) VALUES (1, 'key', 'host');"
	"INSERT INTO run(id, uuid, host, boot, start_ns, start_realtime_ns, end_ns, end_reason) VALUES (1, 'uuid1', 1, 'b', 0, "
	"1700000000000000000, 1000, 'x');"
	"INSERT INTO run_label VALUES (1, 'k', 'v');"
	"INSERT INTO event(id, run, seq, name, source, unit) VALUES (1, 1, 0, 'cpu-clock', 'perf', 'ns'), (2, 1, 1, 'faults', 'perf', "
	"'events');"
	"INSERT INTO process(id, host, boot, pid, start_ns, comm) VALUES (1, 1, 'b', 7, 0, 'p');"
	"INSERT INTO thread(id, process, tid, start_ns, comm) VALUES (1, 1, 7, 0, 'comm'), (2, 1, 8, 0, 'other');"
	"INSERT INTO executable(id, build_id, path, kind) VALUES (1, 'b', '/usr/bin/p', 1), (2, '', '[kernel]', 3);"
	"INSERT INTO function(id, name, linkage_name, file, line) VALUES (1, 'main', '', 'm.c', 1), (2, 'work(int)', '', '', 0);"
	"INSERT INTO frame VALUES (1, 1, 16, 1), (2, 1, 32, 1), (3, 2, 48, 2), (4, 0, 3, 4);"
	"INSERT INTO frame_line VALUES (1, 0, 1, 'm.c', 2), (2, 0, 2, '', 0), (2, 1, 1, '', 0);"
	"INSERT INTO stack VALUES (1, 0, 1), (2, 1, 2), (3, 1, 3), (4, 0, 4), (5, 4, 2);"
	"INSERT INTO sample_row VALUES (1, 1, 0, 1, 1, 1, 10), (1, 500, 1, 1, 2, 2, 10), (1, 600, 2, 1, 1, 3, 10), (1, 700, 0, 1, 1, 5, "
	"10), "
	"(1, 800, 0, 2, 1, 1, 1);";

static inline sqlite3 *report_db(void)
{
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) || sqlite3_exec(db, ap_sql_schema, NULL, NULL, NULL) ||
		sqlite3_exec(db, ap_sql_schema_3, NULL, NULL, NULL) || sqlite3_exec(db, REPORT_ROWS, NULL, NULL, NULL))
		abort();
	return db;
}

#endif
