/* Running SQL of somebody else on a connection of ap_store_open_read: it reads the tables and views of the file, and nothing else, within
 * bounds. */
#ifndef AP_STORE_GUARD_H
#define AP_STORE_GUARD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum { AP_GUARD_LENGTH = 16 << 20, AP_GUARD_SQL = 100000, AP_GUARD_HEAP = 512 << 20 };

struct ap_guard {
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	bool late;            /* it was passed: SQLITE_INTERRUPT came from here */
};
/* *g must outlive the connection. Allows SELECT, functions, recursion and the pragmas that only tell; a text or blob has at most
 * AP_GUARD_LENGTH bytes, a statement AP_GUARD_SQL, the heap of this process's SQLite AP_GUARD_HEAP. */
void ap_guard_set(sqlite3 *db, struct ap_guard *g);

#endif
