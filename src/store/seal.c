/* Sealing: the end of the run, the derived tables, the indexes, then out of WAL into one file, synced. After an error of the writer the end
 * is still tried, in the room that was kept for it. */
#include "store/private.h"

#include "base/mem.h"
#include "store/schema.h"
#include "store/sql_text.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int ap_store_flush(struct ap_store *s, struct ap_why *why)
{
	const struct timespec tick = {.tv_nsec = 1000000};

	while (atomic_load(&s->written) < atomic_load(&s->put))
		nanosleep(&tick, NULL);
	return ap_store_error(s, why);
}

static int end_row(struct ap_store *s, const struct ap_store_end *e)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(s->db, ap_sql_end_run, -1, &st, NULL);

	if (rc)
		return rc;
	sqlite3_bind_int64(st, 1, e->end_ns);
	sqlite3_bind_text(st, 2, e->reason, -1, SQLITE_STATIC);
	if (e->exit_code != AP_NULL)
		sqlite3_bind_int64(st, 3, e->exit_code);
	sqlite3_bind_int64(st, 4, e->recorder_cpu_ns);
	sqlite3_bind_int64(st, 5, e->recorder_peak_bytes);
	sqlite3_step(st);
	return sqlite3_finalize(st);
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static void drop_batch_tables(struct ap_store *s)
{
	for (int i = 0; i < AP_TABLE_COUNT; i++) {
		sqlite3_finalize(s->inserts[i]);
		s->inserts[i] = NULL;
	}
	ap_resolve_done(&s->resolve);
}

int ap_store_seal(struct ap_store *s, const struct ap_store_end *end, struct ap_why *why)
{
	int rc, err, derive_err = 0;

	ap_store_writer_join(s);
	drop_batch_tables(s);
	err = ap_store_error(s, why);
	s->ballast_fd = ap_close(s->ballast_fd);
	rc = end_row(s, end);
	if (!err && rc)
		err = ap_why(why, ap_store_errno(s->db, rc), "%s: cannot write the end of the run: %s", s->path, sqlite3_errmsg(s->db));
	/* --max-size bounds the samples; a file without totals would look empty. */
	if (!err || err == -EFBIG)
		derive_err = ap_store_derive(s->db, err ? NULL : why);
	if (!err)
		err = derive_err;
	if ((!err || err == -EFBIG) && (rc = ap_schema_index(s->db)))
		err = ap_why(why, ap_store_errno(s->db, rc), "%s: cannot build its indexes: %s", s->path, sqlite3_errmsg(s->db));
	rc = sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;", NULL, NULL, NULL);
	if (!err && rc)
		err = ap_why(why, ap_store_errno(s->db, rc), "%s: cannot fold its log into it: %s", s->path, sqlite3_errmsg(s->db));
	if (!err && (err = sync_file(s->path)))
		ap_why(why, -err, "%s: fsync failed, the file may not survive a power cut", s->path);
	ap_store_close(s);
	return err;
}
