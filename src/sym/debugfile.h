/* Separate debug files below the debug folders. The folders are held open, so that a child which has given up the file system still finds them;
 * names that a binary chose (its link, its path) stay below them, and only regular files are opened. */
#ifndef AP_SYM_DEBUGFILE_H
#define AP_SYM_DEBUGFILE_H

#include <stddef.h>
#include <stdint.h>

enum { DEBUG_DIRS_MAX = 16 };
struct debug_dirs {
	int v[DEBUG_DIRS_MAX];
	size_t n;
};
/* Folders that are not there, and those past the limit, are left out. `paths` is NULL-terminated, or NULL. */
void debug_dirs_open(struct debug_dirs *d, const char *const *paths);
void debug_dirs_close(struct debug_dirs *d);

/* .build-id/xx/yyyy.debug. -1: none; so for the others. */
int debug_by_id(const struct debug_dirs *d, const uint8_t *id, size_t n);
/* The file `link` in the folder of the binary, as seen from the debug folder; its content must have the checksum. */
int debug_by_link(const struct debug_dirs *d, const char *binary, const char *link, uint32_t crc);
/* A dwz supplement: what its name says from "/.dwz/" on. */
int debug_supplement(const struct debug_dirs *d, const char *name);

#endif
