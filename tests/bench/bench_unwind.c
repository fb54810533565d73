/* Unwinding against its peers, measured in the same run: a stack of 30 frames against warm libdwfl, and tables against libdw's walk over
 * the rows of the same file. CPU time, medians of five. `bench_unwind FILE...` builds the tables of these files. */
#include "base/clock.h"
#include "base/mem.h"
#include "proc/tracker.h"
#include "record/tables.h"
#include "tests/dwfl_walk.h"
#include "unwind/unwind.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { RUNS = 5, DEEP = 28, WALKS = 2000, DEPTH = 256, STACK = 64 << 10 };

struct capture {
	struct ap_regs regs;
	unsigned char stack[STACK];
	size_t size;
};
struct world {
	struct ap_tracker *tracker;
	struct ap_tables *tables;
	const struct ap_process *process;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double v[RUNS])
{
	qsort(v, RUNS, sizeof *v, by_value);
	return v[RUNS / 2];
}

static void take_registers(const ucontext_t *u, struct ap_regs *r)
{
#if defined(__x86_64__)
	static const int number[AP_REG_COUNT] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9,
		REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (int i = 0; i < AP_REG_COUNT; i++)
		r->r[i] = (uint64_t)u->uc_mcontext.gregs[number[i]];
#else
	for (int i = 0; i < 31; i++)
		r->r[i] = u->uc_mcontext.regs[i];
	r->r[AP_REG_SP] = u->uc_mcontext.sp;
	r->r[AP_REG_PC] = u->uc_mcontext.pc;
#endif
	r->known = (1ull << AP_REG_COUNT) - 1;
}

/* Recurses, then copies the registers and the stack up to where `top` is, and what main's caller has. */
static __attribute__((noinline)) int dive(int n, struct capture *c, const char *top)
{
	ucontext_t u;

	if (n)
		return dive(n - 1, c, top) + 1;
	getcontext(&u);
	take_registers(&u, &c->regs);
	c->size = (size_t)(top + 1024 - (const char *)c->regs.r[AP_REG_SP]);
	if (c->size > STACK)
		c->size = STACK;
	for (size_t i = 0; i < c->size; i++)
		c->stack[i] = ((const volatile unsigned char *)c->regs.r[AP_REG_SP])[i];
	return 0;
}

static void find(void *ctx, uint64_t address, struct ap_unwind_site *s)
{
	struct world *w = ctx;
	const struct ap_mapping *m = ap_tracker_find(w->tracker, w->process, address);

	memset(s, 0, sizeof *s);
	s->kind = AP_SITE_NOTHING;
	s->end = AP_STACK_END_UNMAPPED;
	if (!m)
		return;
	ap_tables_site(w->tables, m->binary, true, s);
	s->bias = m->bias;
	s->start = m->start;
	s->end_address = m->end;
}

static double ours(struct world *w, const struct capture *c, uint64_t *at, size_t *ret_n)
{
	struct ap_unwind_request rq = {.regs = &c->regs, .stack = c->stack, .stack_size = c->size, .find = find, .ctx = w};
	enum ap_stack_end end;
	uint64_t from = ap_cpu_time_ns();

	for (int i = 0; i < WALKS; i++)
		*ret_n = ap_unwind(&rq, at, DEPTH, &end);
	return (double)(ap_cpu_time_ns() - from) / WALKS;
}

static double theirs(struct world *w, struct dwfl_walk *d, const struct capture *c, const uint64_t *known, size_t n_known, size_t *ret_n)
{
	uint64_t at[DEPTH], from;
	const struct ap_mapping *m;
	const char *error;

	for (size_t i = 0; i < n_known; i++)
		if ((m = ap_tracker_find(w->tracker, w->process, known[i])))
			dwfl_walk_add(d, m);
	dwfl_walk(d, &c->regs, c->stack, c->size, at, DEPTH, &error);
	from = ap_cpu_time_ns();
	for (int i = 0; i < WALKS; i++)
		*ret_n = dwfl_walk(d, &c->regs, c->stack, c->size, at, DEPTH, &error);
	return (double)(ap_cpu_time_ns() - from) / WALKS;
}

static int bench_walk(void)
{
	struct ap_tracker_config tc = {.rows.ctx = NULL};
	static struct capture c;
	struct dwfl_walk *d = dwfl_walk_new((uint32_t)getpid());
	struct world w = {.tracker = NULL};
	struct ap_why why = {""};
	double a[RUNS], b[RUNS];
	uint64_t at[DEPTH];
	size_t n = 0, m = 0;
	char top;

	if (!d || ap_tracker_new(&tc, &w.tracker, &why) || ap_tables_new(64 << 20, &w.tables))
		return 1;
	ap_tracker_scan(w.tracker, (uint32_t)getpid());
	w.process = ap_tracker_process(w.tracker, (uint32_t)getpid(), ap_now_ns());
	dive(DEEP, &c, &top);
	ours(&w, &c, at, &n);
	for (int i = 0; i < RUNS; i++) {
		a[i] = ours(&w, &c, at, &n);
		b[i] = theirs(&w, d, &c, at, n, &m);
	}
	printf("a stack, CPU: ours %.2f us for %zu frames, libdwfl warm %.2f us for %zu; %.1f times as fast\n", median(a) / 1e3, n,
		median(b) / 1e3, m, median(b) / median(a));
	dwfl_walk_free(d);
	ap_tables_free(w.tables);
	ap_tracker_free(w.tracker);
	return n < 30 || n != m;
}

/* Every row that libdw has, found by walking from the first address of the table to its last. */
static double walk_libdw(const char *path, uint64_t from, uint64_t to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t begun = ap_cpu_time_ns();
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	Dwarf_Addr start, end;
	Dwarf_Frame *f;
	bool signal;
	Dwarf_Op *ops, memory[3];
	size_t n;

	for (uint64_t pc = from; cfi && pc < to;) {
		if (dwarf_cfi_addrframe(cfi, pc, &f)) {
			pc++;
			continue;
		}
		dwarf_frame_info(f, &start, &end, &signal);
		dwarf_frame_cfa(f, &ops, &n);
		for (int i = 0; i < AP_REG_COUNT; i++)
			dwarf_frame_register(f, i, memory, &ops, &n);
		free(f);
		pc = end > pc ? end : pc + 1;
	}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
	return (double)(ap_cpu_time_ns() - begun) / 1e6;
}

static int bench_table(const char *path)
{
	struct ap_unwind_table *t = NULL;
	double a[RUNS], b[RUNS];
	uint64_t base = 0, end = 0;
	size_t rows = 0, bytes = 0;

	for (int i = 0; i < RUNS; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		struct ap_unwind_input in = {.fd = fd};
		uint64_t from = ap_cpu_time_ns();

		if (fd < 0 || ap_unwind_table_build(&in, &t, NULL))
			return 1;
		a[i] = (double)(ap_cpu_time_ns() - from) / 1e6;
		rows = ap_unwind_table_rows(t);
		bytes = ap_unwind_table_bytes(t);
		ap_unwind_table_span(t, &base, &end);
		ap_unwind_table_free(t);
		close(fd);
		b[i] = walk_libdw(path, base, end);
	}
	printf("a table, CPU: %s, %zu rows, %zu KiB: ours %.1f ms, libdw %.1f ms; %.1f times as fast\n", path, rows, bytes >> 10, median(a),
		median(b), median(b) / median(a));
	return 0;
}

int main(int argc, char **argv)
{
	int bad = bench_walk();

	elf_version(EV_CURRENT);
	for (int i = 1; i < argc; i++)
		if (bench_table(argv[i]))
			printf("a table: %s has none\n", argv[i]);
	return bad;
}
