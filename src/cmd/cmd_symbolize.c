/* `aperture symbolize`: names for the frames that have none, from this host's files, debug folders or debuginfod servers; one transaction.
 */
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/debuginfo.h"
#include "store/store.h"
#include "store/unnamed.h"
#include "sym/sym.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { DIRS_MAX = 16, KIND_ELF = 1 };

struct work {
	const char *dirs[DIRS_MAX + 1]; /* NULL-terminated */
	bool debuginfod, no_library;
	struct ap_namer *namer;
	size_t frames, named, executables, unfound;
	int64_t executable; /* at hand */
	int err;
};

static void on_named(void *ctx, uint32_t frame, const struct ap_sym_line *lines, size_t n)
{
	struct work *w = ctx;

	for (size_t i = 0; i < n && !w->err; i++) {
		const struct ap_sym_line *l = &lines[i];

		w->err = ap_namer_add(w->namer, frame, i,
			&(struct ap_namer_line){
				l->function, l->linkage_name, l->function_file, l->file, l->function_line, l->line, l->start_only});
	}
	w->named += !lines[0].start_only;
}

static void on_done(void *ctx, size_t job, size_t named, const char *why)
{
	struct work *w = ctx;

	if (!w->err)
		w->err = ap_namer_why(w->namer, w->executable, why);
}

static int find_debug_file(struct work *w, const char *build_id)
{
	int fd = debuginfo_below(w->dirs, build_id);

	return fd < 0 && w->debuginfod ? debuginfo_fetch(build_id, &w->no_library) : fd;
}

static int on_executable(void *ctx, const struct ap_unnamed *u)
{
	struct work *w = ctx;
	struct ap_sym_config cfg = {.debug_dirs = w->dirs, .debug_files = true};
	AP_AUTO_CLOSE int binary = -1;
	AP_AUTO_CLOSE int debug = -1;
	struct ap_sym_job job = {.kind = AP_SYM_ELF,
		.jitdump_fd = -1,
		.alt_debug_fd = -1,
		.path = u->path,
		.build_id = u->build_id,
		.addresses = u->addresses,
		.ids = u->frames,
		.n = u->n};
	struct ap_why why = {""};

	w->frames += u->n;
	if (u->kind != KIND_ELF)
		return 0;
	binary = debuginfo_at_path(u->path, u->build_id);
	debug = find_debug_file(w, u->build_id);
	w->executables++;
	if (binary < 0 && debug < 0) {
		w->unfound++;
		return 0;
	}
	/* A debug file alone has the symbols and the lines; only the code is missing from it. */
	job.fd = binary >= 0 ? binary : debug;
	job.debug_fd = binary >= 0 ? debug : -1;
	w->executable = u->executable;
	if (ap_sym_run(&cfg, &job, 1, on_named, on_done, w, &why))
		fprintf(stderr, "aperture symbolize: %s: %s\n", u->path, why.text);
	return w->err;
}

static void help(void)
{
	printf("Examples:\n"
	       "  aperture symbolize run.db                          names from this host's binaries and /usr/lib/debug\n"
	       "  aperture symbolize run.db --debug-dir ./symbols    and from ./symbols/.build-id/xx/yyyy.debug\n"
	       "  aperture symbolize run.db --debuginfod             and from the servers of DEBUGINFOD_URLS\n\n"
	       "Adds names to frames that have none; ids stay as they are.\n");
}

static int parse(int argc, char **argv, struct work *w)
{
	static const struct option options[] = {
		{"debug-dir", required_argument, NULL, 'd'}, {"debuginfod", no_argument, NULL, 'D'}, {"help", no_argument, NULL, 'h'}, {0}};
	size_t n = 0;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'd' && n < DIRS_MAX - 1) {
			w->dirs[n++] = optarg;
		} else if (c == 'D') {
			w->debuginfod = true;
		} else if (c == 'h') {
			help();
			return -1;
		} else {
			fprintf(stderr, "aperture symbolize: see `aperture symbolize --help`\n");
			return AP_EXIT_USAGE;
		}
	}
	w->dirs[n] = "/usr/lib/debug";
	if (optind + 1 != argc) {
		fprintf(stderr, "aperture symbolize: give one file, such as run.db\n");
		return AP_EXIT_USAGE;
	}
	return 0;
}

static int symbolize(struct work *w, const char *path, struct ap_why *why)
{
	sqlite3 *db;
	int err = ap_store_open_names(path, &db, why), end;

	if (err)
		return err;
	err = ap_namer_new(db, &w->namer, why);
	if (!err) {
		err = ap_store_unnamed(db, on_executable, w, why);
		end = ap_namer_end(w->namer, !err);
		if (err && !why->text[0])
			ap_why(why, -err, "%s: cannot store names: %s", path, strerror(-err));
		else if (!err && end)
			err = ap_why(why, -end, "%s: cannot commit the names: %s", path, sqlite3_errmsg(db));
	}
	if (!err)
		err = ap_store_derive(db, why);
	sqlite3_close(db);
	return err;
}

int cmd_symbolize(int argc, char **argv)
{
	struct ap_why why = {""};
	struct work w = {0};
	int code = parse(argc, argv, &w);

	if (code)
		return code < 0 ? 0 : code;
	if (symbolize(&w, argv[optind], &why)) {
		fprintf(stderr, "aperture symbolize: %s\n", why.text);
		return AP_EXIT_FAILED;
	}
	fprintf(stderr, "aperture: %zu of %zu frames named; of %zu executables %zu were not found here\n", w.named, w.frames, w.executables,
		w.unfound);
	if (w.no_library)
		fprintf(stderr, "aperture: debuginfod was not asked: libdebuginfod.so.1 is not here; apt-get install libdebuginfod1\n");
	return 0;
}
