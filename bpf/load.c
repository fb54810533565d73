/* From the skeleton to loaded programs. What the kernel can do is asked of the kernel by trying, never told from its version; what fails says
 * which call, why, and the one remedy, so that the session can go on with perf_event. */
#include "bpf/private.h"

#include "base/caps.h"
#include "base/file.h"
#include "base/mem.h"
#include "bpf/sample.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RING_MAX = 16 << 20, RING_SHARE = 4 /* of max_memory: the rest is for tables */, RATE_MAX = 20000 };
static const uint64_t MAPS_DEFAULT = 64ull << 20, FIXED_MAPS = 8ull << 20 /* all but ring and shards */;

enum { LOCKDOWN_MAX = 128 };

/* What the errno does not say: the usual causes of a refusal, each asked for only once something was refused. "": none of them. */
static const char *cause(void)
{
	struct ap_buf b = {0};
	bool locked;

	ap_file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", 1, &b);
	if (!b.len)
		return "; /sys/kernel/btf/vmlinux, which says where the kernel's fields are, is empty or cannot be read: "
		       "use a kernel with CONFIG_DEBUG_INFO_BTF";
	ap_buf_done(&b);
	ap_file_read(AT_FDCWD, "/sys/kernel/security/lockdown", LOCKDOWN_MAX, &b);
	locked = b.data && strstr(b.data, "[confidentiality]");
	ap_buf_done(&b);
	if (locked)
		return "; the kernel is locked down (confidentiality), and its memory may not be read: boot with lockdown=integrity or less";
	if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 0)
		return "; it has no ring buffer for eBPF, which came with Linux 5.8: use a newer kernel, or --source=perf";
	return "";
}

static bool makes_map(uint64_t bytes)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(uint32_t), sizeof(uint64_t), (uint32_t)(bytes / sizeof(uint64_t)), NULL);

	ap_close(fd);
	return fd >= 0;
}

/* Before Linux 5.11 maps are locked memory. It is that, and no filter, where a small map is made and one over the limit is not. */
static bool is_over_memlock(uint64_t *ret_limit)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur >= MAPS_DEFAULT || !makes_map(sizeof(uint64_t)) ||
		makes_map(limit.rlim_cur + sizeof(uint64_t)))
		return false;
	*ret_limit = limit.rlim_cur;
	return true;
}

/* As far as it goes; where that is too little, the load says so. */
static void raise_memlock(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	if (!setrlimit(RLIMIT_MEMLOCK, &limit) || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int refused(struct ap_why *why, const char *what, int err)
{
	uint64_t limit;

	if (err == EPERM && is_over_memlock(&limit))
		return ap_why(why, err, "this kernel counts eBPF's maps as locked memory, of which this process may have %" PRIu64 " KiB (%s: %s); "
			"run: sudo prlimit --pid $$ --memlock=unlimited", limit >> 10, what, strerror(err));
	if (err == EACCES && makes_map(sizeof(uint64_t))) /* the verifier's word for a program that it takes for unsafe */
		return ap_why(why, err, "the kernel's verifier does not take the sampling program (%s: %s); please report it with the kernel's "
			"version; --source=perf records without eBPF", what, strerror(err));
	if ((err == EPERM || err == EACCES) && ap_cap_effective(AP_CAP_BPF) && ap_cap_effective(AP_CAP_PERFMON))
		return ap_why(why, err, "bpf(2) was refused (%s: %s) although CAP_BPF and CAP_PERFMON are held: a seccomp filter, as of a "
			"container, does that; start it with a profile that allows bpf", what, strerror(err));
	if (err == EPERM || err == EACCES)
		return ap_why(why, err, "bpf(2) was refused (%s: %s): this process lacks CAP_BPF and CAP_PERFMON; "
			"run: " AP_SETCAP, what, strerror(err));
	if (err == ENOSYS)
		return ap_why(why, err, "this kernel has no bpf(2), or a seccomp filter, as of a container, hides it (%s: %s): use a kernel with "
			"CONFIG_BPF_SYSCALL, or a profile that allows bpf", what, strerror(err));
	return ap_why(why, err, "the kernel does not take the sampling program (%s: %s)%s", what, strerror(err), cause());
}

/* Room for about a quarter of a second of samples that all travel with their stacks; a power of two of pages. */
static uint32_t ring_bytes(const struct ap_source *s)
{
	uint64_t rate = s->cfg.period || s->cfg.frequency_hz > RATE_MAX ? RATE_MAX : s->cfg.frequency_hz;
	uint64_t wanted = rate * AP_BPF_DUMP_MAX * s->n_cpus / 4, limit = s->cfg.max_memory ? s->cfg.max_memory / RING_SHARE : RING_MAX;
	uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);

	while (size < RING_MAX && size < wanted && size * 2 <= limit)
		size *= 2;
	return size;
}

static void set_sizes(struct ap_source *s)
{
	uint32_t n = (uint32_t)s->n_cpus;

	bpf_map__set_max_entries(s->skel->maps.scratches, n);
	bpf_map__set_max_entries(s->skel->maps.caches, n);
	bpf_map__set_max_entries(s->skel->maps.counts, n);
	bpf_map__set_max_entries(s->skel->maps.ring, ring_bytes(s));
	if (!s->cfg.n_pids && !s->cfg.n_tids)
		bpf_map__set_max_entries(s->skel->maps.targets, 1); /* nobody is looked up */
	if (!s->cookie)
		bpf_map__set_max_entries(s->skel->maps.events, n * (s->cfg.n_events ? (uint32_t)s->cfg.n_events : 1));
}

static void set_settings(struct ap_source *s)
{
	struct ap_bpf__rodata *r = s->skel->rodata;

	r->cfg_timing = s->cfg.measure;
	r->cfg_filter_tid = s->cfg.n_tids != 0;
	r->cfg_filter_pid = s->cfg.n_pids != 0;
	r->cfg_filter_uid = s->cfg.has_uid;
	r->cfg_uid = s->cfg.uid;
	r->cfg_unwind = s->cfg.call_graph != AP_CALL_GRAPH_NONE;
	r->cfg_frame_pointers = s->cfg.call_graph == AP_CALL_GRAPH_FP;
	r->cfg_keep_dump = s->cfg.keep_dump;
	r->cfg_cookie = s->cookie;
	r->cfg_task_pt_regs = ap_bpf_has_helper(BPF_FUNC_task_pt_regs);
	if (sysconf(_SC_PAGESIZE) > r->cfg_kernel_stack) /* aarch64 with pages of 64 KiB: a stack is a page at least */
		r->cfg_kernel_stack = (uint32_t)sysconf(_SC_PAGESIZE);
	r->cfg_wake_bytes = ring_bytes(s) / 2;
}

/* Of the two samplers, the one that this kernel can take. */
static void choose_sampler(struct ap_source *s)
{
	bool has_loop = ap_bpf_has_helper(BPF_FUNC_loop);
	struct bpf_program *other = has_loop ? s->skel->progs.on_sample_bounded : s->skel->progs.on_sample;

	s->sampler = has_loop ? s->skel->progs.on_sample : s->skel->progs.on_sample_bounded;
	bpf_program__set_autoload(other, false);
}

static int map_counts(struct ap_source *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	s->counts_bytes = (s->n_cpus * sizeof *s->counts + page - 1) & ~(page - 1);
	at = mmap(NULL, s->counts_bytes, PROT_READ, MAP_SHARED, bpf_map__fd(s->skel->maps.counts), 0);
	if (at == MAP_FAILED)
		return -errno;
	s->counts = at;
	return 0;
}

static int set_targets(struct ap_source *s, struct ap_why *why)
{
	uint32_t state = s->cfg.enable_on_exec ? AP_BPF_TARGET_AT_EXEC : AP_BPF_TARGET_WATCHED;
	int fd = bpf_map__fd(s->skel->maps.targets);
	uint64_t key;

	for (size_t i = 0; i < s->cfg.n_pids + s->cfg.n_tids; i++) {
		key = i < s->cfg.n_pids ? (uint64_t)s->cfg.pids[i] : AP_BPF_TARGET_THREAD | (uint64_t)s->cfg.tids[i - s->cfg.n_pids];
		if (bpf_map_update_elem(fd, &key, &state, BPF_ANY))
			return ap_why(why, errno, "cannot watch process or thread %u: %s", (uint32_t)key, strerror(errno));
	}
	return 0;
}

/* What the ring and the other maps leave, but a quarter at least. */
static uint64_t table_bytes(const struct ap_source *s)
{
	uint64_t bytes = s->cfg.max_memory ? s->cfg.max_memory : MAPS_DEFAULT, others = FIXED_MAPS + ring_bytes(s);

	return bytes - bytes / 4 > others ? bytes - others : bytes / 4;
}

static int set_up_maps(struct ap_source *s, struct ap_why *why)
{
	struct ap_bpf_table_fds fds = {bpf_map__fd(s->skel->maps.binaries), bpf_map__fd(s->skel->maps.chunks), bpf_map__fd(s->skel->maps.shards),
		bpf_map__fd(s->skel->maps.long_rules)};
	int err = map_counts(s);

	s->ring_fd = bpf_map__fd(s->skel->maps.ring);
	s->targets_fd = bpf_map__fd(s->skel->maps.targets);
	s->timings_fd = bpf_map__fd(s->skel->maps.timings);
	if (!err)
		err = ap_bpf_ring_map(&s->ring, s->ring_fd, ring_bytes(s));
	if (!err)
		err = ap_bpf_blocks_init(&s->blocks, bpf_map__fd(s->skel->maps.procs), bpf_map__fd(s->skel->maps.mappings));
	if (!err)
		err = ap_bpf_tables_init(&s->tables, &fds, &s->skel->bss->epoch, table_bytes(s));
	return err ? ap_why(why, -err, "cannot map the sampling program's memory: %s", strerror(-err)) : set_targets(s, why);
}

int ap_bpf_load(struct ap_source *s, struct ap_why *why)
{
	int n = libbpf_num_possible_cpus(), err;

	libbpf_set_print(NULL); /* what matters comes back as an error */
	raise_memlock();
	if (n <= 0)
		return ap_why(why, ENODEV, "cannot read /sys/devices/system/cpu/possible: is /sys mounted?");
	s->n_cpus = (size_t)n;
	s->skel = ap_bpf__open();
	if (!s->skel)
		return refused(why, "open", errno);
	s->cookie = ap_bpf_has_helper(BPF_FUNC_get_attach_cookie);
	set_sizes(s);
	set_settings(s);
	choose_sampler(s);
	err = ap_bpf__load(s->skel);
	return err ? refused(why, "load", -err) : set_up_maps(s, why);
}

static int keep_link(struct ap_source *s, int fd)
{
	if (!ap_grow(&s->links, &s->links_cap, s->n_links, sizeof *s->links)) {
		ap_close(fd);
		return -ENOMEM;
	}
	s->links[s->n_links++] = fd;
	return 0;
}

static int attach_raw(struct ap_source *s, struct bpf_program *program, const char *tracepoint, struct ap_why *why)
{
	int fd = bpf_raw_tracepoint_open(tracepoint, bpf_program__fd(program));

	if (fd < 0)
		return refused(why, tracepoint, errno);
	return keep_link(s, fd) ? ap_why(why, ENOMEM, "out of memory") : 0;
}

int ap_bpf_attach_tasks(struct ap_source *s, struct ap_why *why)
{
	int err = attach_raw(s, s->skel->progs.on_fork, "sched_process_fork", why);

	if (!err)
		err = attach_raw(s, s->skel->progs.on_exec, "sched_process_exec", why);
	return err ? err : attach_raw(s, s->skel->progs.on_exit, "sched_process_exit", why);
}

/* Before the program runs, so that no hit is without its event. */
static int name_event(const struct ap_source *s, int fd, uint32_t event)
{
	uint64_t id;

	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) || bpf_map_update_elem(bpf_map__fd(s->skel->maps.events), &id, &event, BPF_ANY))
		return -errno;
	return 0;
}

int ap_bpf_attach_event(void *source, int fd, uint32_t event, struct ap_why *why)
{
	struct ap_source *s = source;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = event);
	int program = bpf_program__fd(s->sampler), link, err;

	if (s->cookie) {
		link = bpf_link_create(program, fd, BPF_PERF_EVENT, &opts);
		if (link >= 0)
			return keep_link(s, link) ? ap_why(why, ENOMEM, "out of memory") : 0;
		return refused(why, "BPF_LINK_CREATE", errno);
	}
	err = name_event(s, fd, event);
	if (err)
		return ap_why(why, -err, "the sampling program cannot be told which event is number %u: %s", event, strerror(-err));
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) ? refused(why, "PERF_EVENT_IOC_SET_BPF", errno) : 0;
}

void ap_bpf_unload(struct ap_source *s)
{
	for (size_t i = 0; i < s->n_links; i++)
		ap_close(s->links[i]);
	free(s->links);
	if (s->counts)
		munmap(s->counts, s->counts_bytes);
	ap_bpf_ring_unmap(&s->ring);
	ap_bpf_blocks_done(&s->blocks);
	ap_bpf_tables_done(&s->tables);
	ap_bpf__destroy(s->skel);
}
