/* Names for frames at the end of a recording, or later: jobs for src/sym/, and function and frame_line rows from what it answers. */
#ifndef AP_RECORD_NAMES_H
#define AP_RECORD_NAMES_H

#include "base/why.h"
#include "record/pipeline.h"

struct ap_names_config {
	const char *const *debug_dirs; /* NULL: the default */
	bool debug_files;
	uint64_t total_timeout_ns; /* 0: none */
};

/* Resolves every frame of the pipeline's stacks and adds the rows to its batch, flushing as it goes. *ret_symbolised_pct: of the frames over
 * all samples, -1 without any. Binaries that stay without names get their reason in executable.why. */
int ap_names_resolve(struct ap_pipeline *p, const struct ap_names_config *cfg, double *ret_symbolised_pct, struct ap_why *why);

#endif
