/* Interned frames and stacks: each distinct (binary, address, kind) once, each distinct path of frames once, as a tree of (parent, frame).
 * Ids count from 1, a parent's id is always less than its child's, and 0 is the root. One thread; memory is bounded by max_bytes.
 *
 * At the bound the nodes can be forgotten, all at once: their memory is freed, and the next generation of nodes counts from 1 again. Frames
 * stay and keep their ids. They take at most three quarters of max_bytes, so that nodes always have the rest; frames past that are the one
 * thing for which there is no room to be made, and their samples are lost. */
#ifndef AP_AGG_STACKS_H
#define AP_AGG_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers are stored in files: never renumber. */
enum ap_frame_kind {
	AP_FRAME_USER = 1,
	AP_FRAME_KERNEL = 2,
	AP_FRAME_JIT = 3,
	AP_FRAME_CUT = 4, /* a mark at the root of a stack that is not whole: executable 0, address = enum ap_stack_end */
	AP_FRAME_GPU = 5,
	AP_FRAME_UNKNOWN = 6, /* an address in no known mapping: executable 0, address absolute */
};

struct ap_frame {
	uint32_t executable; /* binary id; 0: none */
	uint32_t kind;       /* enum ap_frame_kind */
	uint64_t address;    /* ELF-relative */
};
struct ap_stack_node {
	uint32_t parent, frame;
};

struct ap_stacks;

int ap_stacks_new(size_t max_bytes /* 0: no bound */, struct ap_stacks **ret_stacks); /* 0, -ENOMEM */
struct ap_stacks *ap_stacks_free(struct ap_stacks *s);

/* 0; -ENOSPC at the bound, where ap_stacks_forget makes room; -E2BIG: the frames alone are at theirs; -ENOMEM. A frame keeps its id for
 * ever, a node until it is forgotten. */
int ap_stacks_frame(struct ap_stacks *s, const struct ap_frame *f, uint32_t *ret_frame_id);
int ap_stacks_child(struct ap_stacks *s, uint32_t parent, uint32_t frame_id, uint32_t *ret_stack_id);
/* A whole path, root first. On -ENOSPC *ret_stack_id is still set, to the longest prefix that exists. */
int ap_stacks_path(struct ap_stacks *s, const uint32_t *frame_ids, size_t n, uint32_t *ret_stack_id);
/* Ends a generation: no node is left, and no stack id given so far means anything any more. */
void ap_stacks_forget(struct ap_stacks *s);
uint32_t ap_stacks_generation(const struct ap_stacks *s); /* how often nodes were forgotten */

size_t ap_stacks_frame_count(const struct ap_stacks *s);
size_t ap_stacks_node_count(const struct ap_stacks *s);
const struct ap_frame *ap_stacks_frame_at(const struct ap_stacks *s, uint32_t frame_id);     /* id 1..count */
const struct ap_stack_node *ap_stacks_node_at(const struct ap_stacks *s, uint32_t stack_id); /* id 1..count */
size_t ap_stacks_bytes(const struct ap_stacks *s);

#endif
