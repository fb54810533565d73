/* Binary + offset -> function, file, line, inlined callers. Takes open descriptors, not paths, so that it can run in a child that holds no
 * privilege: ap_sym_run forks that child; a file that crashes or hangs it costs that file's names alone, and says so. */
#ifndef AP_SYM_SYM_H
#define AP_SYM_SYM_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ap_sym_kind {
	AP_SYM_ELF = 1,    /* fd or image: .symtab, .dynsym, .gnu_debugdata, .gopclntab, DWARF, `_start` at the entry */
	AP_SYM_KERNEL = 2, /* fd: /proc/kallsyms or a copy, opened by the caller; addresses relative to _text */
	AP_SYM_MODULE = 3, /* the same file; `path` is "[module]"; addresses relative to the module's first text symbol's section */
	AP_SYM_JIT = 4,    /* fd: a /tmp/perf-PID.map; addresses absolute; jitdump_fd beside it where there is one */
};

/* One binary and the addresses of it that want names. All is the caller's and only read. */
struct ap_sym_job {
	enum ap_sym_kind kind;
	int fd;            /* -1: none */
	int jitdump_fd;    /* JIT; -1: none */
	int debug_fd;      /* a separate debug file the caller has found already; -1: look by build ID and debuglink below debug_dirs */
	int alt_debug_fd;  /* its dwz supplement; -1: look below debug_dirs */
	const void *image; /* where fd is -1 */
	size_t image_size;
	const char *path;        /* for names and messages only */
	const char *build_id;    /* hex, or "" */
	uint64_t kernel_text;    /* KERNEL, MODULE: the address of _text when kallsyms was read; MODULE: the module's base */
	uint64_t until_ns;       /* JIT: jitdump records later than this are ignored; 0: none */
	const uint64_t *seen_ns; /* JIT: beside addresses, when each was seen last, so that code which came to lie there later does not name
				  * it; 0 within, or NULL: until_ns for it */
	const uint64_t *addresses; /* sorted, distinct */
	const uint32_t *ids;       /* the caller's number for each address (frame id) */
	size_t n;
};

/* One line of an address: depth 0 is the innermost inlined function, the last depth the real (out-of-line) one. */
struct ap_sym_line {
	const char *function;      /* demangled; never NULL or ""; start_only: "[module+0xstart]" */
	const char *linkage_name;  /* as in the symbol table; "" where the same or not known */
	const char *file;          /* of this line, "" not known */
	const char *function_file; /* where the function is declared, "" not known */
	uint32_t line;             /* 0: not known */
	uint32_t function_line;
	bool start_only; /* the only line, and no name: where the function starts, the same on every host that has the file */
};

/* Called in the parent, for each address that has a name or a start, with n >= 1 lines; strings live until it returns. */
typedef void (*ap_sym_named)(void *ctx, uint32_t id, const struct ap_sym_line *lines, size_t n);
/* Called once for each job at its end: how many got a name; `why` is "" or what was missing and the remedy, one sentence
 * ("libfoo.so has no symbols: install libfoo-dbgsym, or run aperture symbolize --debuginfod"). */
typedef void (*ap_sym_done)(void *ctx, size_t job, size_t named, const char *why);

struct ap_sym_config {
	const char *const *debug_dirs; /* NULL-terminated; NULL: {"/usr/lib/debug"} */
	bool debug_files;              /* look for separate debug files at all */
	bool in_process;               /* no child: for fuzzing and tests */
	uint64_t job_timeout_ns;       /* 0: 30 s */
	uint64_t total_timeout_ns;     /* 0: none; the jobs left then are reported as not done */
	uint64_t max_memory;           /* of the child (RLIMIT_AS); 0: default */
};

/* Resolves all jobs. 0 also when some had no names; negative errno and why when nothing could be done at all. */
int ap_sym_run(const struct ap_sym_config *cfg, const struct ap_sym_job *jobs, size_t n_jobs, ap_sym_named named, ap_sym_done done,
	void *ctx, struct ap_why *why);

/* libiberty on C++, Rust and D names. Appends the readable name, or the name as it is. */
struct ap_buf;
int ap_sym_demangle(const char *linkage_name, struct ap_buf *ret_name);

#endif
