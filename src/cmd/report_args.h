/* The command line of `aperture report`. */
#ifndef AP_CMD_REPORT_ARGS_H
#define AP_CMD_REPORT_ARGS_H

#include "base/mem.h"
#include "report/report.h"

enum report_kind { REPORT_TOP, REPORT_TREE, REPORT_FLAME, REPORT_FOLDED, REPORT_SUMMARY };

struct report_args {
	struct ap_report_options options;
	enum report_kind kind;
	const char *labels[AP_REPORT_LABELS_MAX + 1];
	size_t n_labels;
	const char *output, *base; /* NULL: none */
	bool strict, no_pager, help;
	double max_loss_pct;
	char **files;
	int n_files;
	struct ap_arena strings;
};

/* 0, or the exit code, when a sentence has been printed. Points into argv. */
int report_args_parse(struct report_args *a, int argc, char **argv);
void report_args_done(struct report_args *a);

#endif
