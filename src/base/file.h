/* Small files and whole writes. */
#ifndef AP_BASE_FILE_H
#define AP_BASE_FILE_H

#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Appends the whole content of a regular or /proc file, at most `max` bytes. 0, -EFBIG (more was there; the first max bytes are kept),
 * or negative errno. `dirfd` as in openat. Never blocks on a FIFO (O_NONBLOCK). */
int ap_file_read(int dirfd, const char *path, size_t max, struct ap_buf *b);
/* Reads one decimal number, as most of /proc/sys holds. 0, -EINVAL (not a number), or negative errno. */
int ap_file_read_i64(const char *path, int64_t *ret_value);
/* Writes it all, through short writes and EINTR. 0 or negative errno. */
int ap_write_all(int fd, const void *data, size_t n);
/* Reads until n bytes or the end of the file. The number read, or negative errno. */
ssize_t ap_pread_all(int fd, void *data, size_t n, uint64_t offset);

#endif
