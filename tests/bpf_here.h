/* When a test of the eBPF source may be left out: where bpf(2) itself is refused or the kernel has no BTF, and never where the programs alone
 * do not load. */
#ifndef TESTS_BPF_HERE_H
#define TESTS_BPF_HERE_H

#include "event/source.h"

#include <bpf/bpf.h>
#include <check.h>
#include <stdio.h>
#include <unistd.h>

static inline bool bpf_is_usable(const struct ap_source_ops *ops, const struct ap_source_config *cfg)
{
	struct ap_probe probe;
	int fd;

	ops->probe(cfg, &probe);
	if (probe.usable)
		return true;
	ck_assert_str_ne(probe.why.text, "");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL);
	if (fd >= 0)
		close(fd);
	ck_assert_msg(fd < 0 || access("/sys/kernel/btf/vmlinux", R_OK), "bpf(2) works here, and yet: %s", probe.why.text);
	printf("# bpf cannot run here: %s\n", probe.why.text);
	return false;
}

#endif
