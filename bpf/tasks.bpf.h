/* Who is watched, followed through fork, exec and exit at the moment that they happen. */
#ifndef AP_BPF_TASKS_BPF_H
#define AP_BPF_TASKS_BPF_H

#include "bpf/maps.bpf.h"

static __always_inline bool is_watched(uint64_t key)
{
	uint32_t *state = bpf_map_lookup_elem(&targets, &key);

	return state && (*state == AP_BPF_TARGET_WATCHED || *state == AP_BPF_TARGET_ENDED);
}

static __always_inline bool is_wanted(struct task_struct *task, uint64_t id)
{
	if (cfg_filter_uid && BPF_CORE_READ(task, cred, euid.val) != cfg_uid)
		return false;
	if (!cfg_filter_pid && !cfg_filter_tid)
		return true;
	return (cfg_filter_pid && is_watched(id >> 32)) || (cfg_filter_tid && is_watched(AP_BPF_TARGET_THREAD | (uint32_t)id));
}

static __always_inline void count_full(void)
{
	uint32_t cpu = bpf_get_smp_processor_id();
	struct ap_bpf_counts *n = bpf_map_lookup_elem(&counts, &cpu);

	if (n)
		__sync_fetch_and_add(&n->n[AP_BPF_COUNT_MAP_FULL], 1);
}

/* What is watched goes on being watched in what it creates; else whatever the number's earlier owner was does not count. */
static __always_inline void inherit_watch(uint64_t parent, uint64_t child)
{
	uint32_t *state = bpf_map_lookup_elem(&targets, &parent);

	if (!state)
		bpf_map_delete_elem(&targets, &child);
	else if (bpf_map_update_elem(&targets, &child, state, BPF_ANY))
		count_full();
}

/* A new process has its parent's mappings. Where there is no room it is cold until user space makes some. */
static __always_inline void inherit_mappings(uint32_t parent, uint32_t child)
{
	struct ap_bpf_proc *proc = bpf_map_lookup_elem(&procs, &parent), copy;

	if (proc) {
		copy = *proc;
		if (!bpf_map_update_elem(&procs, &child, &copy, BPF_ANY))
			return;
	}
	bpf_map_delete_elem(&procs, &child);
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	uint32_t pid = BPF_CORE_READ(parent, tgid), tid = BPF_CORE_READ(parent, pid);
	uint32_t child_pid = BPF_CORE_READ(child, tgid), child_tid = BPF_CORE_READ(child, pid);

	if (cfg_filter_tid)
		inherit_watch(AP_BPF_TARGET_THREAD | tid, AP_BPF_TARGET_THREAD | child_tid);
	if (pid == child_pid)
		return 0;
	if (cfg_filter_pid)
		inherit_watch(pid, child_pid);
	inherit_mappings(pid, child_pid);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	uint64_t pid = bpf_get_current_pid_tgid() >> 32;
	uint32_t watched = AP_BPF_TARGET_WATCHED, *state, key = (uint32_t)pid;

	bpf_map_delete_elem(&procs, &key);
	if (cfg_filter_pid) {
		state = bpf_map_lookup_elem(&targets, &pid);
		if (state && *state == AP_BPF_TARGET_AT_EXEC)
			bpf_map_update_elem(&targets, &pid, &watched, BPF_ANY);
	}
	return 0;
}

/* Its last steps are still its own, so that a process is only marked here; user space forgets it once it has read of its end. */
SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	uint64_t id = bpf_get_current_pid_tgid(), key = AP_BPF_TARGET_THREAD | (uint32_t)id;
	uint32_t *state;

	if (cfg_filter_tid)
		bpf_map_delete_elem(&targets, &key);
	key = id >> 32;
	if (cfg_filter_pid && !BPF_CORE_READ(task, signal, live.counter)) { /* no thread is left */
		state = bpf_map_lookup_elem(&targets, &key);
		if (state)
			*state = AP_BPF_TARGET_ENDED;
	}
	return 0;
}

#endif
