/* The maps of bpf_user.h filled by the product's own code: bpf/tables.c and blocks.c map their descriptors and call libbpf, and both are
 * stood in for here, a map by a file in memory. The program's own bpf_map_* go before libbpf's. One file of a program includes this. */
#ifndef AP_TESTS_BPF_USER_MAPS_H
#define AP_TESTS_BPF_USER_MAPS_H

#include "tests/bpf_user.h"

#include "base/mem.h"
#include "bpf/private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { USER_SHARDS_MAX = 64, USER_PROCS_MAX = 8, USER_MAX_BYTES = USER_SHARDS_MAX << 20 };

static struct {
	int fds[BPF_USER_MAPS]; /* in the order of bpf_user.maps */
	int procs_fd;
	int shard_fds[USER_SHARDS_MAX];
	void *shards[AP_BPF_SHARDS_MAX]; /* by index in the outer map */
	size_t n_shards;
	uint32_t pids[USER_PROCS_MAX];
	struct ap_bpf_proc procs[USER_PROCS_MAX];
	struct ap_bpf_tables tables;
	struct ap_bpf_blocks blocks;
	struct scratch *scratch;
	struct ap_bpf_cache *cache;
} user;

static int file_in_memory(size_t bytes, void **ret_at)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return -1;
	*ret_at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *ret_at == MAP_FAILED ? -1 : fd;
}

int bpf_map_create(
	enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size, __u32 n, const struct bpf_map_create_opts *opts)
{
	void *at;
	int fd = user.n_shards < USER_SHARDS_MAX ? file_in_memory(value_size, &at) : -1;

	if (fd < 0) {
		errno = ENOMEM;
		return -1;
	}
	user.shards[user.n_shards] = at;
	return user.shard_fds[user.n_shards++] = fd;
}

/* Of the outer map, whose values are descriptors, and of the processes. */
int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	uint32_t i = *(const uint32_t *)key, k = 0;

	if (fd != user.procs_fd) /* a shard is put where it was made */
		return i < user.n_shards && user.shard_fds[i] == *(const int *)value ? 0 : (errno = EINVAL, -1);
	while (k < USER_PROCS_MAX && user.pids[k] && user.pids[k] != i)
		k++;
	if (k == USER_PROCS_MAX) {
		errno = E2BIG;
		return -1;
	}
	user.pids[k] = i;
	memcpy(&user.procs[k], value, sizeof user.procs[k]);
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	for (size_t k = 0; k < USER_PROCS_MAX; k++)
		if (user.pids[k] == *(const uint32_t *)key)
			memset(&user.procs[k], 0, sizeof user.procs[k]);
	return 0;
}

static int user_maps_init(void)
{
	struct bpf_user_map all[BPF_USER_MAPS] = {
		{.map = &mappings, .value_size = sizeof(struct ap_bpf_mapping), .n = AP_BPF_MAPPINGS_MAX},
		{.map = &binaries, .value_size = sizeof(struct ap_bpf_binary), .n = AP_BPF_BINARIES_MAX},
		{.map = &chunks, .value_size = sizeof(struct ap_bpf_chunk), .n = AP_BPF_CHUNKS_ALL},
		{.map = &shards, .value_size = AP_BPF_SHARD_BYTES, .n = AP_BPF_SHARDS_MAX, .each = user.shards},
		{.map = &long_rules, .value_size = sizeof(struct ap_rule), .n = AP_BPF_LONG_MAX},
	};
	struct ap_bpf_table_fds fds;
	void *at = NULL;
	int err;

	for (size_t i = 0; i < BPF_USER_MAPS; i++) {
		user.fds[i] = file_in_memory(all[i].each ? 1 : (all[i].value_size + 7) * all[i].n, &at);
		if (user.fds[i] < 0)
			return -ENOMEM;
		all[i].run = all[i].each ? NULL : at;
	}
	memcpy(bpf_user.maps, all, sizeof all);
	user.procs_fd = file_in_memory(1, &at);
	user.scratch = calloc(1, sizeof *user.scratch);
	user.cache = calloc(1, sizeof *user.cache);
	fds = (struct ap_bpf_table_fds){.binaries = user.fds[1], .chunks = user.fds[2], .shards = user.fds[3], .long_rules = user.fds[4]};
	err = user.procs_fd < 0 || !user.scratch || !user.cache ? -ENOMEM : ap_bpf_tables_init(&user.tables, &fds, &epoch, USER_MAX_BYTES);
	return err ? err : ap_bpf_blocks_init(&user.blocks, user.procs_fd, user.fds[0]);
}

static void user_maps_done(void)
{
	for (size_t i = 0; i < user.n_shards; i++) /* the descriptors are the tables' */
		munmap(user.shards[i], AP_BPF_SHARD_BYTES);
	for (size_t i = 0; i < BPF_USER_MAPS; i++) {
		if (bpf_user.maps[i].run)
			munmap(bpf_user.maps[i].run, (bpf_user.maps[i].value_size + 7) * bpf_user.maps[i].n);
		ap_close(user.fds[i]);
	}
	ap_bpf_tables_done(&user.tables);
	ap_bpf_blocks_done(&user.blocks);
	ap_close(user.procs_fd);
	free(user.scratch);
	free(user.cache);
	memset(&user, 0, sizeof user);
}

/* The walk of a process that was published. */
static size_t user_walk(
	uint32_t pid, const struct ap_regs *regs, const struct bpf_user_memory *memory, enum ap_stack_end *ret_end, bool *ret_cold)
{
	for (size_t k = 0; k < USER_PROCS_MAX; k++)
		if (user.pids[k] == pid)
			user.scratch->proc = user.procs[k];
	return bpf_user_walk(user.scratch, user.cache, regs, memory, ret_end, ret_cold);
}

#endif
