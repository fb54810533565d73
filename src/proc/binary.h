/* Every binary seen, each once: found again by device, inode and generation without a system call or two, and by (build ID, path), which
 * is its key in the file. Owns descriptors, images, segments and strings. */
#ifndef AP_PROC_BINARY_H
#define AP_PROC_BINARY_H

#include "proc/open.h"

struct ap_binaries;

int ap_binaries_new(const char *proc, size_t max_open, struct ap_binaries **ret_binaries);
struct ap_binaries *ap_binaries_free(struct ap_binaries *bs);

/* The binary of a file mapping, opened now if it was not known. NULL: out of memory. */
struct ap_binary *ap_binaries_file(struct ap_binaries *bs, const struct ap_mapped *m);
/* One without a file. The same kind, build ID and path give the same binary. NULL: out of memory. */
struct ap_binary *ap_binaries_named(struct ap_binaries *bs, enum ap_binary_kind kind, const char *build_id, const char *path, const char *why);
/* The anonymous code of a process, named by its comm; `id`, in the place of a build ID, tells the processes of one comm apart. NULL: out of memory. */
struct ap_binary *ap_binaries_jit(struct ap_binaries *bs, const char *id, const char *path, uint32_t pid, uint64_t start_ns);
/* The vDSO of a process, copied from its memory, or our own where it is gone. NULL: out of memory. */
struct ap_binary *ap_binaries_vdso(struct ap_binaries *bs, uint32_t pid, uint64_t start, uint64_t length);
/* The binary with these bytes and this name; the bytes are copied. NULL: out of memory. */
struct ap_binary *ap_binaries_image(struct ap_binaries *bs, const char *path, const void *image, size_t size);

size_t ap_binaries_all(const struct ap_binaries *bs, struct ap_binary *const **ret_binaries);
uint64_t ap_binaries_unopened(const struct ap_binaries *bs);

#endif
