/* Memory for tables in the kernel: arrays of one value of 1 MiB each, made when they are needed, first fit inside. A shard is mapped only while
 * it is written, so that the agent's own memory does not count it. */
#include "bpf/private.h"

#include "base/mem.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { UNIT = 8 };

int ap_bpf_shards_init(struct ap_bpf_shards *s, int outer_fd, uint64_t max_bytes)
{
	uint64_t max = max_bytes / AP_BPF_SHARD_BYTES;

	*s = (struct ap_bpf_shards){.outer_fd = outer_fd, .max = max > AP_BPF_SHARDS_MAX ? AP_BPF_SHARDS_MAX : max ? max : 1};
	s->v = calloc(s->max, sizeof *s->v);
	return s->v ? 0 : -ENOMEM;
}

void ap_bpf_shards_done(struct ap_bpf_shards *s)
{
	for (size_t i = 0; i < s->n; i++) {
		ap_close(s->v[i].fd);
		space_done(&s->v[i].space);
	}
	free(s->v);
	memset(s, 0, sizeof *s);
}

static int add_shard(struct ap_bpf_shards *s)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct ap_bpf_shard_memory *m = &s->v[s->n];
	uint32_t index = (uint32_t)s->n;
	int err;

	if (s->n >= s->max)
		return -ENOSPC;
	m->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "ap_shard", sizeof(uint32_t), AP_BPF_SHARD_BYTES, 1, &opts);
	if (m->fd < 0)
		return -errno;
	err = space_init(&m->space, AP_BPF_SHARD_BYTES / UNIT);
	if (!err && bpf_map_update_elem(s->outer_fd, &index, &m->fd, BPF_ANY))
		err = -errno;
	if (err) {
		space_done(&m->space);
		ap_close(m->fd);
		return err;
	}
	s->n++;
	return 0;
}

int ap_bpf_shards_take(struct ap_bpf_shards *s, uint32_t bytes, struct ap_bpf_stretch *ret)
{
	uint32_t units = (bytes + UNIT - 1) / UNIT, at;
	int err;

	for (size_t i = 0;; i++) {
		if (i == s->n && (err = add_shard(s)))
			return err;
		if (space_take(&s->v[i].space, units, &at))
			continue;
		*ret = (struct ap_bpf_stretch){.shard = (uint32_t)i, .offset = at * UNIT, .bytes = units * UNIT};
		return 0;
	}
}

void ap_bpf_shards_give(struct ap_bpf_shards *s, const struct ap_bpf_stretch *p)
{
	if (p->bytes)
		space_give(&s->v[p->shard].space, p->offset / UNIT, p->bytes / UNIT);
}

void *ap_bpf_shards_map(struct ap_bpf_shards *s, const struct ap_bpf_stretch *p)
{
	unsigned char *at = mmap(NULL, AP_BPF_SHARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->v[p->shard].fd, 0);

	return at == MAP_FAILED ? NULL : at + p->offset;
}

void ap_bpf_shards_unmap(const struct ap_bpf_stretch *p, void *at)
{
	munmap((unsigned char *)at - p->offset, AP_BPF_SHARD_BYTES);
}
