/* What flows back to a source that unwinds by itself: the mappings of processes and the tables of binaries that its samples lacked. */
#ifndef AP_RECORD_TEACH_H
#define AP_RECORD_TEACH_H

#include "event/source.h"
#include "proc/tracker.h"
#include "record/tables.h"

enum { AP_TEACH_BINARIES = 64, AP_TEACH_DIRTY = 256 };

struct ap_teach {
	const struct ap_source_ops *ops; /* NULL: nobody to teach */
	struct ap_source *source;
	struct ap_tracker *tracker;
	struct ap_tables *tables;
	uint32_t binaries[AP_TEACH_BINARIES]; /* met by the sample at hand */
	size_t n_binaries;
	uint32_t dirty[AP_TEACH_DIRTY]; /* processes whose mappings changed since they were taught */
	size_t n_dirty;
};

/* While a sample that came with its registers is unwound: an address of this binary was met. */
void ap_teach_met(struct ap_teach *t, const struct ap_binary *b);
/* Behind it: what it met, and its process's mappings. */
void ap_teach_sample(struct ap_teach *t, uint32_t pid, uint64_t time_ns);
/* Behind an event that the tracker was fed with. */
void ap_teach_event(struct ap_teach *t, const struct ap_event *e);
/* Once a drain: what changed meanwhile. */
void ap_teach_flush(struct ap_teach *t);

#endif
