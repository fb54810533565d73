/* Who is watched, followed through fork, exec and exit at the moment that they happen. */
#ifndef AP_BPF_TASKS_BPF_H
#define AP_BPF_TASKS_BPF_H

#include "bpf/maps.bpf.h"

static __always_inline bool is_wanted(uint64_t id)
{
	uint32_t key = cfg_filter_tid ? (uint32_t)id : (uint32_t)(id >> 32), *state;

	if (cfg_filter_uid && (uint32_t)bpf_get_current_uid_gid() != cfg_uid)
		return false;
	if (!cfg_filter_pid && !cfg_filter_tid)
		return true;
	state = bpf_map_lookup_elem(&targets, &key);
	return state && *state == AP_BPF_TARGET_WATCHED;
}

static __always_inline void count_full(void)
{
	uint32_t cpu = bpf_get_smp_processor_id();
	struct ap_bpf_counts *n = bpf_map_lookup_elem(&counts, &cpu);

	if (n)
		__sync_fetch_and_add(&n->n[AP_BPF_COUNT_MAP_FULL], 1);
}

/* A new process has its parent's mappings, and is watched where the parent is. */
SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	uint32_t pid = BPF_CORE_READ(parent, tgid), tid = BPF_CORE_READ(parent, pid);
	uint32_t child_pid = BPF_CORE_READ(child, tgid), child_tid = BPF_CORE_READ(child, pid), *state;
	struct ap_bpf_proc *proc, copy;

	if (cfg_filter_tid) {
		state = bpf_map_lookup_elem(&targets, &tid);
		if (state && bpf_map_update_elem(&targets, &child_tid, state, BPF_ANY))
			count_full();
	}
	if (pid == child_pid)
		return 0;
	if (cfg_filter_pid) {
		state = bpf_map_lookup_elem(&targets, &pid);
		if (!state) {
			bpf_map_delete_elem(&targets, &child_pid); /* the pid's earlier owner may have been watched */
			return 0;
		}
		if (bpf_map_update_elem(&targets, &child_pid, state, BPF_ANY))
			count_full();
	}
	proc = bpf_map_lookup_elem(&procs, &pid);
	if (proc) {
		copy = *proc;
		if (!bpf_map_update_elem(&procs, &child_pid, &copy, BPF_ANY))
			return 0;
	}
	bpf_map_delete_elem(&procs, &child_pid); /* whatever the pid's earlier owner had: cold until user space knows better */
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	uint32_t pid = (uint32_t)(bpf_get_current_pid_tgid() >> 32), watched = AP_BPF_TARGET_WATCHED, *state;

	bpf_map_delete_elem(&procs, &pid);
	if (cfg_filter_pid) {
		state = bpf_map_lookup_elem(&targets, &pid);
		if (state && *state == AP_BPF_TARGET_AT_EXEC)
			bpf_map_update_elem(&targets, &pid, &watched, BPF_ANY);
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	uint64_t id = bpf_get_current_pid_tgid();
	uint32_t tid = (uint32_t)id;

	if (cfg_filter_tid)
		bpf_map_delete_elem(&targets, &tid);
	return 0;
}

#endif
