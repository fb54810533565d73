/* Three questions: which losses, which reasons of cut stacks, which modules without names. Each is a small array of counts, sorted. */
#include "report/faults.h"

#include "agg/stacks.h"
#include "base/stack_end.h"

#include <errno.h>
#include <string.h>

enum { KIND_ELF = 1, KIND_VDSO, KIND_KERNEL, KIND_MODULE, KIND_JIT };
/* Less than this is not worth a line. */
static const double NOTABLE_PCT = 0.1;

struct count {
	uint32_t what; /* a reason, an executable */
	int64_t n;
};

static int by_count(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return x->n != y->n ? (x->n > y->n ? -1 : 1) : x->what < y->what ? -1 : x->what > y->what;
}

static const char *cut_remedy(uint32_t reason)
{
	switch ((enum ap_stack_end)reason) {
	case AP_STACK_END_DUMP_ENDED:
		return "record with --call-graph=dwarf,65528, which dumps more of each stack";
	case AP_STACK_END_NO_TABLE:
		return "build it with -fasynchronous-unwind-tables or -fno-omit-frame-pointer";
	case AP_STACK_END_TABLE_LIMIT:
		return "record with a larger --max-memory";
	case AP_STACK_END_FRAME_POINTERS:
		return "record with --call-graph=dwarf";
	case AP_STACK_END_FILE_GONE:
		return "record with CAP_SYS_PTRACE, or as the user of the process";
	default:
		return "";
	}
}

static const char *lost_remedy(const char *cause)
{
	static const struct {
		const char *cause, *remedy;
	} table[] = {{"ring full", "record with a lower -F, or raise kernel.perf_event_mlock_kb"},
		{"writer behind", "write to a faster disk"}, {"memory limit", "record with a larger --max-memory"},
		{"size limit", "record with a larger --max-size"}, {"map full", "record with a larger --max-memory"}};

	for (size_t i = 0; i < AP_ARRAY_LEN(table); i++)
		if (!strcmp(table[i].cause, cause))
			return table[i].remedy;
	return "";
}

static struct report_fault *add(struct report_faults *f, enum report_fault_kind kind, int64_t n, double all, const char *what)
{
	struct report_fault *v = &f->v[f->n];

	if (100.0 * (double)n / (all > 0 ? all : 1) < NOTABLE_PCT || f->n == FAULTS_MAX)
		return NULL;
	*v = (struct report_fault){.kind = kind, .n = n, .pct = 100.0 * (double)n / all, .what = what};
	f->n++;
	return v;
}

/* Lost samples are named by cause, for the runs that the view shows; a cause that is small beside them is left out. */
static int find_lost(sqlite3 *db, const struct ap_view *v, struct report_faults *f)
{
	const struct report_scope *s = &v->scope;
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, n = 0;

	if (!v->quality.lost)
		return 0;
	if (sqlite3_prepare_v2(db,
		    "SELECT cause, sum(n) FROM loss WHERE cause NOT IN ('throttled', 'not symbolised', 'filtered', 'stack cut', "
		    "'cold binary', 'mapping or process record lost') GROUP BY cause ORDER BY 2 DESC, 1",
		    -1, &st, NULL))
		return -EIO;
	while (n < FAULTS_PER_KIND && s->n_runs == (size_t)v->quality.runs && !s->by_time && !s->by_cpu &&
		(rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *cause = (const char *)sqlite3_column_text(st, 0);
		char *kept = ap_arena_strndup(&f->strings, cause ? cause : "", cause ? strlen(cause) : 0);
		struct report_fault *fault;

		if (!kept) {
			sqlite3_finalize(st);
			return -ENOMEM;
		}
		fault = add(f, FAULT_LOST, sqlite3_column_int64(st, 1), (double)(v->quality.samples + v->quality.lost), kept);
		if (fault)
			ap_why(&fault->remedy, 0, "%s", lost_remedy(kept));
		n++;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : -EIO;
}

/* `self` by stack id is turned into totals on the way down. */
static void count_frames(const struct ap_view *v, int64_t *self, struct count *reasons, struct count *modules, int64_t *frames)
{
	const struct report_names *n = &v->names;

	for (size_t i = 0; i < v->n_rows; i++)
		self[v->rows[i].stack] += v->rows[i].n;
	for (size_t id = n->n_stacks; id > 0; id--) {
		const struct report_frame *f = &n->frames[n->frame_of[id]];

		self[n->parent[id]] += self[id];
		if (f->kind == AP_FRAME_CUT) {
			if (!n->parent[id])
				reasons[f->address >= 0 && f->address < AP_STACK_END_COUNT ? f->address : AP_STACK_END_COUNT].n += self[id];
			continue;
		}
		*frames += self[id];
		if (!f->named)
			modules[f->executable == (uint32_t)REPORT_NO_ROW ? n->n_executables : f->executable].n += self[id];
	}
}

static void unnamed_remedy(const struct report_executable *e, struct ap_why *remedy)
{
	if (e->kind == KIND_JIT)
		ap_why(remedy, 0, "%s",
			e->why[0] ? e->why : "start the program with its JIT's option for perf, such as node --perf-basic-prof");
	else if (e->kind == KIND_KERNEL || e->kind == KIND_MODULE)
		ap_why(remedy, 0, "%s", e->why[0] ? e->why : "record with CAP_SYSLOG and kernel.kptr_restrict at most 1");
	else if (e->kind != KIND_ELF || e->path[0] != '/')
		ap_why(remedy, 0, "%s", e->why);
	else if (e->build_id[0])
		ap_why(remedy, 0,
			"aperture symbolize FILE --debuginfod, or install the debug package (find-dbgsym-packages PATH names it on "
			"Debian)");
	else
		ap_why(remedy, 0,
			"there is no build ID to find a debug file by: build without stripping, or aperture symbolize FILE --debug-dir "
			"DIR");
}

static int by_path(const void *a, const void *b, void *executables)
{
	const struct report_executable *e = executables, *x = &e[((const struct count *)a)->what], *y = &e[((const struct count *)b)->what];

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->path, y->path);
}

/* The JIT code of each process is an executable of its own; those of one name ("[jit] node") are one to who reads. */
static void fold_jits(const struct report_names *n, struct count *modules)
{
	const struct report_executable *e = n->executables;

	if (!n->n_executables)
		return;
	qsort_r(modules, n->n_executables, sizeof *modules, by_path, n->executables);
	for (size_t i = 1; i < n->n_executables; i++)
		if (e[modules[i].what].kind == KIND_JIT && !by_path(&modules[i - 1], &modules[i], n->executables)) {
			modules[i].n += modules[i - 1].n;
			modules[i - 1].n = 0;
		}
}

static int find_cut_and_unnamed(const struct ap_view *v, struct report_faults *f)
{
	size_t n_modules = v->names.n_executables + 1;
	AP_AUTO_FREE int64_t *self = calloc(v->names.n_stacks + 1, sizeof *self);
	AP_AUTO_FREE struct count *modules = calloc(n_modules, sizeof *modules);
	struct count reasons[AP_STACK_END_COUNT + 1];
	struct report_fault *fault;
	int64_t frames = 0;

	if (!self || !modules)
		return -ENOMEM;
	for (uint32_t i = 0; i < AP_ARRAY_LEN(reasons); i++)
		reasons[i] = (struct count){i, 0};
	for (uint32_t i = 0; i < n_modules; i++)
		modules[i].what = i;
	count_frames(v, self, reasons, modules, &frames);
	fold_jits(&v->names, modules);
	qsort(reasons, AP_ARRAY_LEN(reasons), sizeof *reasons, by_count);
	qsort(modules, n_modules, sizeof *modules, by_count);
	for (size_t i = 0; i < FAULTS_PER_KIND && reasons[i].n; i++) {
		fault = add(f, FAULT_CUT, reasons[i].n, (double)v->quality.samples, ap_stack_end_text((enum ap_stack_end)reasons[i].what));
		if (fault)
			ap_why(&fault->remedy, 0, "%s", cut_remedy(reasons[i].what));
	}
	for (size_t i = 0; i < FAULTS_PER_KIND && i < n_modules && modules[i].n; i++) {
		bool known = modules[i].what < v->names.n_executables;

		fault = add(f, FAULT_UNNAMED, modules[i].n, (double)frames,
			known ? v->names.executables[modules[i].what].path : "no known mapping");
		if (fault && known)
			unnamed_remedy(&v->names.executables[modules[i].what], &fault->remedy);
	}
	return 0;
}

int report_faults_find(sqlite3 *db, const struct ap_view *v, struct report_faults *f)
{
	int err;

	memset(f, 0, sizeof *f);
	err = find_lost(db, v, f);
	if (!err)
		err = find_cut_and_unnamed(v, f);
	if (err)
		report_faults_done(f);
	return err;
}

void report_faults_done(struct report_faults *f)
{
	ap_arena_done(&f->strings);
	f->n = 0;
}
