/* Nodes come in chains of CHAIN; a chain hangs on a node of an earlier shared chain, at most DEPTH deep. Samples introduce nodes at an even
 * pace and prefer the early ones, as hot paths are found first. */
#include "shape.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>

enum { CHAIN = 12, DEPTH = 64, EXECUTABLES = 20 };

struct node {
	uint32_t parent, frame, depth, children;
};
struct shape_state {
	struct shape s;
	struct node *nodes; /* by id, from 1 */
	uint32_t *shared;   /* ids of nodes of shared chains */
	uint32_t n_shared, nodes_done, samples_done, frames_done;
	uint64_t random;
};

static uint64_t next_random(struct shape_state *s)
{
	return s->random = ap_hash_u64(s->random + 0x9e3779b97f4a7c15ull);
}

static void make_nodes(struct shape_state *s)
{
	uint32_t frames = s->s.functions * SHAPE_FRAMES_PER_FUNCTION, parent = 0;
	bool shared = true;

	for (uint32_t id = 1; id <= s->s.nodes; id++) {
		struct node *n = &s->nodes[id];

		if (id % CHAIN == 1) {
			shared = next_random(s) % 100 < SHAPE_SHARED_PERCENT;
			parent = s->n_shared ? s->shared[next_random(s) % s->n_shared] : 0;
			if (s->nodes[parent].depth + CHAIN > DEPTH)
				parent = 0;
		}
		n->parent = parent;
		n->depth = s->nodes[parent].depth + 1;
		/* an own chain begins with a frame of the host's own, so that all of it is another path */
		n->frame = shared || id % CHAIN != 1 ? 1 + (uint32_t)((ap_hash_u64(parent) + s->nodes[parent].children++) % frames)
						     : frames + 1 + id / CHAIN;
		if (shared)
			s->shared[s->n_shared++] = id;
		parent = id;
	}
}

int shape_new(const struct shape *shape, struct shape_state **ret)
{
	struct shape_state *s = calloc(1, sizeof *s);

	if (s) {
		s->s = *shape;
		s->random = 1; /* the same tree for every host */
		s->nodes = calloc((size_t)shape->nodes + 1, sizeof *s->nodes);
		s->shared = calloc((size_t)shape->nodes + 1, sizeof *s->shared);
	}
	if (!s || !s->nodes || !s->shared) {
		shape_free(s);
		return -1;
	}
	make_nodes(s);
	s->random = 1000 + shape->host;
	*ret = s;
	return 0;
}

struct shape_state *shape_free(struct shape_state *s)
{
	if (s) {
		free(s->nodes);
		free(s->shared);
		free(s);
	}
	return NULL;
}

static int put_who(struct shape_state *s, struct ap_batch *b)
{
	char boot[32], name[32];
	int err = ap_batch_event(b, &(struct ap_row_event){.id = 1,
					    .run = 1,
					    .name = "cpu-clock",
					    .source = "perf",
					    .why = "",
					    .frequency_hz = 997,
					    .period = 1003009,
					    .unit = "ns"});

	snprintf(boot, sizeof boot, "boot-%u", s->s.host);
	for (uint32_t p = 1; p <= s->s.processes && !err; p++) {
		snprintf(name, sizeof name, "program-%u", p % 7);
		err = ap_batch_process(b, &(struct ap_row_process){.id = p,
						  .host = 1,
						  .boot = boot,
						  .pid = 1000 + p,
						  .start_ns = p * 10000000,
						  .parent = p > 1 ? 1 : AP_NULL,
						  .comm = name,
						  .cmdline = name,
						  .cgroup = "/",
						  .container = "",
						  .end_ns = AP_NULL});
		for (uint32_t t = 0; t < SHAPE_THREADS && !err; t++)
			err = ap_batch_thread(b, &(struct ap_row_thread){.id = (p - 1) * SHAPE_THREADS + t + 1,
							 .process = p,
							 .tid = 1000 + p + t * 1000,
							 .start_ns = p * 10000000,
							 .comm = name,
							 .end_ns = AP_NULL});
	}
	return err;
}

static int put_where(struct shape_state *s, struct ap_batch *b)
{
	char id[33], path[64];
	int err = 0;

	for (uint32_t e = 1; e <= EXECUTABLES && !err; e++) {
		snprintf(id, sizeof id, "%032x", e);
		snprintf(path, sizeof path, "/usr/lib/x86_64-linux-gnu/libshape-%u.so", e);
		err = ap_batch_executable(b, &(struct ap_row_executable){.id = e, .build_id = id, .path = path, .kind = 1});
	}
	for (uint32_t f = 1; f <= s->s.functions && !err; f++) {
		snprintf(path, sizeof path, "component_%u::class_%u::method_%u(int, char const*)", f % 40, f % 900, f);
		err = ap_batch_function(
			b, &(struct ap_row_function){
				   .id = f, .name = path, .linkage_name = "", .file = f % 3 ? "" : "src/shape.cc", .line = f % 3 ? 0 : f});
	}
	return err;
}

static int put_frame(struct shape_state *s, struct ap_batch *b)
{
	uint32_t f = ++s->frames_done, common = s->s.functions * SHAPE_FRAMES_PER_FUNCTION;
	int64_t address = f <= common ? 0x1000 + 16 * (int64_t)f : (0x40000000 + 16 * (int64_t)f) * (1 + s->s.host);
	int err = ap_batch_frame(b, &(struct ap_row_frame){.id = f, .executable = 1 + f % EXECUTABLES, .address = address, .kind = 1});

	if (!err)
		err = ap_batch_frame_line(b, &(struct ap_row_frame_line){.frame = f,
						     .depth = 0,
						     .function = 1 + f % s->s.functions,
						     .file = f % 3 ? NULL : "src/shape.cc",
						     .line = f % 3 ? AP_NULL : f});
	return err;
}

static int put_nodes(struct shape_state *s, struct ap_batch *b, uint32_t upto)
{
	int err = 0;

	while (s->nodes_done < upto && !err) {
		const struct node *n = &s->nodes[++s->nodes_done];

		err = ap_batch_stack(b, &(struct ap_row_stack){.id = s->nodes_done, .parent_id = n->parent, .frame_id = n->frame});
	}
	return err;
}

static int put_sample(struct shape_state *s, struct ap_batch *b)
{
	uint64_t i = s->samples_done++, threads = (uint64_t)s->s.processes * SHAPE_THREADS, introduced = 1 + i * s->s.nodes / s->s.samples;
	uint64_t a = next_random(s) % introduced, c = next_random(s) % introduced;
	int err = put_nodes(s, b, (uint32_t)introduced);

	return err ? err
		   : ap_batch_sample_row(b, &(struct ap_row_sample_row){.run = 1,
						    .ts = (int64_t)(i * 501000 + next_random(s) % 400000),
						    .cpu = (int64_t)(i % 2),
						    .event = 1,
						    .thread = (int64_t)(1 + next_random(s) % threads),
						    .stack = (int64_t)(1 + (a < c ? a : c)),
						    .weight = AP_NULL});
}

bool shape_next(struct shape_state *s, struct ap_batch *b, uint32_t samples)
{
	uint32_t frames = s->s.functions * SHAPE_FRAMES_PER_FUNCTION + 1 + s->s.nodes / CHAIN;
	int err = 0;

	if (s->samples_done == s->s.samples)
		return false;
	if (!s->samples_done) {
		err = put_who(s, b);
		if (!err)
			err = put_where(s, b);
		while (!err && s->frames_done < frames)
			err = put_frame(s, b);
	}
	while (!err && samples-- && s->samples_done < s->s.samples)
		err = put_sample(s, b);
	return !err;
}
