#include "report/table.h"

#include <errno.h>
#include <string.h>

static int flush_line(struct report_table *t)
{
	size_t n = t->line.len;

	t->line.len = 0;
	return fwrite(t->line.data, 1, n, t->out) == n ? 0 : -EIO;
}

int report_table_begin(struct report_table *t)
{
	int err = 0;

	if (t->format == AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, "[");
	for (size_t i = 0; !err && i < t->n_columns && t->format != AP_FORMAT_JSON; i++) {
		const struct report_column *c = &t->columns[i];

		if (t->format == AP_FORMAT_CSV)
			err = ap_buf_printf(&t->line, "%s%s", i ? "," : "", c->name);
		else
			err = ap_buf_printf(&t->line, c->kind == CELL_TEXT ? "%s%-*s" : "%s%*s", i ? "  " : "", c->width, c->name);
	}
	if (!err && t->format != AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, t->format == AP_FORMAT_CSV ? "\r\n" : "\n");
	return err ? err : flush_line(t);
}

static int put_text(struct report_table *t, const struct report_column *c, const char *text)
{
	size_t before = t->line.len;
	int err = ap_escape_terminal(&t->line, text);

	while (!err && t->line.len - before < (size_t)c->width)
		err = ap_buf_puts(&t->line, " ");
	return err;
}

static int put_cell(struct report_table *t, const struct report_column *c, const struct report_value *v)
{
	if (c->kind == CELL_TEXT)
		return t->format == AP_FORMAT_JSON ? ap_escape_json(&t->line, v->text)
			: t->format == AP_FORMAT_CSV ? ap_escape_csv(&t->line, v->text) : put_text(t, c, v->text);
	if (t->format != AP_FORMAT_TEXT)
		return c->kind == CELL_INT ? ap_buf_printf(&t->line, "%lld", (long long)v->integer) : ap_buf_printf(&t->line, "%.4f", v->real);
	return c->kind == CELL_INT ? ap_buf_printf(&t->line, "%*lld", c->width, (long long)v->integer)
		: ap_buf_printf(&t->line, "%*.2f", c->width, v->real);
}

int report_table_row(struct report_table *t, const struct report_value *values)
{
	static const char *const separators[] = {[AP_FORMAT_TEXT] = "  ", [AP_FORMAT_JSON] = ", ", [AP_FORMAT_CSV] = ","};
	int err = 0;

	if (t->format == AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, t->rows ? ",\n{" : "\n{");
	for (size_t i = 0; !err && i < t->n_columns; i++) {
		if (i)
			err = ap_buf_puts(&t->line, separators[t->format]);
		if (!err && t->format == AP_FORMAT_JSON)
			err = ap_buf_printf(&t->line, "\"%s\": ", t->columns[i].name);
		if (!err)
			err = put_cell(t, &t->columns[i], &values[i]);
	}
	while (t->format == AP_FORMAT_TEXT && t->line.len && t->line.data[t->line.len - 1] == ' ')
		t->line.len--;
	if (!err)
		err = ap_buf_puts(&t->line, t->format == AP_FORMAT_JSON ? "}" : t->format == AP_FORMAT_CSV ? "\r\n" : "\n");
	t->rows++;
	return err ? err : flush_line(t);
}

int report_table_end(struct report_table *t)
{
	int err = t->format == AP_FORMAT_JSON ? fputs("\n]\n", t->out) < 0 ? -EIO : 0 : 0;

	ap_buf_done(&t->line);
	return err;
}
