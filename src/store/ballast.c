/* Room that is kept for the end of a recording: a disk that fills up meanwhile would leave none for the row that says so. An unnamed file of
 * some pages beside the recording, let go before the end is written. */
#include "store/private.h"

#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

enum { BALLAST_BYTES = 256 << 10 };

int ap_ballast_take(const char *path)
{
	AP_AUTO_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	const char *where = ".";
	int fd;

	if (!folder)
		return -1;
	if (slash) {
		slash[slash == folder] = '\0';
		where = folder;
	}
	fd = open(where, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600); /* not on every file system: the end is then written as luck has it */
	if (fd >= 0 && fallocate(fd, 0, 0, BALLAST_BYTES))
		fd = ap_close(fd);
	return fd;
}
