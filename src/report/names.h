/* The stacks and names of a file, loaded once for the reports that walk them. */
#ifndef AP_REPORT_NAMES_H
#define AP_REPORT_NAMES_H

#include "base/mem.h"
#include "report/report.h"

struct report_line {          /* one function of a frame */
	const char *function; /* raw bytes */
	const char *file;     /* "" not known */
	int64_t line;
	uint32_t number; /* of the function in names.functions; REPORT_NO_ROW: the name was made here */
};
struct report_frame {
	const char *module;  /* raw path or "" */
	int kind;            /* enum ap_frame_kind */
	bool named;          /* by more than its module, address or start */
	uint32_t first, n;   /* of lines, innermost first; n >= 1 for a frame that exists */
	uint32_t executable; /* in names.executables; REPORT_NO_ROW: none */
	int64_t address;     /* of a cut mark: enum ap_stack_end */
};
struct report_executable {
	const char *path, *build_id, *why; /* raw bytes, never NULL */
	int kind;
};
struct report_names {
	uint32_t *parent, *frame_of; /* by stack id */
	size_t n_stacks;             /* highest id */
	struct report_frame *frames; /* by frame id */
	size_t n_frames;
	struct report_line *lines;
	size_t n_lines, lines_cap;
	const char **functions; /* in order of function_ids */
	int64_t *function_ids;
	bool *start_only; /* beside functions: the name is but where it starts */
	size_t n_functions;
	struct report_executable *executables; /* in order of executable_ids */
	int64_t *executable_ids;
	size_t n_executables;
	struct ap_arena strings;
};

int report_names_load(sqlite3 *db, struct report_names *n, struct ap_why *why);
void report_names_done(struct report_names *n);
const char *report_basename(const char *path);

#endif
