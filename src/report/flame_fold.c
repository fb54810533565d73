/* What is kept (flame_keep.c), as text. The limit is raised until the text fits; tries are few because the text grows with the nodes. */
#include "report/flame_fold.h"

#include "report/flame_keep.h"

#include <errno.h>
#include <string.h>

/* A part of the text that grows longer than TEXT_MAX ends the try. */
enum { TRIES_MAX = 16, TEXT_MAX = 8 << 20 };

struct folding {
	const struct flame_tree *t;
	const bool *skip;
	struct flame_kept kept;
	uint32_t *next;                    /* by kept node: its child to be written next */
	uint32_t *uses, *order, *frame_no; /* by frame; uses and numbers are of kept nodes */
	uint32_t n_strings;
};

int flame_number(struct ap_buf *b, uint64_t v)
{
	static const char digits[] = "#$%&'()*+,-./0123456789:;=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~";
	char text[16];
	size_t n = 0;

	for (; v >= 45; v /= 45)
		text[n++] = digits[45 + v % 45];
	text[n++] = digits[v];
	return ap_buf_add(b, text, n);
}

static int by_uses(const void *a, const void *b, void *ctx)
{
	const uint32_t *x = a, *y = b, *uses = ctx;

	return uses[*x] != uses[*y] ? (uses[*x] > uses[*y] ? -1 : 1) : *x < *y ? -1 : *x > *y;
}

static int put_string(struct folding *f, struct flame_text *x, uint32_t s)
{
	int err = 0;

	if (!x->string_no[s]) {
		if (f->n_strings)
			err = ap_buf_puts(&x->strings, ",");
		x->string_no[s] = ++f->n_strings;
		if (!err)
			err = ap_escape_json(&x->strings, f->t->strings[s]);
	}
	return err;
}

/* What is used most has the shortest number; 0 is the box that stands for what is left out. */
static int put_frames(struct folding *f, struct flame_text *x)
{
	const struct flame_tree *t = f->t;
	int err = put_string(f, x, 0);

	for (size_t i = 0; i < t->n_frames; i++)
		f->order[i] = (uint32_t)i;
	qsort_r(f->order, t->n_frames, sizeof *f->order, by_uses, f->uses);
	for (size_t i = 0; i < t->n_frames && f->uses[f->order[i]] && !err; i++) {
		const struct flame_frame *fr = &t->frames[f->order[i]];

		f->frame_no[f->order[i]] = (uint32_t)++x->n_frames;
		err = put_string(f, x, fr->name);
		if (!err)
			err = put_string(f, x, fr->module);
		if (!err)
			err = put_string(f, x, fr->file);
		if (!err)
			err = flame_number(&x->frames, (uint64_t)fr->kind);
		if (!err)
			err = flame_number(&x->frames, x->string_no[fr->name] - 1);
		if (!err)
			err = flame_number(&x->frames, x->string_no[fr->module] - 1);
		if (!err)
			err = flame_number(&x->frames, x->string_no[fr->file] - 1);
		if (!err)
			err = flame_number(&x->frames, fr->line > 0 ? (uint64_t)fr->line : 0);
	}
	return err;
}

static int put_node(const struct folding *f, struct flame_text *x, size_t up, uint32_t frame, const int64_t *values)
{
	struct ap_buf *b = &x->nodes;
	size_t c = f->t->columns;
	bool any = false;
	int err;

	x->n_nodes++;
	for (size_t k = 0; k < c; k++)
		any |= values[k] != 0;
	err = flame_number(b, up * 2 + any);
	if (!err)
		err = flame_number(b, frame);
	for (size_t k = 0; k < c && any && !err; k++)
		if (!f->skip[k])
			err = flame_number(b, (uint64_t)values[k]);
	return err;
}

/* Whether kept node i has something that neither itself nor its kept children show. */
static bool left_out(const struct folding *f, uint32_t i, struct flame_text *x)
{
	size_t c = f->t->columns;
	const int64_t *rest = &f->kept.rest[i * c];
	double share = 0;

	for (size_t k = 0; k < c; k++)
		if (rest[k] && (double)rest[k] / (double)f->t->totals[k] > share)
			share = (double)rest[k] / (double)f->t->totals[k];
	x->folded_share += share;
	return share > 0;
}

static int put_nodes(struct folding *f, struct flame_text *x)
{
	const struct flame_tree *t = f->t;
	const struct flame_kept *kept = &f->kept;
	uint32_t i = 0;
	size_t up = 0;
	int err = 0;
	bool fresh = true; /* the root has no entry of its own, what is left out below it has */

	memcpy(f->next, kept->first, kept->n * sizeof *f->next);
	while (!err) {
		if (fresh && left_out(f, i, x)) {
			err = put_node(f, x, up, 0, &kept->rest[i * t->columns]);
			up = 1;
		}
		if (err)
			break;
		if (f->next[i] < kept->first[i + 1]) {
			uint32_t kid = kept->kids[f->next[i]++], frame = t->nodes[kept->node[kid]].frame;

			err = put_node(f, x, up, i ? f->frame_no[frame] : frame + 1, &kept->self[kid * t->columns]);
			up = 0;
			i = kid;
			fresh = true;
		} else if (i) {
			i = kept->parent[i];
			up++;
			fresh = false;
		} else {
			break;
		}
	}
	return err;
}

static void count_uses(struct folding *f)
{
	const struct flame_kept *kept = &f->kept;

	memset(f->uses, 0, (f->t->n_frames + 1) * sizeof *f->uses);
	for (size_t i = 1; i < kept->n; i++)
		if (kept->parent[i])
			f->uses[f->t->nodes[kept->node[i]].frame]++;
}

static int attempt(struct folding *f, size_t most, size_t room, struct flame_text *x)
{
	int err;

	flame_keep_most(&f->kept, most);
	x->strings.len = x->frames.len = x->nodes.len = 0;
	x->strings.max = x->frames.max = x->nodes.max = TEXT_MAX;
	x->folded_share = 0;
	x->n_frames = x->n_nodes = 0;
	memset(x->string_no, 0, f->t->n_strings * sizeof *x->string_no);
	f->n_strings = 0;
	count_uses(f);
	x->n_folded = f->t->n - f->kept.n;
	err = put_frames(f, x);
	if (!err)
		err = put_nodes(f, x);
	if (!err && x->strings.len + x->frames.len + x->nodes.len > room)
		err = -EMSGSIZE;
	return err;
}

static int allocate(struct folding *f, struct flame_text *x)
{
	size_t frames = f->t->n_frames + 1;
	int err = flame_keep_init(&f->kept, f->t, FLAME_NODES_MAX);

	if (err)
		return err;
	f->next = malloc(f->kept.n * sizeof *f->next);
	f->uses = malloc(frames * sizeof *f->uses);
	f->order = malloc(frames * sizeof *f->order);
	f->frame_no = malloc(frames * sizeof *f->frame_no);
	x->string_no = malloc(f->t->n_strings * sizeof *x->string_no);
	return f->next && f->uses && f->order && f->frame_no && x->string_no ? 0 : -ENOMEM;
}

static int fold(struct folding *f, size_t room, struct flame_text *x)
{
	size_t most = FLAME_NODES_MAX;
	int err = -EMSGSIZE;

	for (int i = 0; i < TRIES_MAX && err == -EMSGSIZE; i++) {
		err = attempt(f, most, room, x);
		if (err == -EMSGSIZE) {
			size_t used = x->strings.len + x->frames.len + x->nodes.len;
			double fits = 0.98 * (double)room / (double)used; /* names are shared: fewer nodes take a little more each */

			most = i >= TRIES_MAX - 2 ? 1 : (size_t)((double)f->kept.n * (fits < 0.98 ? fits : 0.98));
		}
	}
	return err;
}

int flame_fold(const struct flame_tree *t, const bool *skip, size_t room, struct flame_text *ret_text)
{
	struct folding f = {.t = t, .skip = skip};
	struct flame_text x = {0};
	int err = allocate(&f, &x);

	if (!err)
		err = fold(&f, room, &x);
	flame_keep_done(&f.kept);
	free(f.next);
	free(f.uses);
	free(f.order);
	free(f.frame_no);
	if (err)
		flame_text_done(&x);
	else
		*ret_text = x;
	return err;
}

void flame_text_done(struct flame_text *x)
{
	ap_buf_done(&x->strings);
	ap_buf_done(&x->frames);
	ap_buf_done(&x->nodes);
	free(x->string_no);
	memset(x, 0, sizeof *x);
}
