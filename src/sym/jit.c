/* The job's addresses are sorted, so a piece of code finds those that it holds by one search, and the pieces may come in any number and
 * order and overlap: of those that had come when an address was last seen, the latest is right. A jitdump knows more than a perf map: it is
 * read second. */
#include "sym/jit.h"

#include <errno.h>
#include <string.h>

int jit_codes_put(struct jit_codes *c, uint64_t start, uint64_t end, uint64_t time_ns, const struct jit_code *code)
{
	const struct ap_sym_job *job = c->job;
	size_t low = 0, high = job->n, middle;
	const char *name = NULL;
	uint64_t until;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (job->addresses[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < job->n && job->addresses[low] < end; low++) {
		until = job->seen_ns && job->seen_ns[low] ? job->seen_ns[low] : job->until_ns;
		if (until && time_ns > until)
			continue;
		if (!name)
			name = ap_arena_strndup(&c->names, code->name, strlen(code->name));
		if (!name)
			return -ENOMEM;
		c->v[low] = *code;
		c->v[low].name = name;
	}
	return 0;
}

size_t sym_resolve_jit(const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	struct jit_codes c = {.job = job, .v = calloc(job->n + 1, sizeof *c.v)};
	struct ap_buf name = {.max = 1 << 20};
	size_t named = 0;

	why->text[0] = '\0';
	if (c.v && job->fd >= 0)
		jit_read_map(&c, job->fd, why);
	if (c.v && job->jitdump_fd >= 0)
		jit_read_dump(&c, job->jitdump_fd, why);
	for (size_t i = 0; c.v && i < job->n; i++) {
		struct ap_sym_line line = {.linkage_name = "", .file = "", .function_file = ""};

		name.len = 0;
		if (!c.v[i].name || !c.v[i].name[0] || ap_sym_demangle(c.v[i].name, &name))
			continue;
		line.function = name.data;
		line.linkage_name = strcmp(name.data, c.v[i].name) ? c.v[i].name : "";
		if (c.v[i].debug_at)
			jit_line(&c, job->jitdump_fd, &c.v[i], job->addresses[i], &line);
		out->put(out->ctx, job->ids[i], &line, 1);
		named++;
	}
	if (job->fd < 0 && job->jitdump_fd < 0)
		ap_why(why, 0, "%s has no /tmp/perf-PID.map: start the program with its JIT's option for perf (node --perf-basic-prof)",
			job->path);
	ap_buf_done(&name);
	ap_arena_done(&c.names);
	free(c.v);
	return named;
}
