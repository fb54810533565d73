#include "report/labels.h"

#include "agg/stacks.h"

#include <errno.h>
#include <string.h>

static uint64_t hash_of(const char *name, const char *module)
{
	return ap_hash_bytes(name, strlen(name), ap_hash_bytes(module, strlen(module), 0));
}

static uint64_t label_hash(const void *ctx, uint32_t slot)
{
	const struct report_label *l = &((const struct report_labels *)ctx)->v[slot];

	return hash_of(l->name, l->module);
}

static bool label_same(const void *ctx, uint32_t slot, const void *key)
{
	const struct report_label *a = &((const struct report_labels *)ctx)->v[slot], *b = key;

	return !strcmp(a->name, b->name) && !strcmp(a->module, b->module);
}

int report_label(struct report_labels *l, const char *name, const char *module, uint32_t *ret_label)
{
	const struct report_label key = {name, module};
	uint64_t hash = hash_of(name, module);
	uint32_t at = ap_index_find(&l->index, hash, label_same, l, &key);
	struct report_label *v;
	int err;

	if (at == (uint32_t)AP_INDEX_NONE) {
		v = ap_grow(&l->v, &l->cap, l->n, sizeof *v);
		if (!v)
			return -ENOMEM;
		v[l->n] = key;
		at = (uint32_t)l->n;
		err = ap_index_add(&l->index, hash, at, label_hash, l);
		if (err)
			return err;
		l->n++;
	}
	*ret_label = at;
	return 0;
}

/* "[liblzma.so.5]" for the frames of a module that have no name. */
static const char *module_name(struct report_labels *l, const char *module)
{
	struct ap_buf b = {0};
	const char *name = NULL;

	if (!(module[0] == '[' ? ap_buf_puts(&b, module) : ap_buf_printf(&b, "[%s]", report_basename(module))))
		name = ap_arena_strndup(&l->strings, b.data, b.len);
	ap_buf_done(&b);
	return name;
}

static const char *folded_name(struct report_labels *l, const char *function)
{
	struct ap_buf b = {0};
	const char *name = NULL;

	if (!ap_escape_folded(&b, function))
		name = ap_arena_strndup(&l->strings, b.data, b.len);
	ap_buf_done(&b);
	return name;
}

static int label_line(
	struct report_labels *l, const struct report_frame *f, const struct report_line *line, enum report_labelling how, uint32_t *ret)
{
	const char *name = line->function;

	if (how == LABEL_FOLDED)
		name = folded_name(l, line->function);
	else if (how == LABEL_FUNCTIONS && line->number == (uint32_t)REPORT_NO_ROW && f->module[0])
		name = module_name(l, f->module);
	return name ? report_label(l, name, how == LABEL_FOLDED ? "" : f->module, ret) : -ENOMEM;
}

/* Most lines of a file are of few functions: the last label of each (function, module) is tried before any text is touched. */
int report_label_lines(struct report_labels *l, const struct report_names *n, enum report_labelling how, uint32_t **ret_of_line)
{
	AP_AUTO_FREE uint32_t *of_line = calloc(n->n_lines + 1, sizeof *of_line);
	AP_AUTO_FREE uint32_t *label_of = malloc((n->n_functions + 1) * sizeof *label_of);
	AP_AUTO_FREE uint32_t *executable_of = malloc((n->n_functions + 1) * sizeof *executable_of);
	int err = of_line && label_of && executable_of ? 0 : -ENOMEM;

	if (!err)
		memset(label_of, 0xff, (n->n_functions + 1) * sizeof *label_of);
	for (size_t f = 1; f <= n->n_frames && !err; f++) {
		const struct report_frame *frame = &n->frames[f];

		for (uint32_t i = frame->first; i < frame->first + frame->n && !err; i++) {
			uint32_t fn = n->lines[i].number;

			if (fn != (uint32_t)REPORT_NO_ROW && label_of[fn] != UINT32_MAX &&
				(how == LABEL_FOLDED || executable_of[fn] == frame->executable)) {
				of_line[i] = label_of[fn];
				continue;
			}
			err = label_line(l, frame, &n->lines[i], how, &of_line[i]);
			if (!err && fn != (uint32_t)REPORT_NO_ROW) {
				label_of[fn] = of_line[i];
				executable_of[fn] = frame->executable;
			}
		}
	}
	if (!err)
		*ret_of_line = AP_STEAL(of_line);
	return err;
}

void report_labels_done(struct report_labels *l)
{
	free(l->v);
	ap_index_done(&l->index);
	ap_arena_done(&l->strings);
	memset(l, 0, sizeof *l);
}
