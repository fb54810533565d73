/* One switch over getopt_long; lists are comma-separated and may be repeated. Everything is copied, nothing points into optarg but names. */
#include "cmd/record_args.h"

#include "cmd/cmd.h"
#include "cmd/parse.h"
#include "cmd/sources.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum {
	OPT_CALL_GRAPH = 256, OPT_LABEL, OPT_MAX_SIZE, OPT_MAX_MEMORY, OPT_NO_SYMBOLS, OPT_SOURCE, OPT_HELP, OPT_DEBUG_DIR, OPT_REPLAY, OPT_SAVE_EVENTS,
	OPT_LATER,
};

static const struct option OPTIONS[] = {
	{"output", required_argument, NULL, 'o'}, {"pid", required_argument, NULL, 'p'}, {"tid", required_argument, NULL, 't'},
	{"all-cpus", no_argument, NULL, 'a'}, {"cpu", required_argument, NULL, 'C'}, {"uid", required_argument, NULL, 'u'},
	{"cgroup", required_argument, NULL, 'G'}, {"event", required_argument, NULL, 'e'}, {"freq", required_argument, NULL, 'F'},
	{"count", required_argument, NULL, 'c'}, {"duration", required_argument, NULL, 'd'}, {"delay", required_argument, NULL, 'D'},
	{"call-graph", required_argument, NULL, OPT_CALL_GRAPH}, {"label", required_argument, NULL, OPT_LABEL},
	{"max-size", required_argument, NULL, OPT_MAX_SIZE}, {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
	{"no-symbols", no_argument, NULL, OPT_NO_SYMBOLS}, {"source", required_argument, NULL, OPT_SOURCE},
	{"replay", required_argument, NULL, OPT_REPLAY}, {"save-events", required_argument, NULL, OPT_SAVE_EVENTS}, {"quiet", no_argument, NULL, 'q'}, {"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, OPT_HELP}, {"off-cpu", no_argument, NULL, OPT_LATER}, {"locks", no_argument, NULL, OPT_LATER},
	{"syscalls", no_argument, NULL, OPT_LATER}, {"gpu", no_argument, NULL, OPT_LATER}, {"all", no_argument, NULL, OPT_LATER},
	{"threshold", required_argument, NULL, OPT_LATER}, {0}};

static int bad(const char *option, const char *value, const char *want)
{
	fprintf(stderr, "aperture record: %s %s: %s\n", option, value, want);
	return AP_EXIT_USAGE;
}

/* Splits `list` at commas into a growing array of strings kept in the arena. */
static int split(struct record_args *a, const char *list, const char ***items, size_t *n)
{
	size_t len;
	const char **v;

	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (!len)
			continue;
		v = *n < RECORD_LIST_MAX ? realloc(*items, (*n + 1) * sizeof *v) : NULL;
		if (!v)
			return -1;
		*items = v;
		v[*n] = ap_arena_strndup(&a->strings, list, len);
		if (!v[(*n)++])
			return -1;
	}
	return 0;
}

static bool holds(const pid_t *ids, size_t n, pid_t id)
{
	while (n--)
		if (ids[n] == id)
			return true;
	return false;
}

static int parse_ids(struct record_args *a, const char *option, const char *list, pid_t **ids, size_t *n)
{
	AP_AUTO_FREE const char **items = NULL;
	size_t count = 0;
	uint64_t v;
	pid_t *grown;

	if (split(a, list, &items, &count) || !count)
		return bad(option, list, "give process IDs, separated by commas");
	grown = realloc(*ids, (*n + count) * sizeof *grown);
	if (!grown)
		return bad(option, list, "out of memory");
	*ids = grown;
	for (size_t i = 0; i < count; i++) {
		if (!ap_parse_u64(items[i], &v) || !v || v > INT32_MAX)
			return bad(option, items[i], "this is no process ID");
		if (!holds(grown, *n, (pid_t)v)) /* twice would count twice */
			grown[(*n)++] = (pid_t)v;
	}
	return 0;
}

/* 0-3,5 */
static int parse_cpus(struct record_args *a, const char *list)
{
	struct ap_source_config *sc = &a->session.source;
	AP_AUTO_FREE const char **items = NULL;
	size_t count = 0;
	unsigned first, last;
	int used, *grown;

	if (split(a, list, &items, &count))
		return bad("-C", list, "out of memory");
	for (size_t i = 0; i < count; i++) {
		used = 0;
		if (sscanf(items[i], "%u-%u%n", &first, &last, &used) != 2 || items[i][used]) {
			used = 0;
			if (sscanf(items[i], "%u%n", &first, &used) != 1 || items[i][used])
				return bad("-C", list, "give CPU numbers such as 0-3,5");
			last = first;
		}
		if (last < first || last > 1 << 20)
			return bad("-C", list, "give CPU numbers such as 0-3,5");
		grown = realloc(a->cpus, (sc->n_cpus + last - first + 1) * sizeof *grown);
		if (!grown)
			return bad("-C", list, "out of memory");
		a->cpus = grown;
		for (; first <= last; first++)
			grown[sc->n_cpus++] = (int)first;
	}
	return 0;
}

static int parse_user(struct record_args *a, const char *s)
{
	struct passwd *pw = getpwnam(s);
	uint64_t v;

	if (!pw && (!ap_parse_u64(s, &v) || v > UINT32_MAX - 1))
		return bad("-u", s, "there is no such user");
	a->session.source.has_uid = true;
	a->session.source.uid = pw ? pw->pw_uid : (uid_t)v;
	return 0;
}

static int parse_frequency(struct record_args *a, const char *s)
{
	uint64_t v;

	if (!strcmp(s, "max"))
		v = UINT64_MAX;
	else if (!ap_parse_u64(s, &v) || !v || v > 1000000)
		return bad("-F", s, "give samples a second, 1 to 1000000, or max");
	a->session.source.frequency_hz = v;
	a->session.source.period = 0;
	return 0;
}

static int parse_call_graph(struct record_args *a, const char *s)
{
	struct ap_source_config *sc = &a->session.source;
	uint64_t bytes;

	if (!strncmp(s, "dwarf,", 6)) {
		if (!ap_parse_size(s + 6, &bytes) || bytes < 1024 || bytes > 65528)
			return bad("--call-graph", s, "the stack dump is 1024 to 65528 bytes");
		sc->stack_dump_bytes = (uint32_t)bytes & ~7u;
		sc->call_graph = AP_CALL_GRAPH_DWARF;
		return 0;
	}
	static const char *const names[] = {[AP_CALL_GRAPH_AUTO] = "auto", [AP_CALL_GRAPH_DWARF] = "dwarf", [AP_CALL_GRAPH_FP] = "fp",
		[AP_CALL_GRAPH_NONE] = "none"};
	for (size_t i = 0; i < AP_ARRAY_LEN(names); i++)
		if (!strcmp(s, names[i])) {
			sc->call_graph = (enum ap_call_graph)i;
			return 0;
		}
	return bad("--call-graph", s, "choose auto, dwarf, dwarf,BYTES, fp or none");
}

static int parse_label(struct record_args *a, const char *s, size_t *n)
{
	const char *eq = strchr(s, '=');
	const char **v = realloc(a->labels, (*n + 3) * sizeof *v);

	if (v)
		a->labels = v;
	if (!v || !eq || eq == s)
		return bad("--label", s, "give KEY=VALUE");
	v[(*n)++] = ap_arena_strndup(&a->strings, s, (size_t)(eq - s));
	v[(*n)++] = ap_arena_strndup(&a->strings, eq + 1, strlen(eq + 1));
	v[*n] = NULL;
	return v[*n - 1] && v[*n - 2] ? 0 : bad("--label", s, "out of memory");
}

static int parse_source(struct record_args *a, const char *s)
{
	if (strcmp(s, "auto") && !ap_sources_named(s))
		return bad("--source", s, strcmp(s, "bpf") ? "choose auto, bpf or perf" : "this build has no eBPF source: ./configure says why");
	snprintf(a->source, sizeof a->source, "%s", s);
	return 0;
}

static int later(const char *option)
{
	fprintf(stderr, "aperture record: %s is not in this version, which records on-CPU samples\n", option);
	return AP_EXIT_USAGE;
}

static int parse_one(struct record_args *a, int c, const char *s, const char *option, size_t *n_labels)
{
	struct ap_session_config *cfg = &a->session;

	switch (c) {
	case 'o':
		cfg->output = s;
		return s[0] ? 0 : bad("-o", s, "give a file name");
	case 'p':
		return parse_ids(a, "-p", s, &a->pids, &cfg->source.n_pids);
	case 't':
		return parse_ids(a, "-t", s, &a->tids, &cfg->source.n_tids);
	case 'a':
		cfg->source.all = true;
		return 0;
	case 'C':
		return parse_cpus(a, s);
	case 'u':
		return parse_user(a, s);
	case 'G':
		cfg->source.cgroup = s;
		return 0;
	case 'e':
		if (split(a, s, &a->events, &cfg->source.n_events))
			return bad("-e", s, "out of memory");
		return cfg->source.n_events ? 0 : bad("-e", s, "give names of events, separated by commas");
	case 'F':
		return parse_frequency(a, s);
	case 'c':
		cfg->source.frequency_hz = 0;
		return ap_parse_u64(s, &cfg->source.period) && cfg->source.period ? 0 : bad("-c", s, "give a count of events, 1 or more");
	case 'd':
		return ap_parse_seconds(s, &cfg->duration_ns) && cfg->duration_ns ? 0 : bad("-d", s, "give seconds, such as 10 or 0.5");
	case 'D': {
		uint64_t ms;

		if (!ap_parse_u64(s, &ms) || ms > 86400000)
			return bad("-D", s, "give milliseconds");
		cfg->delay_ns = ms * 1000000;
		return 0;
	}
	case OPT_CALL_GRAPH:
		return parse_call_graph(a, s);
	case OPT_LABEL:
		return parse_label(a, s, n_labels);
	case OPT_MAX_SIZE:
		return ap_parse_size(s, &cfg->max_size) && cfg->max_size >= 1 << 20 ? 0 : bad("--max-size", s, "give 1M or more");
	case OPT_MAX_MEMORY:
		return ap_parse_size(s, &cfg->max_memory) && cfg->max_memory >= 1 << 20 ? 0 : bad("--max-memory", s, "give 1M or more");
	case OPT_NO_SYMBOLS:
		cfg->symbols = false;
		return 0;
	case OPT_SOURCE:
		return parse_source(a, s);
	case OPT_REPLAY:
		cfg->source.replay_path = s;
		snprintf(a->source, sizeof a->source, "replay");
		return 0;
	case OPT_SAVE_EVENTS:
		cfg->save_events = s;
		return 0;
	case 'q':
		a->quiet = true;
		return 0;
	case 'v':
		a->verbose = cfg->source.measure = true;
		return 0;
	case OPT_HELP:
		a->help = true;
		return 0;
	case OPT_LATER:
		return later(option);
	default:
		fprintf(stderr, "aperture record: see `aperture record --help`\n");
		return AP_EXIT_USAGE;
	}
}

static int check_target(struct record_args *a, int argc, char **argv)
{
	struct ap_source_config *sc = &a->session.source;
	bool picked = sc->n_pids || sc->n_tids;

	if (optind < argc)
		a->command = argv + optind;
	if (sc->replay_path && (picked || sc->all || sc->cgroup || a->command || a->session.delay_ns))
		return bad("--replay", sc->replay_path, "nothing is watched, so no target can be named");
	if (sc->replay_path && a->session.save_events && !strcmp(sc->replay_path, a->session.save_events))
		return bad("--save-events", a->session.save_events, "this is the file that is played");
	if (a->command && (picked || sc->all))
		return bad("--", a->command[0], "a command cannot be combined with -p, -t or -a");
	if (sc->cgroup && (picked || a->command))
		return bad("-G", sc->cgroup, "a whole cgroup is watched; it cannot be combined with a command, -p or -t");
	if (picked && sc->all)
		return bad("-a", "", "the whole machine cannot be combined with -p or -t");
	if (!a->command && !picked && !sc->replay_path)
		sc->all = true;
	return 0;
}

int record_args_parse(int argc, char **argv, struct record_args *a)
{
	size_t n_labels = 0;
	int c, index = 0, err = 0;

	memset(a, 0, sizeof *a);
	a->session.output = "run.db";
	a->session.symbols = true;
	a->session.source.frequency_hz = 99;
	snprintf(a->source, sizeof a->source, "auto");
	for (int i = 1; i < argc; i++)
		ap_buf_printf(&a->options, "%s%s", i > 1 ? " " : "", argv[i]);
	optind = 1;
	while (!err && (c = getopt_long(argc, argv, "+o:p:t:aC:u:G:e:F:c:d:D:qvgh", OPTIONS, &index)) != -1)
		if (c != 'g') /* perf's habit: call graphs are on anyway */
			err = parse_one(a, c == 'h' ? OPT_HELP : c, optarg, argv[optind - 1], &n_labels);
	if (!err && !a->help)
		err = check_target(a, argc, argv);
	a->session.source.pids = a->pids;
	a->session.source.tids = a->tids;
	a->session.source.cpus = a->cpus;
	a->session.source.events = a->events;
	a->session.labels = a->labels;
	a->session.command = a->command;
	a->session.options = a->options.data ? a->options.data : "";
	if (err)
		record_args_done(a);
	return err;
}

void record_args_done(struct record_args *a)
{
	free(a->pids);
	free(a->tids);
	free(a->cpus);
	free(a->events);
	free(a->labels);
	ap_arena_done(&a->strings);
	ap_buf_done(&a->options);
}
