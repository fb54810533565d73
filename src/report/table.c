/* One line at a time. In text the names that may be longest are last, so that the columns before them line up. On a terminal the names
 * share what the numbers leave of its width; elsewhere every name is whole. */
#include "report/table.h"

#include "report/fit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { NAME_MIN = 16, MODULE_MAX = 28 };

const char report_colour_head[] = "\x1b[1m", report_colour_warn[] = "\x1b[33m", report_colour_hot[] = "\x1b[31m",
	   report_colour_off[] = "\x1b[0m";

static int flush_line(struct report_table *t)
{
	size_t n = t->line.len;

	t->line.len = 0;
	return fwrite(t->line.data, 1, n, t->out) == n ? 0 : -EIO;
}

static bool shown(const struct report_table *t, size_t column)
{
	return !t->columns[column].data || t->o->format != AP_FORMAT_TEXT;
}

/* Which column stands at a place: in text the last one is behind all others. */
static size_t column_at(const struct report_table *t, size_t place)
{
	size_t last = 0;

	if (t->o->format != AP_FORMAT_TEXT)
		return place;
	while (last < t->n_columns && !t->columns[last].last)
		last++;
	if (place < last)
		return place;
	return place + 1 < t->n_columns ? place + 1 : last;
}

static int width_of(const struct report_table *t, size_t column)
{
	const struct report_column *c = &t->columns[column];

	return c->kind != CELL_TEXT ? c->width : c->last ? 0 : (int)t->text_width;
}

/* A terminal's width: a third of what the numbers leave is the most that the other text gets, the rest is the last one's. */
static void share_width(struct report_table *t)
{
	size_t fixed = 0, room, most;

	for (size_t i = 0; i < t->n_columns; i++)
		if (shown(t, i))
			fixed += (i ? 2 : 0) + (t->columns[i].kind == CELL_TEXT ? 0 : (size_t)t->columns[i].width);
	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].kind == CELL_TEXT && !t->columns[i].last && shown(t, i) && t->text_width < strlen(t->columns[i].name))
			t->text_width = strlen(t->columns[i].name);
	if (!t->o->width)
		return;
	room = t->o->width > fixed + 2 * NAME_MIN ? t->o->width - fixed : 2 * NAME_MIN;
	most = room / 3 < MODULE_MAX ? room / 3 : MODULE_MAX;
	if (t->text_width > most)
		t->text_width = most;
	t->last_width = room - t->text_width;
}

int report_table_begin(struct report_table *t)
{
	const char *separator = "";
	int err = 0;

	share_width(t);
	if (t->o->format == AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, "[");
	if (t->o->colour)
		err = ap_buf_puts(&t->line, report_colour_head);
	for (size_t place = 0; !err && place < t->n_columns && t->o->format != AP_FORMAT_JSON; place++) {
		size_t i = column_at(t, place);
		const struct report_column *c = &t->columns[i];

		if (!shown(t, i))
			continue;
		if (t->o->format == AP_FORMAT_CSV)
			err = ap_buf_printf(&t->line, "%s%s", separator, c->name);
		else
			err = ap_buf_printf(&t->line, c->kind == CELL_TEXT ? "%s%-*s" : "%s%*s", separator, width_of(t, i), c->name);
		separator = t->o->format == AP_FORMAT_CSV ? "," : "  ";
	}
	if (!err && t->o->colour)
		err = ap_buf_puts(&t->line, report_colour_off);
	if (!err && t->o->format != AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, t->o->format == AP_FORMAT_CSV ? "\r\n" : "\n");
	return err ? err : flush_line(t);
}

static int put_text(struct report_table *t, size_t column, const char *text)
{
	size_t room = (size_t)width_of(t, column), width;
	int err = report_fit(&t->line, text, t->columns[column].last ? t->last_width : room, &width);

	return err || width >= room ? err : ap_buf_printf(&t->line, "%*s", (int)(room - width), "");
}

static int put_number(struct report_table *t, const struct report_column *c, const struct report_value *v)
{
	const char *colour = v->real >= 10 ? report_colour_hot : v->real >= 1 ? report_colour_warn : "";
	bool coloured = t->o->colour && c->kind == CELL_SHARE && colour[0];

	if (c->kind == CELL_INT)
		return ap_buf_printf(&t->line, "%*lld", c->width, (long long)v->integer);
	if (isnan(v->real))
		return ap_buf_printf(&t->line, "%*s", c->width, "-");
	return ap_buf_printf(&t->line, "%s%*.2f%s", coloured ? colour : "", c->width, v->real, coloured ? report_colour_off : "");
}

static int put_cell(struct report_table *t, size_t column, const struct report_value *v)
{
	const struct report_column *c = &t->columns[column];

	if (c->kind == CELL_TEXT)
		return t->o->format == AP_FORMAT_JSON  ? ap_escape_json(&t->line, v->text)
		       : t->o->format == AP_FORMAT_CSV ? ap_escape_csv(&t->line, v->text)
						       : put_text(t, column, v->text);
	if (t->o->format == AP_FORMAT_TEXT)
		return put_number(t, c, v);
	if (c->kind == CELL_INT)
		return ap_buf_printf(&t->line, "%lld", (long long)v->integer);
	return isnan(v->real) ? ap_buf_puts(&t->line, t->o->format == AP_FORMAT_JSON ? "null" : "")
			      : ap_buf_printf(&t->line, "%.4f", v->real);
}

int report_table_row(struct report_table *t, const struct report_value *values)
{
	static const char *const separators[] = {[AP_FORMAT_TEXT] = "  ", [AP_FORMAT_JSON] = ", ", [AP_FORMAT_CSV] = ","};
	const char *separator = "";
	int err = 0;

	if (t->o->format == AP_FORMAT_JSON)
		err = ap_buf_puts(&t->line, t->rows ? ",\n{" : "\n{");
	for (size_t place = 0; !err && place < t->n_columns; place++) {
		size_t i = column_at(t, place);

		if (!shown(t, i))
			continue;
		err = ap_buf_puts(&t->line, separator);
		if (!err && t->o->format == AP_FORMAT_JSON)
			err = ap_buf_printf(&t->line, "\"%s\": ", t->columns[i].name);
		if (!err)
			err = put_cell(t, i, &values[i]);
		separator = separators[t->o->format];
	}
	while (t->o->format == AP_FORMAT_TEXT && t->line.len && t->line.data[t->line.len - 1] == ' ')
		t->line.len--;
	if (!err)
		err = ap_buf_puts(&t->line, t->o->format == AP_FORMAT_JSON ? "}" : t->o->format == AP_FORMAT_CSV ? "\r\n" : "\n");
	t->rows++;
	return err ? err : flush_line(t);
}

int report_table_end(struct report_table *t)
{
	int err = t->o->format == AP_FORMAT_JSON && fputs("\n]\n", t->out) < 0 ? -EIO : 0;

	ap_buf_done(&t->line);
	return err;
}
