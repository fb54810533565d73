/* The command line: one word picks the command. */
#include "config.h"

#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *what;
} COMMANDS[] = {
	{"record", cmd_record, "watch a command, processes or the whole machine, and write one file"},
	{"report", cmd_report, "top, tree, flame graph, folded stacks or summary of a file"},
	{"query", cmd_query, "ask a file in SQL"},
	{"merge", cmd_merge, "put many files into one; again changes nothing"},
	{"symbolize", cmd_symbolize, "add the names that were missing"},
	{"doctor", cmd_doctor, "what works on this machine, what does not, and the remedy"},
};
enum { N_COMMANDS = sizeof COMMANDS / sizeof COMMANDS[0] };

static void usage(FILE *out)
{
	fprintf(out, "Examples:\n"
		     "  aperture record -o run.db -- ./app        record a command\n"
		     "  aperture report run.db --flame -o f.html  its flame graph, one HTML file\n"
		     "  aperture record -p 1234 -d 10             ten seconds of a running process\n"
		     "  sqlite3 run.db 'SELECT * FROM top_functions LIMIT 10'\n\n"
		     "Commands (each has --help and a manual page, man aperture-COMMAND):\n");
	for (int i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", COMMANDS[i].word, COMMANDS[i].what);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return AP_EXIT_USAGE;
	}
	for (int i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[1], COMMANDS[i].word))
			return COMMANDS[i].run(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("aperture %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	fprintf(stderr, "aperture: %s is no command; `aperture --help` lists them\n", argv[1]);
	return AP_EXIT_USAGE;
}
