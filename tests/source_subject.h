/* What the contract of a source is asked of: every source, on a target that makes a known number of hits. A new source joins with one more
 * subject. */
#ifndef TESTS_SOURCE_SUBJECT_H
#define TESTS_SOURCE_SUBJECT_H

#include "event/source.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HITS = 2000, LOST_IN_FILE = 7 };

/* A source, to be opened with cfg. */
struct subject {
	const struct ap_source_ops *ops;
	struct ap_source_config cfg;
	struct ap_source *source;
	void (*hit)(struct subject *s);    /* makes HITS hits */
	void (*finish)(struct subject *s); /* the target ends */
	pid_t child;
	int to_child, from_child;
	char path[64];
	const char *event;
	pid_t pids[1];
};

struct subject_kind {
	const char *name;
	void (*make)(struct subject *s, uint64_t ring_bytes);
	bool lives; /* it makes hits when told to; else HITS and a loss of LOST_IN_FILE are there from the start */
};
enum { N_FOR_VALGRIND = 2 }; /* the first, which are not bpf's: valgrind does not know what bpf(2) writes */
extern const struct subject_kind SUBJECTS[];
extern const int N_SUBJECTS;

/* False: its source cannot run here, and says why. */
bool subject_is_usable(const struct subject *s);
/* Takes away what `make` made, the target too if it has not ended. The source is the caller's. */
void subject_done(struct subject *s);

#endif
