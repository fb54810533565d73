/* The page is flame.html with flame.css, flame.js and the data put in. The data is one list of strings and one list of numbers, eight a
 * node, parents first. Nodes with few samples are left out only where all of them would not fit, and the page says how many. */
#include "report/flame_page.h"
#include "report/flame_tree.h"

#include <errno.h>
#include <string.h>

enum { DATA_MAX = 2 << 20 };

struct context {
	struct flame_tree tree;
	struct report_names names;
};
struct folded {
	size_t nodes;
	int64_t samples;
};

static int add_row(void *ctx, const struct ap_selection_row *row)
{
	struct context *c = ctx;

	if (row->stack < 0 || (size_t)row->stack > c->names.n_stacks)
		return -EBADMSG;
	return flame_tree_add(&c->tree, &c->names, row);
}

/* The strings are numbered anew: those of nodes that are left out are not written. `number` is 0 for one not written yet. */
static int write_string(struct ap_buf *strings, const struct flame_tree *t, uint32_t *number, uint32_t *n, uint32_t s)
{
	int err = 0;

	if (number[s])
		return 0;
	if (*n)
		err = ap_buf_puts(strings, ",");
	number[s] = ++*n;
	return err ? err : ap_escape_json(strings, t->strings[s]);
}

static int write_nodes(const struct flame_tree *t, int64_t least, uint32_t *string_no, uint32_t *node_no, struct ap_buf *strings, struct ap_buf *nodes,
	struct folded *folded)
{
	uint32_t n_strings = 0, n_nodes = 0;
	int err = 0;

	*folded = (struct folded){0};
	for (size_t i = 0; i < t->n && !err; i++) {
		const struct flame_node *n = &t->nodes[i];

		if (i && n->total < least) {
			folded->nodes++;
			folded->samples += t->nodes[n->parent].total >= least ? n->total : 0;
			continue;
		}
		node_no[i] = n_nodes++;
		err = write_string(strings, t, string_no, &n_strings, n->function);
		if (!err)
			err = write_string(strings, t, string_no, &n_strings, n->module);
		if (!err)
			err = write_string(strings, t, string_no, &n_strings, n->file);
		if (!err)
			err = ap_buf_printf(nodes, "%s%u,%u,%u,%d,%lld,%lld,%u,%lld", i ? "," : "", node_no[i] - node_no[n->parent],
				string_no[n->function] - 1, string_no[n->module] - 1, n->kind, (long long)n->self, (long long)n->total,
				string_no[n->file] - 1, (long long)n->line);
	}
	return err;
}

/* Leaves out what has fewer samples than a limit that grows until the data fits. The root always stays. */
static int write_tree(const struct flame_tree *t, struct ap_buf *strings, struct ap_buf *nodes, struct folded *folded)
{
	AP_AUTO_FREE uint32_t *string_no = calloc(t->n_strings, sizeof *string_no);
	AP_AUTO_FREE uint32_t *node_no = calloc(t->n, sizeof *node_no);
	int err = -EMSGSIZE;

	if (!string_no || !node_no)
		return -ENOMEM;
	strings->max = nodes->max = DATA_MAX;
	for (int64_t least = 0; err == -EMSGSIZE && least <= t->nodes[0].total + 1; least += least / 4 + 2) {
		strings->len = nodes->len = 0;
		memset(string_no, 0, t->n_strings * sizeof *string_no);
		err = write_nodes(t, least, string_no, node_no, strings, nodes, folded);
		if (!err && strings->len + nodes->len > DATA_MAX)
			err = -EMSGSIZE;
	}
	return err;
}

static int write_page(const struct flame_tree *t, const struct ap_quality *q, bool invert, FILE *out, struct ap_why *why)
{
	struct ap_buf strings = {0}, nodes = {0};
	struct folded folded;
	int err = write_tree(t, &strings, &nodes, &folded);

	if (err) {
		err = ap_why(why, -err, "cannot make the flame graph: %s", strerror(-err));
	} else {
		fputs(report_flame_before, out);
		fprintf(out, "{\"invert\":%s,\"samples\":%lld,\"lost\":%lld,\"complete\":%.2f,\"symbolised\":%.2f,\"incomplete\":%s,\"folded\":[%zu,%lld],\n",
			invert ? "true" : "false", (long long)q->samples, (long long)q->lost, q->complete_pct, q->symbolised_pct,
			q->incomplete ? "true" : "false", folded.nodes, (long long)folded.samples);
		fprintf(out, "\"strings\":[%s],\n\"nodes\":[%s]}", strings.data, nodes.data);
		fputs(report_flame_after, out);
		if (ferror(out))
			err = ap_why(why, EIO, "cannot write the flame graph");
	}
	ap_buf_done(&strings);
	ap_buf_done(&nodes);
	return err;
}

int ap_report_flame(sqlite3 *db, const struct ap_report_options *o, FILE *out, struct ap_why *why)
{
	struct ap_quality quality = {0};
	struct context c = {0};
	int err = report_names_load(db, &c.names, why);

	if (err)
		return err;
	err = ap_report_quality(db, &o->filter, &quality, why);
	if (!err && flame_tree_init(&c.tree))
		err = ap_why(why, ENOMEM, "out of memory");
	if (!err) {
		why->text[0] = '\0';
		err = ap_report_select(db, &o->filter, add_row, &c, why);
		if (err && !why->text[0])
			err = ap_why(why, -err, "cannot build the flame graph: %s", strerror(-err));
	}
	if (!err) {
		flame_tree_sum(&c.tree);
		err = write_page(&c.tree, &quality, o->invert, out, why);
	}
	flame_tree_done(&c.tree);
	report_names_done(&c.names);
	return err;
}
