#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int ap_file_read(int dirfd, const char *path, size_t max, struct ap_buf *b)
{
	AP_AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char chunk[16384];
	size_t taken = 0;
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	for (;;) {
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if ((size_t)n > max - taken) {
			err = ap_buf_add(b, chunk, max - taken);
			return err ? err : -EFBIG;
		}
		err = ap_buf_add(b, chunk, (size_t)n);
		if (err)
			return err;
		taken += (size_t)n;
	}
}

int ap_file_read_i64(const char *path, int64_t *ret_value)
{
	struct ap_buf b = {.max = 256};
	long long v;
	char *end;
	int err = ap_file_read(AT_FDCWD, path, 64, &b);

	if (!err && b.len) {
		errno = 0;
		v = strtoll(b.data, &end, 10);
		if (end == b.data || errno)
			err = -EINVAL;
		else
			*ret_value = v;
	} else if (!err) {
		err = -EINVAL;
	}
	ap_buf_done(&b);
	return err;
}

int ap_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t w;

	while (n) {
		w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t ap_pread_all(int fd, void *data, size_t n, uint64_t offset)
{
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = pread(fd, (char *)data + done, n - done, (off_t)(offset + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}
