/* A table of rows as text, JSON or CSV. */
#ifndef AP_REPORT_TABLE_H
#define AP_REPORT_TABLE_H

#include "report/report.h"

enum report_cell { CELL_TEXT, CELL_INT, CELL_REAL, CELL_SHARE /* a percentage, coloured by its height */ };
struct report_column {
	const char *name;
	enum report_cell kind;
	int width; /* text format, of numbers */
	bool data; /* in JSON and CSV alone */
	bool last; /* text format: behind all others, so that its names can be as long as they are */
};
struct report_value {
	const char *text;
	int64_t integer;
	double real; /* NAN: none, which JSON calls null */
};
struct report_table {
	const struct report_column *columns;
	size_t n_columns;
	const struct ap_report_options *o;
	FILE *out;
	size_t text_width; /* text format: the widest cell of the text that is not last, as report_fit says; cut to fit a terminal alone */
	size_t last_width; /* of the last, on a terminal; 0: whole */
	struct ap_buf line;
	size_t rows;
};
int report_table_begin(struct report_table *t);
int report_table_row(struct report_table *t, const struct report_value *values);
int report_table_end(struct report_table *t); /* 0, or the negative errno of writing */

extern const char report_colour_head[], report_colour_warn[], report_colour_hot[], report_colour_off[];

#endif
