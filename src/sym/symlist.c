#include "sym/symlist.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int symlist_read(struct symlist *l, int fd, size_t max_bytes)
{
	char chunk[65536];
	off_t at = 0;
	ssize_t n;

	l->text.max = max_bytes;
	while ((n = pread(fd, chunk, sizeof chunk, at)) > 0) {
		int err = ap_buf_add(&l->text, chunk, (size_t)n);

		if (err)
			return err;
		at += n;
	}
	return n < 0 ? -errno : 0;
}

int symlist_add(struct symlist *l, uint64_t start, uint64_t end, const char *name)
{
	struct symlist_entry *v = ap_grow(&l->v, &l->cap, l->n, sizeof *v);

	if (!v)
		return -ENOMEM;
	v[l->n] = (struct symlist_entry){start, end, (uint32_t)l->n, name};
	l->n++;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct symlist_entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void symlist_sort(struct symlist *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, by_start);
}

static const struct symlist_entry *find(const struct symlist *l, uint64_t address)
{
	const struct symlist_entry *best = NULL;
	size_t low = 0, high = l->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (l->v[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	/* Code that a JIT moved or freed leaves lines that overlap: the newest that holds the address is right. Few starts need looking at. */
	for (size_t back = 0; low > 0 && back < 64; low--, back++) {
		const struct symlist_entry *e = &l->v[low - 1];

		if ((!e->end || address < e->end) && (!best || e->order > best->order))
			best = e;
		if (!e->end)
			break;
	}
	return best;
}

size_t symlist_resolve(const struct symlist *l, const struct ap_sym_job *job, uint64_t bias, const struct sym_out *out)
{
	struct ap_buf name = {.max = 1 << 20};
	size_t named = 0;

	for (size_t i = 0; i < job->n; i++) {
		const struct symlist_entry *e = find(l, job->addresses[i] + bias);
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
	return named;
}

void symlist_done(struct symlist *l)
{
	free(l->v);
	ap_buf_done(&l->text);
}
