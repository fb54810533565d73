/* The files of sql/, by name. */
#ifndef AP_STORE_SQL_TEXT_H
#define AP_STORE_SQL_TEXT_H

extern const char ap_sql_schema[], ap_sql_old_tables[], ap_sql_schema_2[], ap_sql_schema_3[], ap_sql_migrate_3[], ap_sql_as_3[];
extern const char ap_sql_views[], ap_sql_views_1[], ap_sql_views_2[], ap_sql_indexes[];
extern const char ap_sql_add_host[], ap_sql_add_run[], ap_sql_add_label[], ap_sql_end_run[];
extern const char ap_sql_reset_totals[], ap_sql_mark_totals[], ap_sql_totals_fresh[];
extern const char ap_sql_unnamed_frames[], ap_sql_add_function[], ap_sql_find_function[], ap_sql_add_frame_line[],
	ap_sql_find_stack[], ap_sql_set_executable_why[];

#endif
