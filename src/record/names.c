/* One job a binary: its frames sorted by address. Functions are interned by (name, linkage name, file, line), ids in order of first sight.
 */
#include "record/names.h"

#include "base/hash.h"
#include "base/mem.h"
#include "proc/jit.h"
#include "sym/sym.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct function_key {
	const char *name, *linkage_name, *file;
	uint32_t line;
	bool start_only; /* follows from the name */
};

struct names {
	struct ap_pipeline *pipeline;
	struct ap_binary *const *binaries;
	struct ap_sym_job *jobs;
	uint32_t *job_binary; /* binary id of each job */
	size_t n_jobs;
	uint32_t *order;               /* frame ids by (executable, address) */
	uint64_t *addresses, *seen_ns; /* in that order */
	struct ap_arena strings;
	struct function_key *functions;
	size_t n_functions, functions_cap;
	struct ap_index index;
	bool *named; /* by frame id - 1: has a name of its own */
	int kallsyms_fd;
	int err; /* first error of a callback */
};

static uint64_t hash_key(const struct function_key *k)
{
	uint64_t h = ap_hash_bytes(k->name, strlen(k->name), k->line);

	h = ap_hash_bytes(k->linkage_name, strlen(k->linkage_name), h);
	return ap_hash_bytes(k->file, strlen(k->file), h);
}

static uint64_t hash_of(const void *ctx, uint32_t slot)
{
	return hash_key(&((const struct names *)ctx)->functions[slot]);
}

static bool same(const void *ctx, uint32_t slot, const void *key)
{
	const struct function_key *a = &((const struct names *)ctx)->functions[slot], *b = key;

	return a->line == b->line && !strcmp(a->name, b->name) && !strcmp(a->linkage_name, b->linkage_name) && !strcmp(a->file, b->file);
}

static const char *keep(struct names *n, const char *s)
{
	return ap_arena_strndup(&n->strings, s, strlen(s));
}

/* The function's id; 0 when there is no memory. */
static uint32_t function_id(struct names *n, const struct ap_sym_line *l)
{
	struct function_key k = {l->function, l->linkage_name, l->function_file, l->function_line, l->start_only}, *v;
	uint32_t slot = ap_index_find(&n->index, hash_key(&k), same, n, &k);
	struct ap_row_function row;

	if (slot != (uint32_t)AP_INDEX_NONE)
		return slot + 1;
	v = ap_grow(&n->functions, &n->functions_cap, n->n_functions, sizeof *v);
	k = (struct function_key){keep(n, k.name), keep(n, k.linkage_name), keep(n, k.file), k.line, k.start_only};
	if (!v || !k.name || !k.linkage_name || !k.file)
		return 0;
	slot = (uint32_t)n->n_functions;
	v[slot] = k;
	if (ap_index_add(&n->index, hash_key(&k), slot, hash_of, n))
		return 0;
	n->n_functions++;
	row = (struct ap_row_function){slot + 1, k.name, k.linkage_name, k.file, k.line, k.start_only};
	return ap_batch_function(ap_pipeline_batch(n->pipeline), &row) ? 0 : slot + 1;
}

static void on_named(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n_lines)
{
	struct names *n = ctx;

	for (size_t i = 0; i < n_lines && !n->err; i++) {
		struct ap_row_frame_line row = {.frame = id,
			.depth = (int64_t)i,
			.function = function_id(n, &lines[i]),
			.file = lines[i].file[0] ? lines[i].file : NULL,
			.line = lines[i].line ? lines[i].line : AP_NULL};

		if (!row.function || ap_batch_frame_line(ap_pipeline_batch(n->pipeline), &row))
			n->err = -ENOMEM;
	}
	n->named[id - 1] = !lines[0].start_only;
	if (!n->err && ap_batch_bytes(ap_pipeline_batch(n->pipeline)) > 4 << 20)
		n->err = ap_pipeline_flush(n->pipeline, true);
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	struct names *n = ctx;
	const struct ap_binary *b = n->binaries[n->job_binary[job] - 1];
	struct ap_row_executable row = {
		.id = b->id, .build_id = b->build_id, .path = b->path, .kind = b->kind, .why = b->why[0] ? b->why : why};

	if (why[0] && ap_batch_executable(ap_pipeline_batch(n->pipeline), &row) && !n->err)
		n->err = -ENOMEM;
	ap_pipeline_loss(n->pipeline, AP_LOSS_NOT_SYMBOLISED, n->jobs[job].n - named);
}

static void fill_job(struct names *n, const struct ap_binary *b, struct ap_sym_job *j)
{
	j->kind = AP_SYM_ELF;
	j->fd = b->fd;
	j->image = b->image;
	j->image_size = b->image_size;
	j->jitdump_fd = j->debug_fd = j->alt_debug_fd = -1;
	j->path = b->path;
	j->build_id = b->build_id;
	if (b->kind == AP_BINARY_KERNEL || b->kind == AP_BINARY_MODULE || b->kind == AP_BINARY_BPF) {
		j->kind = b->kind == AP_BINARY_MODULE ? AP_SYM_MODULE : AP_SYM_KERNEL;
		j->kernel_text = ap_pipeline_bias(n->pipeline, b->id);
		if (n->kallsyms_fd < 0)
			n->kallsyms_fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
		j->fd = n->kallsyms_fd;
	} else if (b->kind == AP_BINARY_JIT) {
		j->kind = AP_SYM_JIT;
		j->fd = ap_jit_open_map(b);
		j->jitdump_fd = ap_jit_dump(b);
	}
}

/* For qsort: the stacks of the one resolution at hand. qsort_r passes it. */
static int by_place(const void *a, const void *b, void *stacks)
{
	const struct ap_frame *x = ap_stacks_frame_at(stacks, *(const uint32_t *)a), *y = ap_stacks_frame_at(stacks, *(const uint32_t *)b);

	if (x->executable != y->executable)
		return x->executable < y->executable ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static int sort_frames(struct names *n, const struct ap_stacks *stacks, size_t count)
{
	n->order = calloc(count + 1, sizeof *n->order);
	n->addresses = calloc(count + 1, sizeof *n->addresses);
	n->seen_ns = calloc(count + 1, sizeof *n->seen_ns);
	n->named = calloc(count + 1, sizeof *n->named);
	if (!n->order || !n->addresses || !n->seen_ns || !n->named)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		n->order[i] = (uint32_t)i + 1;
	qsort_r(n->order, count, sizeof *n->order, by_place, (void *)(uintptr_t)stacks);
	for (size_t i = 0; i < count; i++) {
		n->addresses[i] = ap_stacks_frame_at(stacks, n->order[i])->address;
		n->seen_ns[i] = ap_pipeline_seen_ns(n->pipeline, n->order[i]);
	}
	return 0;
}

static int make_jobs(struct names *n, const struct ap_stacks *stacks, size_t count)
{
	size_t n_binaries = ap_tracker_binaries(ap_pipeline_tracker(n->pipeline), &n->binaries), i, end;
	uint32_t id;

	n->jobs = calloc(n_binaries + 1, sizeof *n->jobs);
	n->job_binary = calloc(n_binaries + 1, sizeof *n->job_binary);
	if (!n->jobs || !n->job_binary)
		return -ENOMEM;
	for (i = 0; i < count; i = end) {
		id = ap_stacks_frame_at(stacks, n->order[i])->executable;
		for (end = i + 1; end < count && ap_stacks_frame_at(stacks, n->order[end])->executable == id; end++)
			;
		if (!id || id > n_binaries)
			continue;
		n->job_binary[n->n_jobs] = id;
		fill_job(n, n->binaries[id - 1], &n->jobs[n->n_jobs]);
		n->jobs[n->n_jobs].addresses = n->addresses + i;
		n->jobs[n->n_jobs].seen_ns = n->seen_ns + i;
		n->jobs[n->n_jobs].ids = n->order + i;
		n->jobs[n->n_jobs++].n = end - i;
	}
	return 0;
}

static double symbolised_pct(const struct names *n, const struct ap_stacks *stacks, size_t count)
{
	uint64_t samples, all = 0, good = 0;

	for (size_t i = 0; i < count; i++)
		if (ap_stacks_frame_at(stacks, (uint32_t)i + 1)->kind != AP_FRAME_CUT) {
			samples = ap_pipeline_frame_samples(n->pipeline, (uint32_t)i + 1);
			all += samples;
			good += n->named[i] ? samples : 0;
		}
	return all ? 100.0 * (double)good / (double)all : -1;
}

static void names_done(struct names *n)
{
	for (size_t i = 0; i < n->n_jobs; i++)
		if (n->jobs[i].kind == AP_SYM_JIT)
			ap_close(n->jobs[i].fd);
	ap_close(n->kallsyms_fd);
	free(n->jobs);
	free(n->job_binary);
	free(n->order);
	free(n->addresses);
	free(n->seen_ns);
	free(n->named);
	free(n->functions);
	ap_index_done(&n->index);
	ap_arena_done(&n->strings);
}

int ap_names_resolve(struct ap_pipeline *p, const struct ap_names_config *cfg, double *ret_symbolised_pct, struct ap_why *why)
{
	const struct ap_stacks *stacks = ap_pipeline_stacks(p);
	struct ap_sym_config sc = {
		.debug_dirs = cfg->debug_dirs, .debug_files = cfg->debug_files, .total_timeout_ns = cfg->total_timeout_ns};
	struct names n = {.pipeline = p, .kallsyms_fd = -1};
	size_t count = ap_stacks_frame_count(stacks);
	int err = sort_frames(&n, stacks, count);

	if (!err)
		err = make_jobs(&n, stacks, count);
	if (err)
		ap_why(why, -err, "cannot resolve symbols: %s", strerror(-err));
	else
		err = ap_sym_run(&sc, n.jobs, n.n_jobs, on_named, on_done, &n, why);
	if (!err && n.err)
		err = ap_why(why, -n.err, "cannot store symbols: %s", strerror(-n.err));
	if (n.named)
		*ret_symbolised_pct = symbolised_pct(&n, stacks, count);
	names_done(&n);
	return err;
}
