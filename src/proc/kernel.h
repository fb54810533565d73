/* Where the kernel's text and its modules lie. */
#ifndef AP_PROC_KERNEL_H
#define AP_PROC_KERNEL_H

#include "proc/binary.h"
#include "proc/maps.h"

struct ap_kernel;

int ap_kernel_new(struct ap_binaries *bs, const char *proc, const char *sys /* "/sys" */, struct ap_kernel **ret_kernel);
struct ap_kernel *ap_kernel_free(struct ap_kernel *k);
/* /proc is read at the first call, and again after a miss (a module may have come), ever more seldom. NULL: in
 * none. The entry is valid until the next call. */
struct ap_map_entry *ap_kernel_find(struct ap_kernel *k, uint64_t address, uint64_t now_ns);

#endif
