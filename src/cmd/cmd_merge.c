/* `aperture merge`: many files into one. */
#include "cmd/cmd.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>

static void help(void)
{
	printf("Examples:\n"
	       "  aperture merge -o all.db host1.db host2.db    both into all.db, which is made or added to\n\n"
	       "Runs that all.db has already are left out, so merging again changes nothing.\n");
}

int cmd_merge(int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	const char *out = NULL;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return 0;
		}
		if (c != 'o') {
			fprintf(stderr, "aperture merge: see `aperture merge --help`\n");
			return AP_EXIT_USAGE;
		}
		out = optarg;
	}
	if (!out || optind == argc) {
		fprintf(stderr, "aperture merge: give -o OUT and at least one file, such as: aperture merge -o all.db a.db b.db\n");
		return AP_EXIT_USAGE;
	}
	if (ap_store_merge(out, (const char *const *)argv + optind, (size_t)(argc - optind), &stats, &why)) {
		fprintf(stderr, "aperture merge: %s\n", why.text);
		return AP_EXIT_FAILED;
	}
	fprintf(stderr, "aperture: %s: %llu runs and %llu samples added, %llu runs were there already\n", out,
		(unsigned long long)stats.runs_added, (unsigned long long)stats.samples_added, (unsigned long long)stats.runs_known);
	return 0;
}
