#include "perf/events.h"

#include <errno.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_BYTES = 256 };

static const struct {
	const char *name;
	__u32 type;
	__u64 config;
} KNOWN[] = {
	{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
	{"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
	{"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
	{"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
	{"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
	{"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
	{"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
	{"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
	{"alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
	{"emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	{"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
	{"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	{"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
	{"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
	{"bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
	{"ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
};

/* True: every letter is a modifier, and they are applied. */
static bool apply_modifiers(const char *m, struct perf_event_attr *a)
{
	if (!*m || strspn(m, "ukPp") != strlen(m))
		return false;
	if (strpbrk(m, "uk")) {
		a->exclude_user = !strchr(m, 'u');
		a->exclude_kernel = !strchr(m, 'k');
		a->exclude_hv = 1;
	}
	for (; *m; m++)
		if (*m == 'P')
			a->precise_ip = 3;
		else if (*m == 'p' && a->precise_ip < 3)
			a->precise_ip++;
	return true;
}

static int parse_pfm(const char *name, struct perf_event_attr *a, struct ap_why *why)
{
	pfm_perf_encode_arg_t arg = {.attr = a, .size = sizeof arg};
	int err = pfm_initialize();

	if (err == PFM_SUCCESS)
		err = pfm_get_os_event_encoding(name, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT_EXT, &arg);
	if (err == PFM_SUCCESS)
		return 0;
	return ap_why(why, EINVAL, "-e %s: libpfm4 says: %s; try cycles or cpu-clock, or a name of this CPU from `perf list`", name, pfm_strerror(err));
}

int ap_perf_event_parse(const char *name, struct perf_event_attr *ret_attr, struct ap_why *why)
{
	struct perf_event_attr a = {.size = sizeof a};
	char base[NAME_MAX_BYTES], *colon;
	int err;

	if (strlen(name) >= sizeof base)
		return ap_why(why, EINVAL, "-e %.40s...: the name is too long", name);
	snprintf(base, sizeof base, "%s", name);
	colon = strrchr(base, ':');
	if (colon && apply_modifiers(colon + 1, &a))
		*colon = '\0';
	for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
		if (!strcasecmp(base, KNOWN[i].name)) {
			a.type = KNOWN[i].type;
			a.config = KNOWN[i].config;
			*ret_attr = a;
			return 0;
		}
	memset(&a, 0, sizeof a);
	a.size = sizeof a;
	err = parse_pfm(name, &a, why);
	if (!err)
		*ret_attr = a;
	return err;
}
