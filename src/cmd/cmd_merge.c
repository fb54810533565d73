/* `aperture merge -o OUT FILE...` */
#include "cmd/cmd.h"
#include "store/store.h"

#include <getopt.h>
#include <stdio.h>

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
			printf("Examples:\n  aperture merge -o fleet.db a.db b.db c.db     many files into one, made when it is not there\n"
			       "  aperture merge -o fleet.db d.db               one more; a file merged again changes nothing\n\n"
			       "A file that is truncated, foreign, newer or damaged is refused by name, and the output stays as it was.\n");
			return 0;
		}
		if (c != 'o')
			return AP_EXIT_USAGE;
		out = optarg;
	}
	if (!out || optind == argc) {
		fprintf(stderr, "aperture merge: give -o OUT and the files to merge: aperture merge -o fleet.db a.db b.db\n");
		return AP_EXIT_USAGE;
	}
	if (ap_store_merge(out, (const char *const *)(argv + optind), (size_t)(argc - optind), &stats, &why)) {
		fprintf(stderr, "aperture merge: %s\n", why.text);
		return AP_EXIT_FAILED;
	}
	fprintf(stderr, "aperture: %llu files: %llu runs with %llu samples added, %llu runs were there already; %s\n", (unsigned long long)stats.files,
		(unsigned long long)stats.runs_added, (unsigned long long)stats.samples_added, (unsigned long long)stats.runs_known, out);
	return 0;
}
