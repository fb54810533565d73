/* Small recordings for the tests of the store, in the folder at hand; the shape is that of the benchmark. */
#ifndef TESTS_STORE_MAKE_H
#define TESTS_STORE_MAKE_H

#include "base/mem.h"
#include "bench/shape.h"
#include "check_main.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline int make_create(const char *path, const char *uuid, uint64_t max_bytes, struct ap_store **ret, struct ap_why *why)
{
	struct ap_store_run run = {.host_key = "h",
		.host_name = "h",
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.boot = "b",
		.uuid = uuid,
		.command = "c",
		.options = "",
		.version = "",
		.source = "perf",
		.source_why = ""};
	struct ap_store_config cfg = {.path = path, .max_bytes = max_bytes};

	return ap_store_create(&cfg, &run, ret, why);
}

static inline struct shape_state *make_shape(uint32_t samples, uint32_t host)
{
	struct shape shape = {samples, samples / 5 + 1, samples / 20 + 2 < 500 ? samples / 20 + 2 : 500, 3, host};
	struct shape_state *s;

	ck_assert(!shape_new(&shape, &s));
	return s;
}

/* Puts all of it, in batches; the first error of put. */
static inline int make_put(struct ap_store *s, struct shape_state *shape, uint32_t batch)
{
	struct ap_batch *b;
	int err = 0;

	while (!err) {
		ck_assert(!ap_batch_new(&b));
		if (!shape_next(shape, b, batch)) {
			ap_batch_free(b);
			break;
		}
		err = ap_store_put(s, b, UINT64_MAX);
	}
	return err;
}

static inline int make_seal(struct ap_store *s, const char *reason, struct ap_why *why)
{
	return ap_store_seal(s, &(struct ap_store_end){.end_ns = 1000, .reason = reason, .exit_code = AP_NULL}, why);
}

static inline void make_file(const char *path, const char *uuid, uint32_t samples, uint32_t host)
{
	struct shape_state *shape = make_shape(samples, host);
	struct ap_why why = {""};
	struct ap_store *s;

	ck_assert_msg(!make_create(path, uuid, 0, &s, &why), "%s", why.text);
	ck_assert(!make_put(s, shape, 500));
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	shape_free(shape);
}

static inline int64_t number_in(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v = -1;

	ck_assert_msg(!sqlite3_prepare_v2(db, sql, -1, &st, NULL), "%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

static inline int64_t number_of_file(const char *path, const char *sql)
{
	struct ap_why why = {""};
	sqlite3 *db;
	int64_t v;

	ck_assert_msg(!ap_store_open_read(path, &db, &why), "%s", why.text);
	v = number_in(db, sql);
	sqlite3_close(db);
	return v;
}

/* As anybody could: not through the store. */
static inline void make_change(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert(!sqlite3_open(path, &db));
	ck_assert_msg(!sqlite3_exec(db, sql, NULL, NULL, NULL), "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static inline void shell(const char *command)
{
	ck_assert_msg(!system(command), "%s", command);
}

static inline void enter_folder(char *dir)
{
	ck_assert(mkdtemp(dir) && !chdir(dir));
}

static inline void leave_folder(const char *dir)
{
	char command[128];

	snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", dir, dir);
	ck_assert(!chdir("/") && !system(command));
}

#endif
