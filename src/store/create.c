/* Creating: everything that can refuse is asked before anything at the path changes. */
#include "store/private.h"

#include "base/file.h"
#include "store/schema.h"
#include "store/sql_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SQLITE_HEADER = 100, APPLICATION_ID_AT = 68, APPLICATION_ID = 1095783508 };
static const uint64_t ROOM_NEEDED = 4 << 20;

static bool is_aperture_file(int fd)
{
	unsigned char h[SQLITE_HEADER];
	const unsigned char *id = h + APPLICATION_ID_AT;

	if (ap_pread_all(fd, h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(h, "SQLite format 3", 16))
		return false;
	return ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) == APPLICATION_ID;
}

/* *ret_exists: an Aperture file is there. */
static int look_at(const char *path, bool *ret_exists, struct ap_why *why)
{
	AP_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	*ret_exists = false;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !is_aperture_file(fd))
		return ap_why(why, EEXIST, "%s is there and is no Aperture file: it is not overwritten; choose another name with -o", path);
	*ret_exists = true;
	return 0;
}

static int check_room(const char *path, struct ap_why *why)
{
	AP_AUTO_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	struct statvfs v;
	const char *where = ".";

	if (slash) {
		*slash = '\0';
		where = slash == folder ? "/" : folder;
	}
	if (statvfs(where, &v))
		return ap_why(why, errno, "%s: the folder %s cannot be used: %s", path, where, strerror(errno));
	if ((uint64_t)v.f_bavail * v.f_frsize < ROOM_NEEDED)
		return ap_why(why, ENOSPC, "%s: the disk has less than %llu MB free; free some or choose another folder with -o", path,
			(unsigned long long)(ROOM_NEEDED >> 20));
	return 0;
}

static int check_locks(const char *path, int fd, struct ap_why *why)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &l))
		return ap_why(why, errno, "%s: this file system cannot lock files (%s), which SQLite needs; choose a local folder with -o", path,
			strerror(errno));
	return 0;
}

static int text_row(struct ap_store *s, const char *sql, const struct ap_store_run *r, const char *uuid)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
#define BIND_TEXT(name, value)                                                                                         \
	if (sqlite3_bind_parameter_index(st, name))                                                                    \
	sqlite3_bind_text(st, sqlite3_bind_parameter_index(st, name), value, -1, SQLITE_STATIC)
#define BIND_INT(name, value)                                                                                          \
	if (sqlite3_bind_parameter_index(st, name))                                                                    \
	sqlite3_bind_int64(st, sqlite3_bind_parameter_index(st, name), value)
	if (rc)
		return rc;
	BIND_TEXT(":key", r->host_key);
	BIND_TEXT(":name", r->host_name);
	BIND_TEXT(":os", r->os);
	BIND_TEXT(":kernel", r->kernel);
	BIND_TEXT(":arch", r->arch);
	BIND_TEXT(":cpu_model", r->cpu_model);
	BIND_INT(":cpus", r->cpus);
	BIND_INT(":memory_bytes", r->memory_bytes);
	BIND_TEXT(":uuid", uuid);
	BIND_TEXT(":boot", r->boot);
	BIND_INT(":start_ns", r->start_ns);
	BIND_INT(":start_realtime_ns", r->start_realtime_ns);
	BIND_TEXT(":command", r->command);
	BIND_TEXT(":options", r->options);
	BIND_TEXT(":version", r->version);
	BIND_TEXT(":source", r->source);
	BIND_TEXT(":source_why", r->source_why);
	rc = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(s->db);
	sqlite3_finalize(st);
	return rc;
}

static void make_uuid(char ret[37])
{
	struct ap_buf b = {0};

	ret[0] = '\0';
	if (!ap_file_read(AT_FDCWD, "/proc/sys/kernel/random/uuid", 64, &b) && b.len >= 36)
		snprintf(ret, 37, "%.36s", b.data);
	ap_buf_done(&b);
}

static int put_labels(struct ap_store *s, const char *const *labels)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, ap_sql_add_label, -1, &st, NULL);

	for (; !rc && labels && *labels; labels += 2) {
		sqlite3_bind_text(st, 1, labels[0], -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, labels[1], -1, SQLITE_STATIC);
		sqlite3_step(st);
		rc = sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	return rc;
}

static int first_rows(struct ap_store *s, const struct ap_store_run *run, struct ap_why *why)
{
	char uuid[37];
	int rc;

	make_uuid(uuid);
	rc = sqlite3_exec(s->db, "PRAGMA page_size=4096; BEGIN;", NULL, NULL, NULL);
	if (!rc)
		rc = ap_schema_create(s->db, &ap_schemas);
	if (!rc)
		rc = text_row(s, ap_sql_add_host, run, uuid);
	if (!rc)
		rc = text_row(s, ap_sql_add_run, run, run->uuid ? run->uuid : uuid);
	if (!rc)
		rc = put_labels(s, run->labels);
	/* Only then the log: the file itself carries our mark from its first commit on, whatever happens to the recorder. */
	if (!rc)
		rc = sqlite3_exec(s->db, "COMMIT; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;", NULL, NULL, NULL);
	return rc ? ap_why(why, ap_store_errno(s->db, rc), "%s: cannot create the file: %s", s->path, sqlite3_errmsg(s->db)) : 0;
}

/* Moves PATH and, after a killed recording, its log to PATH.old: without the log the last second would be gone. */
static int keep_old(struct ap_store *s, struct ap_why *why)
{
	AP_AUTO_FREE char *old = NULL;
	AP_AUTO_FREE char *log = NULL;
	AP_AUTO_FREE char *old_log = NULL;

	if (asprintf(&old, "%s.old", s->path) < 0 || asprintf(&log, "%s-wal", s->path) < 0 || asprintf(&old_log, "%s.old-wal", s->path) < 0)
		return ap_why(why, ENOMEM, "%s: out of memory", s->path);
	if (unlink(old_log) && errno != ENOENT)
		return ap_why(why, errno, "%s: cannot be replaced: %s", old_log, strerror(errno));
	if (rename(s->path, old))
		return ap_why(why, errno, "%s: cannot keep it as %s: %s", s->path, old, strerror(errno));
	s->old_path = AP_STEAL(old);
	if (rename(log, old_log) && errno != ENOENT)
		return ap_why(why, errno, "%s: cannot keep it as %s: %s", log, old_log, strerror(errno));
	return 0;
}

static int create_file(struct ap_store *s, bool exists, struct ap_why *why)
{
	int fd, err = exists ? keep_old(s, why) : 0;

	if (err)
		return err;
	fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ap_why(why, errno, "%s: cannot create it: %s", s->path, strerror(errno));
	s->created = true;
	err = check_locks(s->path, fd, why);
	close(fd);
	return err;
}

int ap_store_create(const struct ap_store_config *cfg, const struct ap_store_run *run, struct ap_store **ret_store, struct ap_why *why)
{
	struct ap_store *s;
	bool exists;
	int err = look_at(cfg->path, &exists, why);

	if (!err)
		err = check_room(cfg->path, why);
	if (err)
		return err;
	s = calloc(1, sizeof *s);
	if (!s || !(s->path = strdup(cfg->path))) {
		free(s);
		return ap_why(why, ENOMEM, "%s: out of memory", cfg->path);
	}
	s->max_bytes = cfg->max_bytes;
	s->ballast_fd = ap_ballast_take(s->path);
	err = create_file(s, exists, why);
	if (!err && sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		err = ap_why(why, EIO, "%s: cannot open it: %s", s->path, sqlite3_errmsg(s->db));
	if (!err) {
		sqlite3_busy_timeout(s->db, 10000); /* somebody may read it, or derive its totals, while it is written */
		err = first_rows(s, run, why);
	}
	if (!err)
		err = ap_store_writer_start(s, cfg->queue_batches, why);
	if (err) {
		ap_store_abandon(s);
		return err;
	}
	*ret_store = s;
	return 0;
}

struct ap_store *ap_store_close(struct ap_store *s)
{
	ap_store_writer_join(s);
	ap_close(s->ballast_fd);
	for (int i = 0; i < AP_TABLE_COUNT; i++)
		sqlite3_finalize(s->inserts[i]);
	ap_resolve_done(&s->resolve);
	sqlite3_close(s->db);
	ap_queue_free(s->queue);
	free(s->path);
	free(s->old_path);
	free(s);
	return NULL;
}

struct ap_store *ap_store_abandon(struct ap_store *s)
{
	static const char *const side[] = {"", "-wal", "-shm", "-journal"};
	char *path, *old;
	bool created;

	if (!s)
		return NULL;
	path = strdup(s->path);
	created = s->created;
	old = AP_STEAL(s->old_path);
	ap_store_close(s);
	for (size_t i = 0; path && created && i < AP_ARRAY_LEN(side); i++) {
		struct ap_buf b = {0};

		if (!ap_buf_printf(&b, "%s%s", path, side[i]))
			unlink(b.data);
		ap_buf_done(&b);
	}
	if (path && old)
		rename(old, path);
	free(path);
	free(old);
	return NULL;
}

uint64_t ap_store_bytes(struct ap_store *s)
{
	struct stat st;
	struct ap_buf b = {0};
	uint64_t n = stat(s->path, &st) ? 0 : (uint64_t)st.st_size;

	if (!ap_buf_printf(&b, "%s-wal", s->path) && !stat(b.data, &st))
		n += (uint64_t)st.st_size;
	ap_buf_done(&b);
	return n;
}
