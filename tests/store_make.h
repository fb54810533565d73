/* Files of the store, made and asked, in a folder of the test's own. */
#ifndef TESTS_STORE_MAKE_H
#define TESTS_STORE_MAKE_H

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "tests/check_main.h"
#include "tests/store_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int make_create(const char *path, const char *uuid, uint64_t max_bytes, struct ap_store **ret, struct ap_why *why)
{
	struct ap_store_run run = store_run("h", uuid);
	struct ap_store_config cfg = {.path = path, .max_bytes = max_bytes};

	return ap_store_create(&cfg, &run, ret, why);
}

static inline int make_seal(struct ap_store *s, const char *reason, struct ap_why *why)
{
	struct ap_store_end end = STORE_END;

	end.reason = reason;
	return ap_store_seal(s, &end, why);
}

/* One thread's, of one process and one event, each of weight 7. */
static inline void make_samples(struct ap_store *s, int n)
{
	struct ap_batch *b;

	ck_assert(!ap_batch_new(&b));
	ROW(b, event, .id = 1, .run = 1, .name = "cpu-clock", .source = "perf", .why = "", .frequency_hz = 99, .unit = "ns");
	ROW(b, process, .id = 1, .host = 1, .boot = "b", .pid = 10, .start_ns = 5, .comm = "c", .cmdline = "c", .cgroup = "",
		.container = "", .end_ns = AP_NULL);
	ROW(b, thread, .id = 1, .process = 1, .tid = 10, .start_ns = 5, .comm = "c", .end_ns = AP_NULL);
	for (int i = 0; i < n; i++)
		ROW(b, sample_row, .run = 1, .ts = i, .event = 1, .thread = 1, .weight = 7);
	ck_assert_uint_eq(ap_batch_rows(b), (size_t)n + 3);
	ck_assert_int_eq(ap_store_put(s, b, UINT64_MAX), 0);
}

static inline int64_t number_in(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	int64_t v;

	ck_assert_msg(!sqlite3_prepare_v2(db, sql, -1, &st, NULL), "%s: %s", sql, sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(st) == SQLITE_ROW, "%s: %s", sql, sqlite3_errmsg(db));
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

/* What a child left that recorded until it was killed. */
static inline sqlite3 *open_of_killed(pid_t pid, const char *path)
{
	struct ap_why why = {""};
	sqlite3 *db;
	int status;

	ck_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	ck_assert_msg(!ap_store_open_read(path, &db, &why), "%s", why.text);
	return db;
}

/* Of the bytes of a file and its log. */
static inline uint64_t hash_bytes(const char *name)
{
	struct ap_buf path = {0}, bytes = {0};
	uint64_t hash;

	ck_assert(!ap_buf_printf(&path, "%s-wal", name));
	ck_assert(!ap_file_read(AT_FDCWD, name, AP_BUF_MAX, &bytes));
	if (!access(path.data, F_OK))
		ck_assert(!ap_file_read(AT_FDCWD, path.data, AP_BUF_MAX, &bytes));
	hash = ap_hash_bytes(bytes.data, bytes.len, 0);
	ap_buf_done(&path);
	ap_buf_done(&bytes);
	return hash;
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

static char made_folder[40];

static inline void enter_folder_in(const char *parent)
{
	snprintf(made_folder, sizeof made_folder, "%s/check-XXXXXX", parent);
	ck_assert(mkdtemp(made_folder) && !chdir(made_folder));
}

/* Fixtures: a folder of each test's own, on disk, or in memory where that can be, for many merges with their syncs. */
static inline void enter_folder(void)
{
	enter_folder_in("/tmp");
}

static inline void enter_memory_folder(void)
{
	enter_folder_in(access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
}

static inline void leave_folder(void)
{
	char command[128];

	snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", made_folder, made_folder);
	ck_assert(!chdir("/") && !system(command));
}

#endif
