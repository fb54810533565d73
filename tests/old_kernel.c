#include "tests/old_kernel.h"

#include "bpf/private.h"

#include <bpf/libbpf.h>

bool old_kernel;

bool ap_bpf_has_helper(int helper)
{
	if (old_kernel && (helper == BPF_FUNC_loop || helper == BPF_FUNC_get_attach_cookie))
		return false;
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, (enum bpf_func_id)helper, NULL) == 1;
}
