/* Asks the kernel whether it has a helper. Alone in its file: a test that links another function of this name runs what older kernels run.
 */
#include "bpf/private.h"

#include <bpf/libbpf.h>

bool ap_bpf_has_helper(int helper)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, (enum bpf_func_id)helper, NULL) == 1;
}
