/* Tables in the kernel. The rows of a binary are cut into chunks that fit a shard, its rules stand in one piece; everything is written before
 * the binary's entry says so. Taking a table away: the entry first, then the epoch, which makes the programs' caches forget, then a grace
 * period of the kernel, for a program on another CPU may be in the middle of it; only then is its room used again. */
#include "bpf/private.h"

#include "base/clock.h"
#include "unwind/table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ROW_BYTES = 6,
	CHUNK_ROWS = 128 << 10,
	USED_SHIFT = 30,  /* ap_bpf_binary.used_at is in units of about a second */
	EVICT_AFTER = 2, /* such units: what is in use now would be missed at once, and its place be taken by turns */
	EVICT_MAX = 32,	 /* tables at once */
	EVICT_BYTES = 4 << 20,
};
static const uint64_t FULL_NS = 500000000;

static void *map_whole(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

int ap_bpf_tables_init(struct ap_bpf_tables *t, const struct ap_bpf_table_fds *fds, volatile uint32_t *epoch, uint64_t max_bytes)
{
	int err;

	memset(t, 0, sizeof *t);
	t->epoch = epoch;
	t->binaries = map_whole(fds->binaries, sizeof *t->binaries * AP_BPF_BINARIES_MAX);
	t->chunks = map_whole(fds->chunks, sizeof *t->chunks * AP_BPF_CHUNKS_ALL);
	t->long_rules = map_whole(fds->long_rules, sizeof *t->long_rules * AP_BPF_LONG_MAX);
	t->placed = calloc(AP_BPF_BINARIES_MAX, sizeof(struct ap_bpf_placed *));
	if (!t->binaries || !t->chunks || !t->long_rules || !t->placed)
		return -ENOMEM;
	err = ap_bpf_shards_init(&t->shards, fds->shards, max_bytes);
	if (!err)
		err = space_init(&t->chunk_space, AP_BPF_CHUNKS_ALL);
	return err ? err : space_init(&t->long_space, AP_BPF_LONG_MAX);
}

static void release(struct ap_bpf_tables *t, struct ap_bpf_placed *p)
{
	ap_bpf_shards_give(&t->shards, &p->rules);
	for (uint32_t i = 0; i < p->n_chunks; i++)
		ap_bpf_shards_give(&t->shards, &p->rows[i]);
	if (p->n_chunks)
		space_give(&t->chunk_space, p->first_chunk, p->n_chunks);
	if (p->n_long)
		space_give(&t->long_space, p->first_long, p->n_long);
	free(p);
}

void ap_bpf_tables_done(struct ap_bpf_tables *t)
{
	for (size_t i = 0; t->placed && i < AP_BPF_BINARIES_MAX; i++)
		free(t->placed[i]);
	free(t->placed);
	if (t->binaries)
		munmap(t->binaries, sizeof *t->binaries * AP_BPF_BINARIES_MAX);
	if (t->chunks)
		munmap(t->chunks, sizeof *t->chunks * AP_BPF_CHUNKS_ALL);
	if (t->long_rules)
		munmap(t->long_rules, sizeof *t->long_rules * AP_BPF_LONG_MAX);
	ap_bpf_shards_done(&t->shards);
	space_done(&t->chunk_space);
	space_done(&t->long_space);
	memset(t, 0, sizeof *t);
}

static void set_state(struct ap_bpf_tables *t, uint32_t id, enum ap_bpf_binary_state state)
{
	__atomic_store_n(&t->binaries[id].state, state, __ATOMIC_SEQ_CST);
}

static uint32_t now(void)
{
	return (uint32_t)(ap_now_ns() >> USED_SHIFT);
}

/* Waits for the programs that run now: they run inside RCU. 0 or negative errno. */
static int wait_for_programs(struct ap_bpf_tables *t)
{
	uint32_t zero = 0;

	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return 0;
	/* refused where CPUs run without ticks (nohz_full); a map of maps waits as well before it lets go of what it held */
	return t->shards.n && bpf_map_update_elem(t->shards.outer_fd, &zero, &t->shards.v[0].fd, BPF_ANY) ? -errno : 0;
}

/* The table that the programs looked into longest ago, of those that are not in use. 0: none. */
static uint32_t oldest_unused(const struct ap_bpf_tables *t, uint32_t keep)
{
	uint32_t oldest = 0, limit = now();

	for (uint32_t i = 1; i < AP_BPF_BINARIES_MAX; i++)
		if (t->placed[i] && i != keep && t->binaries[i].state == AP_BPF_BINARY_TABLE && limit - t->binaries[i].used_at >= EVICT_AFTER &&
			(!oldest || t->binaries[i].used_at < t->binaries[oldest].used_at))
			oldest = i;
	return oldest;
}

static uint32_t bytes_of(const struct ap_bpf_placed *p)
{
	uint32_t bytes = p->rules.bytes;

	for (uint32_t i = 0; i < p->n_chunks; i++)
		bytes += p->rows[i].bytes;
	return bytes;
}

/* Takes tables away, for more than is wanted at once: each wait for the programs is tens of milliseconds. False: all but `keep` are in use, or
 * nothing can be taken from under the programs. */
static bool evict_some(struct ap_bpf_tables *t, uint32_t keep)
{
	uint32_t gone[EVICT_MAX], n = 0, bytes = 0, id;
	int err;

	for (; n < EVICT_MAX && bytes < EVICT_BYTES && (id = oldest_unused(t, keep)); n++) {
		gone[n] = id;
		bytes += bytes_of(t->placed[id]);
		set_state(t, id, AP_BPF_BINARY_COLD);
	}
	if (!n)
		return false;
	__atomic_add_fetch(t->epoch, 1, __ATOMIC_SEQ_CST);
	err = wait_for_programs(t);
	for (uint32_t i = 0; i < n; i++) {
		if (err) { /* nothing was lost but the room: the table is as it was */
			set_state(t, gone[i], AP_BPF_BINARY_TABLE);
			continue;
		}
		release(t, t->placed[gone[i]]);
		t->placed[gone[i]] = NULL;
		t->evicted++;
	}
	return !err;
}

/* Where there is no room now, there is none for a while, and asking costs a look at all tables: until then samples travel. */
static int take(struct ap_bpf_tables *t, uint32_t id, uint32_t bytes, struct ap_bpf_stretch *ret)
{
	int err;

	while ((err = ap_bpf_shards_take(&t->shards, bytes, ret)) == -ENOSPC && evict_some(t, id))
		;
	if (err == -ENOSPC)
		t->full_until_ns = ap_now_ns() + FULL_NS;
	return err;
}

static int put_rules(struct ap_bpf_tables *t, uint32_t id, const struct ap_unwind_table *table, struct ap_bpf_placed *p)
{
	struct ap_short_rule *shorts;
	uint32_t n_long = 0;
	int err = take(t, id, (uint32_t)(table->n_rules * sizeof *shorts), &p->rules);

	if (err)
		return err;
	for (size_t i = 0; i < table->n_rules; i++)
		n_long += !ap_short_from_rule(&table->rules[i], &(struct ap_short_rule){0});
	if (n_long && (err = space_take(&t->long_space, n_long, &p->first_long)))
		return err;
	p->n_long = n_long;
	shorts = ap_bpf_shards_map(&t->shards, &p->rules);
	if (!shorts)
		return -errno;
	n_long = 0;
	for (size_t i = 0; i < table->n_rules; i++)
		if (!ap_short_from_rule(&table->rules[i], &shorts[i])) {
			shorts[i] = (struct ap_short_rule){.kind = AP_SHORT_LONG, .cfa_offset = (int32_t)(p->first_long + n_long)};
			t->long_rules[p->first_long + n_long++] = table->rules[i];
		}
	ap_bpf_shards_unmap(&p->rules, shorts);
	return 0;
}

static int put_rows(struct ap_bpf_tables *t, uint32_t id, const struct ap_unwind_table *table, size_t from, struct ap_bpf_placed *p, uint32_t k)
{
	uint32_t n = (uint32_t)(table->n - from < CHUNK_ROWS ? table->n - from : CHUNK_ROWS);
	unsigned char *at;
	int err = take(t, id, n * ROW_BYTES, &p->rows[k]);

	if (err)
		return err;
	at = ap_bpf_shards_map(&t->shards, &p->rows[k]);
	if (!at)
		return -errno;
	memcpy(at, table->pcs + from, n * sizeof *table->pcs);
	memcpy(at + n * sizeof *table->pcs, table->rules_of + from, n * sizeof *table->rules_of);
	ap_bpf_shards_unmap(&p->rows[k], at);
	t->chunks[p->first_chunk + k] = (struct ap_bpf_chunk){
		.first_pc = table->pcs[from], .shard = p->rows[k].shard, .offset = p->rows[k].offset, .n = n};
	return 0;
}

/* Whether it could be placed if it were alone; else evicting others for it would be for nothing. */
static bool fits(const struct ap_bpf_tables *t, const struct ap_unwind_table *table, uint32_t n_chunks)
{
	size_t rules = table->n_rules * sizeof(struct ap_short_rule);

	return table->n && table->n_rules && n_chunks <= AP_BPF_CHUNKS_MAX && rules <= AP_BPF_SHARD_BYTES &&
	       table->n * ROW_BYTES + rules <= t->shards.max * AP_BPF_SHARD_BYTES;
}

static int put_table(struct ap_bpf_tables *t, uint32_t id, const struct ap_unwind_table *table)
{
	uint32_t n_chunks = (uint32_t)((table->n + CHUNK_ROWS - 1) / CHUNK_ROWS);
	struct ap_bpf_binary *b = &t->binaries[id];
	struct ap_bpf_placed *p = calloc(1, sizeof *p);
	int err = p ? 0 : -ENOMEM;

	if (!err && !fits(t, table, n_chunks))
		err = -E2BIG;
	if (!err)
		err = space_take(&t->chunk_space, n_chunks, &p->first_chunk);
	if (!err) {
		p->n_chunks = n_chunks;
		err = put_rules(t, id, table, p);
	}
	for (uint32_t k = 0; !err && k < n_chunks; k++)
		err = put_rows(t, id, table, (size_t)k * CHUNK_ROWS, p, k);
	if (err) {
		t->too_large++;
		if (p)
			release(t, p);
		return err;
	}
	*b = (struct ap_bpf_binary){.base = table->base, .used_at = now(), .first_chunk = p->first_chunk, .n_chunks = n_chunks,
		.rules_shard = p->rules.shard, .rules_offset = p->rules.offset, .n_rules = (uint32_t)table->n_rules};
	t->placed[id] = p;
	set_state(t, id, AP_BPF_BINARY_TABLE);
	return 0;
}

int ap_bpf_tables_learn(struct ap_bpf_tables *t, const struct ap_learned *what)
{
	if (!what->binary || what->binary >= AP_BPF_BINARIES_MAX)
		return -E2BIG;
	if (t->binaries[what->binary].state != AP_BPF_BINARY_COLD)
		return 0;
	if (what->unwind == AP_LEARNED_TABLE && ap_now_ns() < t->full_until_ns)
		return -ENOSPC;
	if (what->unwind == AP_LEARNED_TABLE)
		return put_table(t, what->binary, what->table);
	t->binaries[what->binary].end = what->end;
	set_state(t, what->binary, what->unwind == AP_LEARNED_NOTHING ? AP_BPF_BINARY_NOTHING : AP_BPF_BINARY_NO_TABLE);
	return 0;
}
