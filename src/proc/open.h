/* Opens the very file that a process has mapped, whatever lies at its path by now, without ever opening a FIFO or a device. */
#ifndef AP_PROC_OPEN_H
#define AP_PROC_OPEN_H

#include "base/why.h"
#include "proc/elf.h"

#include <sys/types.h>

/* What is known of a mapping. */
struct ap_mapped {
	const char *proc; /* "/proc" */
	uint32_t pid;
	uint64_t start, end, file_offset;
	uint32_t device_major, device_minor;
	uint64_t inode, generation; /* 0: not known */
	const uint8_t *build_id;
	size_t build_id_size; /* 0: not known */
	const char *path;     /* without " (deleted)" */
	bool deleted;
};

struct ap_opened {
	int fd;
	bool elf; /* head holds segments */
	struct ap_elf_head head;
	uint64_t size, mtime_ns, ctime_ns;
};

/* 0; -ESTALE: other files are there now; -ENODEV: not a regular file; or what open gave. */
int ap_open_mapped(const struct ap_mapped *m, struct ap_opened *ret_opened, struct ap_why *why);

/* Up to n bytes of a process's memory: how many, or negative errno. */
ssize_t ap_read_memory(uint32_t pid, uint64_t address, void *data, size_t n);

#endif
