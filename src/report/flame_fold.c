/* A node is kept when its largest share of any column reaches a limit. A parent's shares are not less than its child's, so that what is kept is
 * a tree. The limit starts where FLAME_NODES_MAX nodes remain and is raised until the text fits. Costs a pass over the tree for each try, and
 * tries are few because the text grows with the nodes. */
#include "report/flame_fold.h"

#include <errno.h>
#include <string.h>

enum { TRIES_MAX = 16, BUCKETS = 1 << 16 };

struct folding {
	const struct flame_tree *t;
	const bool *skip;
	float *score;	 /* by node: 0 .. 1 */
	uint32_t *first; /* by node: its first kept child in `kids` */
	uint32_t *kids, *next; /* next: by node, its child to be written next */
	uint32_t *uses, *order, *frame_no; /* by frame; uses and numbers are of kept nodes */
	uint32_t n_strings;
	float least;
	size_t n_kept;
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

static void set_scores(struct folding *f)
{
	const struct flame_tree *t = f->t;
	size_t c = t->columns;

	for (size_t i = 0; i < t->n; i++) {
		double most = i ? 0 : 1;

		for (size_t k = 0; k < c; k++)
			if (t->totals[k] && (double)t->totals[i * c + k] / (double)t->totals[k] > most)
				most = (double)t->totals[i * c + k] / (double)t->totals[k];
		f->score[i] = (float)most;
	}
}

/* The bits of floats that are not negative are in order of their values. */
static uint32_t bucket(float score)
{
	uint32_t bits;

	memcpy(&bits, &score, sizeof bits);
	return bits >> 15;
}

/* The lowest limit that keeps at most `most` nodes. */
static float limit_for(const struct folding *f, size_t most)
{
	AP_AUTO_FREE uint32_t *count = calloc(BUCKETS, sizeof *count);
	uint32_t b = BUCKETS, bits;
	size_t n = 0;
	float limit;

	if (!count)
		return -1;
	for (size_t i = 0; i < f->t->n; i++)
		count[bucket(f->score[i])]++;
	while (b > 0 && n + count[b - 1] <= most)
		n += count[--b];
	bits = b << 15;
	memcpy(&limit, &bits, sizeof limit);
	return limit;
}

static bool kept(const struct folding *f, size_t i)
{
	return !i || f->score[i] >= f->least;
}

static void link_children(struct folding *f)
{
	const struct flame_tree *t = f->t;

	memset(f->first, 0, (t->n + 1) * sizeof *f->first);
	memset(f->uses, 0, (t->n_frames + 1) * sizeof *f->uses);
	f->n_kept = 1;
	for (size_t i = 1; i < t->n; i++)
		if (kept(f, i)) {
			f->first[t->nodes[i].parent + 1]++;
			f->n_kept++;
			if (t->nodes[i].parent)
				f->uses[t->nodes[i].frame]++;
		}
	for (size_t i = 0; i < t->n; i++)
		f->first[i + 1] += f->first[i];
	memcpy(f->next, f->first, t->n * sizeof *f->next);
	for (size_t i = 1; i < t->n; i++)
		if (kept(f, i))
			f->kids[f->next[t->nodes[i].parent]++] = (uint32_t)i;
	memcpy(f->next, f->first, t->n * sizeof *f->next);
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

/* What node i has and neither itself nor its kept children show. Returns whether that is anything. */
static bool left_out(const struct folding *f, size_t i, int64_t *values, struct flame_text *x)
{
	const struct flame_tree *t = f->t;
	size_t c = t->columns;
	double share = 0;

	for (size_t k = 0; k < c; k++) {
		values[k] = t->totals[i * c + k] - t->values[i * c + k];
		for (uint32_t j = f->first[i]; j < f->first[i + 1]; j++)
			values[k] -= t->totals[f->kids[j] * c + k];
		if (values[k] && (double)values[k] / (double)t->totals[k] > share)
			share = (double)values[k] / (double)t->totals[k];
	}
	x->folded_share += share;
	return share > 0;
}

static int put_nodes(struct folding *f, struct flame_text *x)
{
	const struct flame_tree *t = f->t;
	AP_AUTO_FREE int64_t *rest = calloc(t->columns, sizeof *rest);
	size_t i = 0, up = 0;
	int err = rest ? 0 : -ENOMEM;
	bool fresh = true; /* the root has no entry of its own, what is left out below it has */

	while (!err) {
		if (fresh && left_out(f, i, rest, x)) {
			err = put_node(f, x, up, 0, rest);
			up = 1;
		}
		if (err)
			break;
		if (f->next[i] < f->first[i + 1]) {
			uint32_t kid = f->kids[f->next[i]++], frame = t->nodes[kid].frame;

			err = put_node(f, x, up, i ? f->frame_no[frame] : frame + 1, &t->values[kid * t->columns]);
			up = 0;
			i = kid;
			fresh = true;
		} else if (i) {
			i = t->nodes[i].parent;
			up++;
			fresh = false;
		} else {
			break;
		}
	}
	return err;
}

static int attempt(struct folding *f, size_t most, size_t room, struct flame_text *x)
{
	int err;

	f->least = limit_for(f, most);
	if (f->least < 0)
		return -ENOMEM;
	x->strings.len = x->frames.len = x->nodes.len = 0;
	x->strings.max = x->frames.max = x->nodes.max = room + 1;
	x->folded_share = 0;
	x->n_frames = x->n_nodes = 0;
	memset(x->string_no, 0, f->t->n_strings * sizeof *x->string_no);
	f->n_strings = 0;
	link_children(f);
	x->n_folded = f->t->n - f->n_kept;
	err = put_frames(f, x);
	if (!err)
		err = put_nodes(f, x);
	if (!err && x->strings.len + x->frames.len + x->nodes.len > room)
		err = -EMSGSIZE;
	return err;
}

static int allocate(struct folding *f, struct flame_text *x)
{
	size_t n = f->t->n + 1, frames = f->t->n_frames + 1;

	f->score = malloc(n * sizeof *f->score);
	f->first = malloc(n * sizeof *f->first);
	f->kids = malloc(n * sizeof *f->kids);
	f->next = malloc(n * sizeof *f->next);
	f->uses = malloc(frames * sizeof *f->uses);
	f->order = malloc(frames * sizeof *f->order);
	f->frame_no = malloc(frames * sizeof *f->frame_no);
	x->string_no = malloc(f->t->n_strings * sizeof *x->string_no);
	return f->score && f->first && f->kids && f->next && f->uses && f->order && f->frame_no && x->string_no ? 0 : -ENOMEM;
}

int flame_fold(const struct flame_tree *t, const bool *skip, size_t room, struct flame_text *ret_text)
{
	struct folding f = {.t = t, .skip = skip};
	struct flame_text x = {0};
	size_t most = t->n < FLAME_NODES_MAX ? t->n : FLAME_NODES_MAX;
	int err = allocate(&f, &x);

	if (!err) {
		set_scores(&f);
		err = -EMSGSIZE;
	}
	for (int i = 0; i < TRIES_MAX && err == -EMSGSIZE; i++) {
		err = attempt(&f, most, room, &x);
		if (err == -EMSGSIZE) {
			size_t used = x.strings.len + x.frames.len + x.nodes.len;

			double fits = 0.9 * (double)room / (double)used; /* too much, where a buffer stopped at its limit */

			most = i >= TRIES_MAX - 2 ? 1 : (size_t)((double)most * (fits < 0.75 ? fits : 0.75));
		}
	}
	free(f.score);
	free(f.first);
	free(f.kids);
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
