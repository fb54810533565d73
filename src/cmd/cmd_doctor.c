/* `aperture doctor`: what works on this machine. Exit 0 when something can be recorded, 1 when nothing can. */
#include "cmd/cmd.h"
#include "cmd/doctor.h"
#include "cmd/sources.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

static void help(FILE *out)
{
	fputs("Examples:\n"
	      "  aperture doctor                  what works here, what does not, and the remedy\n"
	      "  aperture doctor --format=json    the same for a program\n\n"
	      "Each line: works, limited or missing; the subject; what works, or what is lost and the one least-privilege remedy.\n"
	      "Exit: 0 something can be recorded, 1 nothing can, 2 wrong usage.\n",
		out);
}

int cmd_doctor(int argc, char **argv)
{
	/* replay is left out: it works wherever its file is, so there is nothing to examine */
	static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	static struct doctor d;
	const char *format = "text";
	int c, code, err;

	optind = 1;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			help(stdout);
			return 0;
		}
		if (c != 'f')
			return AP_EXIT_USAGE;
		format = optarg;
	}
	if (optind < argc || (strcmp(format, "text") && strcmp(format, "json"))) {
		fprintf(stderr, "aperture doctor: takes only --format=text or --format=json\n");
		return AP_EXIT_USAGE;
	}
	code = doctor_examine(ap_sources_live, &d);
	err = strcmp(format, "json") ? doctor_print_text(&d, stdout) : doctor_print_json(&d, stdout);
	if (err) {
		fprintf(stderr, "aperture doctor: writing the result: %s\n", strerror(-err));
		return AP_EXIT_FAILED;
	}
	return code;
}
