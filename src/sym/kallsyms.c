/* /proc/kallsyms: "address type name [module]" a line. Addresses of a job are relative to kernel_text. */
#include "sym/symlist.h"

#include <string.h>

enum { KALLSYMS_MAX = 64 << 20 };

static void add_line(struct symlist *l, char *line)
{
	char *at, *name;
	uint64_t start = strtoull(line, &at, 16);

	if (at == line || at[0] != ' ' || !strchr("tTwWvV", at[1]) || at[2] != ' ' || !start)
		return;
	name = at + 3;
	name[strcspn(name, "\t")] = '\0';
	symlist_add(l, start, 0, name);
}

size_t sym_resolve_kallsyms(const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	struct symlist l = {0};
	char *line, *rest;
	size_t named = 0;

	why->text[0] = '\0';
	if (job->fd < 0 || symlist_read(&l, job->fd, KALLSYMS_MAX))
		ap_why(why, 0, "/proc/kallsyms cannot be read");
	for (line = l.text.data ? strtok_r(l.text.data, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
		add_line(&l, line);
	symlist_sort(&l);
	named = l.n ? symlist_resolve(&l, job, job->kernel_text, out) : 0;
	if (!l.n && !why->text[0])
		ap_why(why, 0, "/proc/kallsyms hides its addresses: run sysctl kernel.kptr_restrict=1 and record with CAP_SYSLOG");
	symlist_done(&l);
	return named;
}
