/* The oracle's state, and what it counts: frames that are equal, and a class for each kind of difference. */
#ifndef AP_TESTS_ORACLE_H
#define AP_TESTS_ORACLE_H

#include "record/tables.h"
#include "record/teach.h"
#include "tests/dwfl_walk.h"

enum { DEPTH = AP_UNWIND_DEPTH_MAX, CLASSES_MAX = 128, PROCESSES_MAX = 256, LABEL = 160 };

struct class
{
	char what[LABEL], example[LABEL];
	uint64_t stacks, frames;
};
struct oracle {
	struct ap_tracker *tracker;
	struct ap_tables *tables;
	const struct ap_process *process;
	struct dwfl_walk *walks[PROCESSES_MAX];
	uint32_t pids[PROCESSES_MAX];
	size_t n_walks;
	struct class classes[CLASSES_MAX];
	size_t n_classes;
	uint64_t ends[AP_STACK_END_COUNT];
	uint64_t samples, frames, equal, ours_alone, lost, deepest, cold, without;
	struct ap_teach teach;
	uint64_t our_ns, their_ns, our_frames;
	uint64_t ours[DEPTH], theirs[DEPTH];
	uint32_t live_bytes; /* 0: ours gets the whole dump and no more */
	bool verbose;
};

/* o->ours has n frames, o->theirs m; `error` is libdwfl's reason for stopping, NULL where it is whole. */
void oracle_compare(struct oracle *o, size_t n, enum ap_stack_end end, size_t m, const char *error);
void oracle_print(const struct oracle *o);

#endif
