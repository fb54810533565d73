/* /tmp/perf-PID.map: "START SIZE name" a line, hexadecimal with or without 0x (JDK 25 writes 0x). */
#include "sym/symlist.h"

#include <string.h>

enum { MAP_MAX = 256 << 20 };

static void add_line(struct symlist *l, char *line)
{
	char *at, *name;
	uint64_t start = strtoull(line, &at, 16), size;

	if (at == line || *at != ' ')
		return;
	size = strtoull(at, &name, 16);
	if (name == at || *name != ' ' || !size || start + size < start)
		return;
	symlist_add(l, start, start + size, name + strspn(name, " "));
}

size_t sym_resolve_perfmap(const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	struct symlist l = {0};
	char *line, *rest;
	size_t named = 0;

	why->text[0] = '\0';
	if (job->fd < 0) {
		ap_why(why, 0, "%s has no /tmp/perf-PID.map: start the program with its JIT's option for perf (node --perf-basic-prof)", job->path);
		return 0;
	}
	if (symlist_read(&l, job->fd, MAP_MAX))
		ap_why(why, 0, "the perf map of %s is larger than %d MB or cannot be read", job->path, MAP_MAX >> 20);
	for (line = l.text.data ? strtok_r(l.text.data, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		add_line(&l, line);
	symlist_sort(&l);
	named = symlist_resolve(&l, job, 0, out);
	symlist_done(&l);
	return named;
}
