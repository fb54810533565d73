/* Blocks of mappings. A block is written whole, its head last, and then named by the process's entry; taking one away clears its head first,
 * so that a program that still holds its place sees another generation there. */
#include "bpf/private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_CAP = 1024 };

int ap_bpf_blocks_init(struct ap_bpf_blocks *b, int procs_fd, int mappings_fd)
{
	void *at = mmap(NULL, sizeof *b->mappings * AP_BPF_MAPPINGS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, mappings_fd, 0);

	memset(b, 0, sizeof *b);
	if (at == MAP_FAILED)
		return -errno;
	b->procs_fd = procs_fd;
	b->mappings = at;
	b->v = calloc(FIRST_CAP, sizeof *b->v);
	b->cap = b->v ? FIRST_CAP : 0;
	return b->v ? space_init(&b->space, AP_BPF_MAPPINGS_MAX) : -ENOMEM;
}

void ap_bpf_blocks_done(struct ap_bpf_blocks *b)
{
	if (b->mappings)
		munmap(b->mappings, sizeof *b->mappings * AP_BPF_MAPPINGS_MAX);
	free(b->v);
	space_done(&b->space);
	memset(b, 0, sizeof *b);
}

static size_t slot_of(const struct ap_bpf_blocks *b, uint32_t pid)
{
	size_t i = pid * 2654435761u & (b->cap - 1);

	while (b->v[i].pid && b->v[i].pid != pid)
		i = (i + 1) & (b->cap - 1);
	return i;
}

static int grow(struct ap_bpf_blocks *b)
{
	struct ap_bpf_published *old = b->v;
	size_t old_cap = b->cap;

	if (b->n * 2 < b->cap)
		return 0;
	b->v = calloc(b->cap * 2, sizeof *b->v);
	if (!b->v) {
		b->v = old;
		return -ENOMEM;
	}
	b->cap *= 2;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].pid)
			b->v[slot_of(b, old[i].pid)] = old[i];
	free(old);
	return 0;
}

/* Out of an open-addressed table: what follows in the run moves up. */
static void remove_slot(struct ap_bpf_blocks *b, size_t i)
{
	struct ap_bpf_published moved;

	b->v[i].pid = 0;
	b->n--;
	for (i = (i + 1) & (b->cap - 1); b->v[i].pid; i = (i + 1) & (b->cap - 1)) {
		moved = b->v[i];
		b->v[i].pid = 0;
		b->v[slot_of(b, moved.pid)] = moved;
	}
}

static void free_block(struct ap_bpf_blocks *b, const struct ap_bpf_published *p)
{
	if (!p->generation)
		return;
	__atomic_store_n(&b->mappings[p->first - 1].start, 0, __ATOMIC_SEQ_CST);
	space_give(&b->space, p->first - 1, p->n + 1);
}

static int write_block(struct ap_bpf_blocks *b, const struct ap_learned *what, struct ap_bpf_published *p)
{
	uint32_t n = (uint32_t)what->n_mappings, head;
	int err = what->n_mappings > AP_BPF_BLOCK_MAX ? -E2BIG : space_take(&b->space, n + 1, &head);

	if (err)
		return err;
	b->mappings[head] = (struct ap_bpf_mapping){0};
	for (uint32_t i = 0; i < n; i++)
		b->mappings[head + 1 + i] = (struct ap_bpf_mapping){.start = what->mappings[i].start, .end = what->mappings[i].end,
			.bias = what->mappings[i].bias, .binary = what->mappings[i].binary};
	b->generation += b->generation == UINT32_MAX ? 2 : 1; /* 0 is nobody's */
	__atomic_store_n(&b->mappings[head].start, AP_BPF_HEAD | b->generation, __ATOMIC_SEQ_CST);
	*p = (struct ap_bpf_published){.pid = what->pid, .generation = b->generation, .first = head + 1, .n = n, .version = what->version};
	return 0;
}

int ap_bpf_blocks_publish(struct ap_bpf_blocks *b, const struct ap_learned *what, uint32_t exec_id)
{
	struct ap_bpf_published fresh, *p;
	struct ap_bpf_proc value;
	int err = what->pid ? grow(b) : -EINVAL;

	if (err)
		return err;
	p = &b->v[slot_of(b, what->pid)];
	if (p->pid && p->version == what->version && p->exec_id == exec_id)
		return 0;
	err = write_block(b, what, &fresh);
	if (!err) {
		fresh.exec_id = exec_id;
		value = (struct ap_bpf_proc){.generation = fresh.generation, .first = fresh.first, .n = fresh.n, .exec_id = exec_id};
		err = bpf_map_update_elem(b->procs_fd, &what->pid, &value, BPF_ANY) ? -errno : 0;
		if (err)
			free_block(b, &fresh);
	}
	if (err) { /* what it had before is wrong now */
		b->refused++;
		ap_bpf_blocks_forget(b, what->pid);
		return err;
	}
	if (p->pid)
		free_block(b, p);
	else
		b->n++;
	*p = fresh;
	return 0;
}

bool ap_bpf_blocks_knows(const struct ap_bpf_blocks *b, uint32_t pid, uint32_t *ret_exec_id)
{
	const struct ap_bpf_published *p = &b->v[slot_of(b, pid)];

	if (!pid || p->pid != pid)
		return false;
	*ret_exec_id = p->exec_id;
	return true;
}

bool ap_bpf_blocks_changed(struct ap_bpf_blocks *b, uint32_t pid)
{
	uint32_t exec_id;

	if (ap_bpf_blocks_knows(b, pid, &exec_id))
		return true;
	bpf_map_delete_elem(b->procs_fd, &pid); /* -ENOENT is as good */
	return false;
}

void ap_bpf_blocks_forget(struct ap_bpf_blocks *b, uint32_t pid)
{
	size_t i = slot_of(b, pid);

	bpf_map_delete_elem(b->procs_fd, &pid); /* also what a fork has inherited; -ENOENT is as good */
	if (!pid || !b->v[i].pid)
		return;
	free_block(b, &b->v[i]);
	remove_slot(b, i);
}
