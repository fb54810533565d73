/* Where `aperture symbolize` finds a binary or its debug file by build ID. */
#ifndef AP_CMD_DEBUGINFO_H
#define AP_CMD_DEBUGINFO_H

#include <stdbool.h>

/* DIR/.build-id/xx/yyyy.debug in each of the folders. -1: nowhere. */
int debuginfo_below(const char *const *dirs, const char *build_id);
/* The file at `path` if its build ID is this one. -1: not there, or another build. */
int debuginfo_at_path(const char *path, const char *build_id);
/* From the servers of DEBUGINFOD_URLS through libdebuginfod, loaded when first asked for. -1: not found, or the library is not here. */
int debuginfo_fetch(const char *build_id, bool *ret_no_library);

#endif
