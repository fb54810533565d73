/* `aperture record`: arguments, signals, the one line at the end, and the command's own exit status. */
#include "cmd/cmd.h"

#include "base/share.h"
#include "cmd/privilege.h"
#include "cmd/record_args.h"
#include "cmd/sources.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_OURS = 125, EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

static atomic_int stop_requested, to_forward, last_signal;

static void on_signal(int number, siginfo_t *info, void *context)
{
	int expected = 0;

	atomic_store(&last_signal, number);
	/* A terminal sends its Ctrl-C to the command too; kill(2) does not. */
	if (info->si_code <= 0)
		atomic_store(&to_forward, number);

	/* The second one skips the names and does not wait for the command; what is stored is sealed in any case. */
	if (!atomic_compare_exchange_strong(&stop_requested, &expected, 1))
		atomic_store(&stop_requested, 2);
}

static void help(void)
{
	printf("Examples:\n"
	       "  aperture record -- ./app                    run and record a command into run.db\n"
	       "  aperture record -o web.db -p 1234 -d 10     ten seconds of a running process\n"
	       "  aperture record -a -F 997 -d 5              the whole machine, 997 samples a second on each CPU\n\n"
	       "What:   -- COMMAND | -p PID,... | -t TID,... | -a   narrowed by -C CPUS, -u USER, -G CGROUP\n"
	       "        -e EVENT,...        events by libpfm4's or the kernel's names (default: cycles:P, else cycles, else cpu-clock)\n"
	       "        -F HZ|max           samples a second (default 99)       -c PERIOD  one sample every PERIOD events\n"
	       "How:    --source=auto|bpf|perf  --call-graph=auto|dwarf[,BYTES]|fp|none\n"
	       "        -d SECONDS          how long     -D MS   leave out the target's first milliseconds\n"
	       "        -o FILE             default run.db; an Aperture file there is kept as FILE.old\n"
	       "        --max-size SIZE  --max-memory SIZE  --label KEY=VALUE  --no-symbols  -q  -v\n"
	       "        --save-events FILE  keep all events too;  --replay FILE  play such a file instead of watching (for tests of "
	       "Aperture)\n\n"
	       "Exit: the command's own status; 125 our own failure, 126 cannot execute, 127 not found; without a command 0 or 1.\n");
}

static void print_share(const char *what, double pct)
{
	if (pct >= 0)
		fprintf(stderr, ", %.1f %% %s", ap_share_shown(pct), what);
}

static void print_cost(const char *what, const struct ap_source_cost *c)
{
	if (c->n)
		fprintf(stderr, "aperture: %s in the kernel: median %.2f us, 99 %% within %.2f us\n", what, (double)c->median_ns / 1e3,
			(double)c->p99_ns / 1e3);
}

/* -v */
static void print_own_cost(const struct ap_session_result *r)
{
	fprintf(stderr, "aperture: recorder used %.0f ms of CPU and %.1f MB of memory\n", (double)r->recorder_cpu_ns / 1e6,
		(double)r->recorder_peak_bytes / 1e6);
	print_cost("a sample", &r->hit_cost);
	print_cost("its unwinding", &r->unwind_cost);
	if (r->hit_cost.n)
		fprintf(stderr, "aperture: %llu samples were unwound by the recorder\n", (unsigned long long)r->cold);
}

static void print_end(const struct record_args *a, const struct ap_session_result *r)
{
	if (a->quiet)
		return;
	if (r->note.text[0])
		fprintf(stderr, "aperture: note: %s\n", r->note.text);
	fprintf(stderr, "aperture: %llu samples, %llu lost", (unsigned long long)r->samples, (unsigned long long)r->lost);
	print_share("of stacks whole", r->complete_pct);
	print_share("of frames named", r->symbolised_pct);
	fprintf(stderr, "; %s, %.1f MB (source %s)\n", a->session.output, (double)r->file_bytes / 1e6, r->source);
	if (a->verbose)
		print_own_cost(r);
	fprintf(stderr, "next: aperture report %s --flame -o flame.html\n", a->session.output);
}

/* Once the file is sealed: the line at the end, and what is being waited for. */
static void on_sealed(void *ctx, const struct ap_session_result *r, int err, const struct ap_why *why, pid_t running)
{
	const struct record_args *a = ctx;

	if (err)
		fprintf(stderr, "aperture record: %s\n", why->text);
	else
		print_end(a, r);
	if (running && !a->quiet)
		fprintf(stderr, "aperture: %s (process %d) runs on; waiting for it, Ctrl-C leaves it alone\n", a->command[0], (int)running);
}

/* SIGINT is taken even where it was ignored, as in a shell's background job, so that `kill -INT` ends the recording well; a hang-up that
 * nohup has us ignore stays ignored. The command gets all of them as they were. */
static void catch_signals(sigset_t *ret_ignored)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, old;

	sigemptyset(&sa.sa_mask);
	sigemptyset(ret_ignored);
	for (size_t i = 0; i < AP_ARRAY_LEN(numbers); i++) {
		if (!sigaction(numbers[i], NULL, &old) && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_IGN)
			sigaddset(ret_ignored, numbers[i]);
		if (numbers[i] == SIGPIPE)
			signal(SIGPIPE, SIG_IGN);
		else if (numbers[i] != SIGHUP || sigismember(ret_ignored, SIGHUP) != 1)
			sigaction(numbers[i], &sa, NULL);
	}
}

static int end_by(int number)
{
	const struct rlimit no_core = {0};

	setrlimit(RLIMIT_CORE, &no_core); /* it was not we who crashed */
	signal(number, SIG_DFL);
	raise(number);
	return 128 + number;
}

/* Ends as the command did, or by the signal that made us leave it. */
static int exit_as(const struct record_args *a, const struct ap_session_result *r)
{
	if (!a->command)
		return 0;
	if (!r->has_status)
		return end_by(atomic_load(&last_signal));
	return WIFSIGNALED(r->wait_status) ? end_by(WTERMSIG(r->wait_status)) : WEXITSTATUS(r->wait_status);
}

static int exit_failed(const struct record_args *a, const struct ap_session_result *r, int err)
{
	if (!a->command)
		return AP_EXIT_FAILED;
	if (!strcmp(r->note.text, "exec"))
		return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
	return EXIT_OURS;
}

int cmd_record(int argc, char **argv)
{
	struct ap_session_result result;
	struct ap_why why = {""};
	struct record_args a;
	int err = record_args_parse(argc, argv, &a), code;

	if (err)
		return err;
	if (a.help) {
		help();
		record_args_done(&a);
		return 0;
	}
	catch_signals(&a.session.ignored);
	a.session.attached = privilege_drop;
	a.session.sealed = on_sealed;
	a.session.sealed_ctx = &a;
	a.session.stop = &stop_requested;
	a.session.forward = &to_forward;
	a.session.sources = strcmp(a.source, "auto") ? ap_sources_named(a.source) : ap_sources_live;
	a.session.source_forced = strcmp(a.source, "auto") != 0;
	err = ap_session_run(&a.session, &result, &why);
	if (err && !result.sealed)
		fprintf(stderr, "aperture record: %s\n", why.text);
	code = err ? exit_failed(&a, &result, err) : exit_as(&a, &result);
	record_args_done(&a);
	return code;
}
