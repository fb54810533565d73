/* A file of an older version: it reads, it merges, and it becomes one of today's. */
#include "tests/store_shape.h"

#include "store/schema.h"
#include "store/sql_text.h"

static const char ROWS_OF_NEW[] = "ATTACH 'new.db' AS n;"
				  "INSERT INTO host SELECT * FROM n.host;"
				  "INSERT INTO run SELECT * FROM n.run;"
				  "INSERT INTO event SELECT * FROM n.event;"
				  "INSERT INTO process SELECT * FROM n.process;"
				  "INSERT INTO thread SELECT * FROM n.thread;"
				  "INSERT INTO executable SELECT * FROM n.executable;"
				  "INSERT INTO function SELECT id, name, linkage_name, file, line FROM n.function;"
				  "INSERT INTO frame SELECT * FROM n.frame;"
				  "INSERT INTO frame_line SELECT * FROM n.frame_line;"
				  "INSERT INTO stack SELECT * FROM n.stack;"
				  "INSERT INTO sample SELECT run, ts, cpu, event, thread, stack, weight + ts % 2 FROM n.sample;"
				  "INSERT INTO stack_total SELECT * FROM n.stack_total;"
				  "INSERT INTO function_total SELECT * FROM n.function_total";

/* A file as version 1 left it. */
static void make_version_1(const char *path)
{
	sqlite3 *db;

	make_file("new.db", "u1", 2000, 1);
	ck_assert(!sqlite3_open(path, &db));
	ck_assert(!ap_schema_create(db, &(struct ap_schemas){ap_schemas.all, 1}));
	ck_assert_msg(!sqlite3_exec(db, ROWS_OF_NEW, NULL, NULL, NULL), "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

START_TEST(an_older_file_reads_and_migrates)
{
	uint64_t before;
	int64_t weight;
	const char *paths[] = {"old.db"};
	struct ap_merge_stats stats;
	struct ap_why why = {""};
	sqlite3 *db;

	make_version_1("old.db");
	before = hash_bytes("old.db");
	ck_assert_int_eq(number_of_file("old.db", "SELECT sum(samples) FROM folded WHERE stack_id > 0"), 2000);
	ck_assert_int_eq(number_of_file("old.db", "SELECT complete_pct FROM data_quality"), 100);
	ck_assert_int_eq(number_of_file("old.db", "PRAGMA user_version"), 1);
	weight = number_of_file("old.db", "SELECT sum(weight) FROM sample");
	ck_assert_int_eq(number_of_file("old.db", "SELECT sum(weight) FROM thread_total"), weight);
	ck_assert_msg(!ap_store_merge("merged.db", paths, 1, &stats, &why), "%s", why.text);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT n FROM quality_total"), 2000);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT weight FROM quality_total"), weight);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT sum(weight) FROM sample"), weight);
	ck_assert_int_eq(number_of_file("merged.db", "SELECT count(*) FROM function WHERE start_only = 0"),
		number_of_file("old.db", "SELECT count(*) FROM function"));

	ck_assert(hash_bytes("old.db") == before);
	ck_assert_msg(!ap_store_open_names("old.db", &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "PRAGMA user_version"), 3);
	ck_assert_int_eq(number_in(db, "SELECT sum(weight) FROM sample"), weight);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sample_row WHERE weight IS NULL"), 0);
	ck_assert(!ap_store_derive(db, &why));
	sqlite3_close(db);
	ck_assert_int_eq(number_of_file("old.db", "SELECT n FROM main.quality_total"), 2000);
	ck_assert_int_eq(number_of_file("old.db", "SELECT count(*) FROM main.folded WHERE stack_id > 0") > 0, 1);
	make_change("old.db", "PRAGMA user_version = 99");
	ck_assert_int_eq(ap_store_open_read("old.db", &db, &why), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(why.text, "old.db"));
	ck_assert_ptr_nonnull(strstr(why.text, "update aperture"));
}
END_TEST

/* The mechanism over more than one step, with versions of the test's own. */
START_TEST(migration_over_several_versions)
{
	static const char second[] = "CREATE TABLE extra(x);\n", third[] = "CREATE TABLE more(y);\n",
			  views[] = "CREATE VIEW v AS SELECT y FROM more;\n";
	struct ap_schema all[] = {ap_schemas.all[0], {2, {ap_sql_schema, ap_sql_old_tables, second}, ap_sql_views_1, second, NULL},
		{3, {ap_sql_schema, ap_sql_old_tables, second, third}, views, third, NULL}};
	const struct ap_schemas one = {all, 1}, three = {all, 3};
	const struct ap_schema *found = NULL;
	struct ap_why why = {""};
	sqlite3 *db;

	ck_assert(!sqlite3_open("x.db", &db) && !ap_schema_create(db, &one));
	ck_assert_int_eq(number_in(db, "PRAGMA user_version"), 1);
	ck_assert(!ap_schema_check(db, &three, "x.db", &found, &why) && found == &all[0]);
	ck_assert_msg(!ap_schema_migrate(db, &three, found, "x.db", &why), "%s", why.text);
	ck_assert(!ap_schema_check(db, &three, "x.db", &found, &why) && found == &all[2]);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM v, extra"), 0);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM sqlite_master WHERE type = 'view'"), 1);
	ck_assert_int_eq(ap_schema_check(db, &one, "x.db", &found, &why), -EPROTONOSUPPORT);
	sqlite3_close(db);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema");
	TCase *t = tcase_create("schema");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_test(t, an_older_file_reads_and_migrates);
	tcase_add_test(t, migration_over_several_versions);
	suite_add_tcase(s, t);
	return check_main(s);
}
