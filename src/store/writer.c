/* The writer thread: takes a batch, resolves its stacks, shows it to the virtual tables, runs one INSERT ... SELECT a table that has rows,
 * commits, frees it. The first error is kept with its sentence; from then on batches are freed unread. */
#include "store/private.h"
#include "store/vtab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DEFAULT_QUEUE = 4 };
/* What sealing adds, measured: rows of the totals for each stack, rows of functions and their index for each frame, and first pages. */
enum { SEAL_A_STACK = 28, SEAL_A_FRAME = 44, SEAL_BASE = 16 * 4096 };

int ap_store_errno(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
		return EROFS;
	default:
		return EIO;
	}
}

static void fail(struct ap_store *s, int error, const char *what, const char *detail)
{
	if (error == ENOSPC)
		ap_why(&s->error_why, error, "disk full: %s has no room for %s; what was stored is kept; free some space and record again",
			s->path, what);
	else if (error == EFBIG)
		ap_why(&s->error_why, error, "%s has reached --max-size; what was stored is kept", s->path);
	else
		ap_why(&s->error_why, error, "%s: cannot write: %s", s->path, detail);
	atomic_store(&s->error, error);
}

static int insert_tables(struct ap_store *s)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < AP_TABLE_COUNT && !rc; i++) {
		if (!s->current->tables[i].n)
			continue;
		sqlite3_step(s->inserts[i]);
		rc = sqlite3_reset(s->inserts[i]);
	}
	return rc;
}

/* The file as it would be if it were sealed now: its log holds pages that the file has or gets, so it does not count twice. */
static uint64_t sealed_bytes(struct ap_store *s)
{
	int64_t pages = ap_store_number(s->db, "PRAGMA page_count"), size = ap_store_number(s->db, "PRAGMA page_size");

	return (pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0) + s->stacks * SEAL_A_STACK + s->frames * SEAL_A_FRAME +
	       SEAL_BASE;
}

/* One transaction, so that a file cut at any commit has the stacks that its samples name. It stays open on failure. 0 or negative errno. */
static int write_rows(struct ap_store *s)
{
	int rc = sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL);
	int err = rc ? -ap_store_errno(s->db, rc) : ap_resolve_batch(&s->resolve, s->db, s->current);

	if (err)
		return err;
	rc = insert_tables(s);
	if (!rc)
		rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	return rc ? -ap_store_errno(s->db, rc) : 0;
}

static const char *why_of(struct ap_store *s, int err)
{
	if (err == -EBADMSG)
		return "its stacks came out of order";
	if (err == -EOVERFLOW)
		return "it cannot hold more stacks";
	return sqlite3_errcode(s->db) ? sqlite3_errmsg(s->db) : strerror(-err);
}

static void write_batch(struct ap_store *s)
{
	int err = write_rows(s);
	char detail[256];

	if (err) {
		snprintf(detail, sizeof detail, "%s", why_of(s, err));
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		fail(s, -err, "the next samples", detail);
		return;
	}
	s->stacks += s->current->tables[AP_TABLE_STACK].n;
	s->frames += s->current->tables[AP_TABLE_FRAME].n;
	if (s->max_bytes && sealed_bytes(s) > s->max_bytes)
		fail(s, EFBIG, "", "");
}

static void *writer(void *arg)
{
	struct ap_store *s = arg;
	void *item;

	while (!ap_queue_take(s->queue, UINT64_MAX, &item)) {
		s->current = item;
		if (!atomic_load(&s->error))
			write_batch(s);
		s->current = ap_batch_free(s->current);
		atomic_fetch_add(&s->written, 1);
	}
	return NULL;
}

static int prepare_inserts(struct ap_store *s)
{
	struct ap_buf sql = {0};
	int rc = SQLITE_OK;

	for (int i = 0; i < AP_TABLE_COUNT && !rc; i++) {
		const struct ap_table_info *info = &ap_tables_info[i];

		sql.len = 0;
		ap_buf_printf(&sql, "INSERT %s INTO \"%s\"(", info->replace ? "OR REPLACE" : "", info->name);
		for (size_t c = 0; c < info->n_columns; c++)
			ap_buf_printf(&sql, "%s\"%s\"", c ? "," : "", info->columns[c].name);
		rc = ap_buf_printf(&sql, ") SELECT * FROM temp.batch_%s", info->name) ? SQLITE_NOMEM : SQLITE_OK;
		if (!rc)
			rc = sqlite3_prepare_v2(s->db, sql.data, -1, &s->inserts[i], NULL);
	}
	ap_buf_done(&sql);
	return rc;
}

int ap_store_writer_start(struct ap_store *s, size_t queue_batches, struct ap_why *why)
{
	int rc = ap_vtab_register(s->db, &s->current), err;

	if (!rc)
		rc = prepare_inserts(s);
	if (rc)
		return ap_why(why, ap_store_errno(s->db, rc), "%s: cannot prepare the writer: %s", s->path, sqlite3_errmsg(s->db));
	err = ap_queue_new(queue_batches ? queue_batches : DEFAULT_QUEUE, &s->queue);
	if (!err)
		err = -pthread_create(&s->thread, NULL, writer, s);
	if (err)
		return ap_why(why, -err, "%s: cannot start the writer: %s", s->path, strerror(-err));
	s->running = true;
	return 0;
}

void ap_store_writer_join(struct ap_store *s)
{
	if (s->running) {
		ap_queue_close(s->queue);
		pthread_join(s->thread, NULL);
		s->running = false;
	}
}

int ap_store_put(struct ap_store *s, struct ap_batch *batch, uint64_t timeout_ns)
{
	int err = atomic_load(&s->error);

	if (err) {
		ap_batch_free(batch);
		return -err;
	}
	err = ap_queue_put(s->queue, batch, timeout_ns);
	if (!err)
		atomic_fetch_add(&s->put, 1);
	return err;
}

int ap_store_error(struct ap_store *s, struct ap_why *why)
{
	int err = atomic_load(&s->error);

	if (err && why)
		*why = s->error_why;
	return -err;
}
