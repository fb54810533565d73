/* Folding the copy's log into it leaves one file, whose name can go at once. */
#include "store/snapshot.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 20 };
static const char *const SIDES[] = {"", "-wal", "-journal", "-shm"};
enum { COPIED_SIDES = 3 }; /* the last is made anew */

static int copy_bytes(int in, int out, char *room)
{
	uint64_t at = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = ap_pread_all(in, room, COPY_BYTES, at)) > 0) {
		err = ap_write_all(out, room, (size_t)n);
		at += (uint64_t)n;
	}
	return err ? err : n < 0 ? (int)n : 0;
}

/* A side file that is not there is no error. */
static int copy_one(const char *from, const char *to, bool must)
{
	AP_AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	AP_AUTO_CLOSE int out = -1;
	AP_AUTO_FREE char *room = NULL;
	struct stat st;

	if (in < 0)
		return errno == ENOENT && !must ? 0 : -errno;
	if (fstat(in, &st) || !S_ISREG(st.st_mode))
		return -EBADMSG;
	room = malloc(COPY_BYTES);
	if (!room)
		return -ENOMEM;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return out < 0 ? -errno : copy_bytes(in, out, room);
}

static int side_name(const char *path, size_t i, struct ap_buf *b)
{
	b->len = 0;
	return ap_buf_printf(b, "%s%s", path, SIDES[i]);
}

static void remove_all(const char *file, const char *folder)
{
	struct ap_buf b = {0};

	for (size_t i = 0; i < AP_ARRAY_LEN(SIDES); i++)
		if (!side_name(file, i, &b))
			unlink(b.data);
	ap_buf_done(&b);
	rmdir(folder);
}

static int copy_all(const char *path, const char *file)
{
	struct ap_buf from = {0}, to = {0};
	int err = 0;

	for (size_t i = 0; i < COPIED_SIDES && !err; i++) {
		err = side_name(path, i, &from);
		if (!err)
			err = side_name(file, i, &to);
		if (!err)
			err = copy_one(from.data, to.data, i == 0);
	}
	ap_buf_done(&from);
	ap_buf_done(&to);
	return err;
}

static int open_copy(const char *file, const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (!rc)
		rc = sqlite3_exec(db, "PRAGMA journal_mode=DELETE; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	if (rc) {
		ap_why(why, EBADMSG, "%s: damaged: %s", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return -EBADMSG;
	}
	*ret_db = db;
	return 0;
}

int ap_snapshot_open(const char *path, sqlite3 **ret_db, struct ap_why *why)
{
	const char *tmp = getenv("TMPDIR");
	struct ap_buf folder = {0}, file = {0};
	int err = ap_buf_printf(&folder, "%s/aperture.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");

	if (!err && !mkdtemp(folder.data))
		err = -errno;
	if (err) {
		ap_why(why, -err, "%s: cannot make a folder for a copy of it in $TMPDIR: %s", path, strerror(-err));
		ap_buf_done(&folder);
		return err;
	}
	err = ap_buf_printf(&file, "%s/copy.db", folder.data);
	if (!err)
		err = copy_all(path, file.data);
	if (err)
		ap_why(why, -err, "%s: cannot copy it to where its log can be read: %s", path, strerror(-err));
	else
		err = open_copy(file.data, path, ret_db, why);
	if (file.data)
		remove_all(file.data, folder.data);
	ap_buf_done(&folder);
	ap_buf_done(&file);
	return err;
}
