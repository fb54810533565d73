/* Merging: the ledger (run.uuid) says what is new. An output that is there is added to in one transaction; a new one is made beside its
 * name and put there when it is whole. On a failure either is as it was before. */
#include "store/merge.h"

#include "store/private.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char CACHE[] = "PRAGMA cache_size=-65536"; /* 64 MiB: the index of the stacks stays in memory */
/* Nobody sees the new file before it is whole: nothing to roll back, one sync at the end, and pages as large as suit long runs of rows. */
static const char NEW_FILE[] = "PRAGMA page_size=16384; PRAGMA secure_delete=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; BEGIN";

struct job {
	const char *out;
	sqlite3 *db;
	struct ap_merge *merge;
	struct ap_merge_stats *stats;
	struct ap_why *why;
};

/* How many runs of in are new to out (NULL: nothing is there), or fuller than its own. */
static int ledger(sqlite3 *out, sqlite3 *in, const char *path, uint64_t *ret_new, uint64_t *ret_known, struct ap_why *why)
{
	sqlite3_stmt *runs = NULL;
	enum ap_run_state state;
	int64_t id;
	int rc = SQLITE_ERROR, err = 0;

	*ret_new = *ret_known = 0;
	if (!sqlite3_prepare_v2(in, "SELECT id FROM run", -1, &runs, NULL))
		while (!err && (rc = sqlite3_step(runs)) == SQLITE_ROW) {
			err = ap_merge_run_state(out, in, sqlite3_column_int64(runs, 0), &state, &id);
			*(state == AP_RUN_KNOWN ? ret_known : ret_new) += !err;
		}
	sqlite3_finalize(runs);
	return !err && rc == SQLITE_DONE ? 0 : ap_why(why, EBADMSG, "%s: damaged: its runs cannot be read", path);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* *fresh: the file has something to add. ret_in NULL: only asks. */
static int look(struct job *j, const char *path, bool *fresh, sqlite3 **ret_in)
{
	const struct ap_schema *schema;
	uint64_t n_new, known;
	sqlite3 *in;
	int err = ap_store_open_raw(path, &in, &schema, j->why);

	if (err)
		return err;
	err = ledger(j->db, in, path, &n_new, &known, j->why);
	/* with itself: nothing is new, and its lock is ours */
	*fresh = !err && n_new && !(j->db && same_file(path, j->out));
	if (!err && !*fresh)
		j->stats->runs_known += known;
	if (!err && *fresh && ret_in && ap_schema_show(in, schema))
		err = ap_why(j->why, ENOMEM, "%s: cannot read its older schema: %s", path, sqlite3_errmsg(in));
	if (err || !*fresh || !ret_in)
		sqlite3_close(in);
	else
		*ret_in = in;
	return err;
}

static int add_file(struct job *j, const char *path)
{
	sqlite3 *in = NULL;
	bool fresh;
	int err = look(j, path, &fresh, &in);

	if (!err && fresh)
		err = ap_merge_rows(j->merge, in, path, j->stats, j->why);
	j->stats->files += !err;
	sqlite3_close(in);
	return err;
}

static int add_files(struct job *j, const char *const *paths, size_t n)
{
	bool renamed;
	int err = 0, rc;

	if (!ap_store_totals_fresh(j->db))
		err = ap_store_derive(j->db, j->why);
	if (!err)
		err = ap_merge_new(j->db, &j->merge, j->why);
	for (size_t i = 0; i < n && !err; i++)
		err = add_file(j, paths[i]);
	renamed = !err && ap_merge_renamed(j->merge);
	j->merge = ap_merge_free(j->merge);
	if (renamed)
		err = ap_store_derive(j->db, j->why);
	if (err)
		return err;
	rc = ap_schema_index(j->db);
	if (!rc)
		rc = ap_store_mark_totals(j->db);
	return rc ? ap_why(j->why, ap_store_errno(j->db, rc), "%s: cannot finish it: %s", j->out, sqlite3_errmsg(j->db)) : 0;
}

/* Closes the output whatever err says. */
static int end(struct job *j, int err)
{
	j->merge = ap_merge_free(j->merge);
	if (!err && sqlite3_exec(j->db, "COMMIT", NULL, NULL, NULL))
		err = ap_why(j->why, ap_store_errno(j->db, sqlite3_errcode(j->db)), "%s: cannot commit: %s", j->out, sqlite3_errmsg(j->db));
	if (err) /* a failed write may have ended the transaction: then this says so, which changes nothing */
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(AP_STEAL(j->db));
	return err;
}

static int start_new(struct job *j, const char *temp)
{
	int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd < 0)
		return ap_why(j->why, errno, "%s: cannot create it: %s", temp, strerror(errno));
	close(fd);
	rc = sqlite3_open_v2(temp, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (!rc)
		rc = sqlite3_exec(j->db, CACHE, NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(j->db, NEW_FILE, NULL, NULL, NULL);
	if (!rc)
		rc = ap_schema_create(j->db, &ap_schemas);
	return rc ? ap_why(j->why, ap_store_errno(j->db, rc), "%s: cannot prepare it: %s", temp, sqlite3_errmsg(j->db)) : 0;
}

static int put_there(const char *temp, const char *out, struct ap_why *why)
{
	AP_AUTO_FREE char *folder = strdup(out);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	AP_AUTO_CLOSE int fd = open(temp, O_RDONLY | O_CLOEXEC);
	AP_AUTO_CLOSE int folder_fd = -1;

	if (fd < 0 || fsync(fd))
		return ap_why(why, errno, "%s: fsync failed: %s", temp, strerror(errno));
	if (renameat2(AT_FDCWD, temp, AT_FDCWD, out, RENAME_NOREPLACE) && (errno != EINVAL || rename(temp, out)))
		return ap_why(why, errno, "%s: cannot put the merged file there: %s", out, strerror(errno));
	if (slash)
		*(slash == folder ? slash + 1 : slash) = '\0';
	folder_fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || fsync(folder_fd))
		return ap_why(why, errno, "%s: is there, but its folder cannot be synced: %s", out, strerror(errno));
	return 0;
}

static int merge_new(struct job *j, const char *const *paths, size_t n)
{
	AP_AUTO_FREE char *temp = NULL;
	int err;

	if (asprintf(&temp, "%s.merge-%d", j->out, (int)getpid()) < 0)
		return ap_why(j->why, ENOMEM, "%s: out of memory", j->out);
	err = start_new(j, temp);
	if (err == -EEXIST)
		return err;
	if (!err)
		err = add_files(j, paths, n);
	err = end(j, err);
	if (!err)
		err = put_there(temp, j->out, j->why);
	if (err)
		unlink(temp);
	return err;
}

static int all_known(struct job *j, const char *const *paths, size_t n, bool *ret)
{
	bool fresh = false;
	int err = 0;

	for (size_t i = 0; i < n && !err && !fresh; i++) {
		err = look(j, paths[i], &fresh, NULL);
		j->stats->files += !err;
	}
	*ret = !fresh;
	return err;
}

/* Asked by a reader first: where nothing is new, the output is not even opened for writing. */
static int merge_into(struct job *j, const char *const *paths, size_t n)
{
	const struct ap_schema *schema;
	bool known = false;
	int err = ap_store_open_raw(j->out, &j->db, &schema, j->why);

	if (!err)
		err = all_known(j, paths, n, &known);
	sqlite3_close(AP_STEAL(j->db));
	if (err || known)
		return err;
	*j->stats = (struct ap_merge_stats){0};
	err = ap_store_open_write(j->out, &j->db, j->why);
	if (err)
		return err;
	if (sqlite3_exec(j->db, CACHE, NULL, NULL, NULL) || sqlite3_exec(j->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
		err = ap_why(j->why, EBUSY, "%s: cannot begin: %s", j->out, sqlite3_errmsg(j->db));
	return end(j, err ? err : add_files(j, paths, n));
}

int ap_store_merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *ret_stats, struct ap_why *why)
{
	struct job j = {.out = out, .stats = ret_stats, .why = why};

	*ret_stats = (struct ap_merge_stats){0};
	return access(out, F_OK) ? merge_new(&j, paths, n) : merge_into(&j, paths, n);
}
