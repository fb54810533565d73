/* /proc/kallsyms: "address type name [module]" a line. A symbol reaches to the next. Addresses of a job are relative to kernel_text. Where
 * the kernel hides its addresses they are all 0, and no symbol is left. */
#include "sym/kallsyms.h"

#include "base/file.h"
#include "sym/resolve.h"

#include <errno.h>
#include <string.h>

enum { KALLSYMS_MAX = 64 << 20 };

static int add_line(struct kallsyms *k, char *line)
{
	char *at, *name;
	uint64_t start = strtoull(line, &at, 16);

	if (at == line || at[0] != ' ' || !at[1] || !strchr("tTwWvV", at[1]) || at[2] != ' ' || !start)
		return 0;
	name = at + 3;
	name[strcspn(name, "\t")] = '\0';
	if (!ap_grow(&k->v, &k->cap, k->n, sizeof *k->v))
		return -ENOMEM;
	k->v[k->n] = (struct kallsym){start, (uint32_t)k->n, name};
	k->n++;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct kallsym *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void read_all(struct kallsyms *k, int fd)
{
	char chunk[65536], *line, *rest;
	uint64_t at = 0;
	ssize_t n;

	k->known = true;
	k->text.max = KALLSYMS_MAX;
	while (!k->cut && (n = ap_pread_all(fd, chunk, sizeof chunk, at)) > 0) {
		k->cut = ap_buf_add(&k->text, chunk, (size_t)n) != 0;
		at += (uint64_t)n;
	}
	for (line = k->text.data ? strtok_r(k->text.data, "\n", &rest) : NULL; line && !k->cut; line = strtok_r(NULL, "\n", &rest))
		k->cut = add_line(k, line) != 0;
	if (k->n)
		qsort(k->v, k->n, sizeof *k->v, by_start);
}

/* NULL: before the first. */
static const struct kallsym *find(const struct kallsyms *k, uint64_t address)
{
	size_t low = 0, high = k->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (k->v[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &k->v[low - 1] : NULL;
}

size_t sym_resolve_kallsyms(struct kallsyms *k, const struct ap_sym_job *job, const struct sym_out *out, struct ap_why *why)
{
	struct ap_buf name = {.max = 1 << 16};
	size_t named = 0;

	why->text[0] = '\0';
	if (!k->known && job->fd >= 0)
		read_all(k, job->fd);
	for (size_t i = 0; i < job->n; i++) {
		const struct kallsym *e = find(k, job->addresses[i] + job->kernel_text);
		struct ap_sym_line line = {.linkage_name = "", .file = "", .function_file = ""};

		name.len = 0;
		if (!e || !e->name[0] || ap_sym_demangle(e->name, &name))
			continue;
		line.function = name.data;
		line.linkage_name = strcmp(name.data, e->name) ? e->name : "";
		out->put(out->ctx, job->ids[i], &line, 1);
		named++;
	}
	ap_buf_done(&name);
	if (!k->text.len)
		ap_why(why, 0, "/proc/kallsyms cannot be read");
	else if (!k->n)
		ap_why(why, 0, "/proc/kallsyms hides its addresses: record as root, or with CAP_SYSLOG and kernel.kptr_restrict=1");
	else if (k->cut)
		ap_why(why, 0, "/proc/kallsyms is larger than %d MB or than memory: some kernel names are missing", KALLSYMS_MAX >> 20);
	return named;
}

void kallsyms_done(struct kallsyms *k)
{
	free(k->v);
	ap_buf_done(&k->text);
}
