/* Properties of merge over random files: any order and any grouping gives the same content, compared by natural keys; again adds nothing;
 * the fuller of two recordings of one run stays. */
#include "store/totals.h"
#include "tests/store_content.h"
#include "tests/store_make.h"
#include "tests/store_random.h"

static void merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *stats)
{
	struct ap_why why = {""};

	ck_assert_msg(!ap_store_merge(out, paths, n, stats, &why), "%s", why.text);
}

static void set_up(void)
{
	enter_memory_folder();
	seed = 11;
}

enum { FILES = 5 };
static const char *const NAMES[FILES] = {"0.db", "1.db", "2.db", "3.db", "4.db"};

static void shuffle(const char **names)
{
	for (int i = FILES - 1; i > 0; i--) {
		int64_t k = below(i + 1);
		const char *t = names[i];

		names[i] = names[k];
		names[k] = t;
	}
}

START_TEST(any_order_and_any_grouping)
{
	for (int round = 0; round < (getenv("AP_FAST") ? 3 : 25); round++) {
		const char *names[FILES];
		struct ap_merge_stats st;
		char uuid[16], *want;
		int64_t cut;

		shell("rm -f *.db");
		/* the last has the run of the first, in a shorter version that has not ended */
		for (int i = 0; i < FILES; i++) {
			unsigned keep = seed;

			snprintf(uuid, sizeof uuid, "u%d", i == FILES - 1 ? 0 : i);
			if (i == 0 || i == FILES - 1)
				seed = 1000 + (unsigned)round;
			random_file(NAMES[i], uuid, i != FILES - 1, i == FILES - 1 ? 10 : 40);
			seed = keep + 7919;
		}
		memcpy(names, NAMES, sizeof names);
		merge("want.db", names, FILES, &st);
		want = content_of("want.db");
		ck_assert_ptr_nonnull(strstr(want, "u3"));
		shuffle(names);
		merge("order.db", names, FILES, &st);
		same_content("order.db", want, round);
		shuffle(names);
		cut = 1 + below(FILES - 1);
		merge("group.db", names, (size_t)cut, &st); /* one after the other */
		merge("group.db", names + cut, (size_t)(FILES - cut), &st);
		same_content("group.db", want, round);
		merge("left.db", names, (size_t)cut, &st); /* two merged files */
		merge("right.db", names + cut, (size_t)(FILES - cut), &st);
		merge("both.db", (const char *const[]){"right.db", "left.db"}, 2, &st);
		same_content("both.db", want, round);
		merge("both.db", (const char *const[]){"both.db", "want.db", "0.db"}, 3, &st);
		ck_assert_uint_eq(st.runs_added, 0);
		same_content("both.db", want, round);
		free(want);
	}
}
END_TEST

START_TEST(the_fuller_version_stays)
{
	struct ap_merge_stats st;
	char *want;

	seed = 5;
	random_file("part.db", "u", 0, 10);
	seed = 5;
	random_file("more.db", "u", 0, 20);
	seed = 5;
	random_file("whole.db", "u", 1, 30);
	merge("a.db", (const char *const[]){"whole.db"}, 1, &st);
	want = content_of("a.db");
	merge("b.db", (const char *const[]){"part.db"}, 1, &st);
	ck_assert_int_eq(number_of_file("b.db", "SELECT incomplete FROM data_quality"), 1);
	merge("b.db", (const char *const[]){"more.db"}, 1, &st);
	ck_assert_int_eq(number_of_file("b.db", "SELECT count(*) FROM sample"), 20);
	merge("b.db", (const char *const[]){"part.db"}, 1, &st);
	ck_assert_uint_eq(st.runs_added, 0);
	merge("b.db", (const char *const[]){"whole.db"}, 1, &st);
	ck_assert_uint_eq(st.runs_added, 1);
	same_content("b.db", want, 0);
	merge("b.db", (const char *const[]){"more.db", "part.db", "whole.db", "b.db"}, 4, &st);
	ck_assert_uint_eq(st.runs_added, 0);
	same_content("b.db", want, 0);
	free(want);
}
END_TEST

START_TEST(many_files)
{
	int n = getenv("AP_FAST") ? 20 : 1000;
	const char **paths = calloc((size_t)n, sizeof *paths);
	struct ap_merge_stats st;
	char sql[128];

	random_file("0", "u", 1, 3);
	for (int i = 0; i < n; i++) {
		char path[16];

		snprintf(path, sizeof path, "m%d", i);
		paths[i] = strdup(path);
	}
	snprintf(sql, sizeof sql, "for i in $(seq 0 %d); do cp 0 m$i; done", n - 1);
	shell(sql);
	for (int i = 0; i < n; i++) {
		snprintf(sql, sizeof sql, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; UPDATE run SET uuid = 'run%d'", i);
		make_change(paths[i], sql);
	}
	merge("all.db", paths, (size_t)n, &st);
	ck_assert_uint_eq(st.files, (uint64_t)n);
	ck_assert_uint_eq(st.runs_added, (uint64_t)n);
	ck_assert_int_eq(number_of_file("all.db", "SELECT count(*) FROM sample"), 3 * n);
	merge("all.db", paths, (size_t)n, &st);
	ck_assert_uint_eq(st.runs_known, (uint64_t)n);
	for (int i = 0; i < n; i++)
		free((void *)paths[i]);
	free(paths);
}
END_TEST

/* Written whenever the event changes, the totals are the same as in one go. */
START_TEST(totals_in_parts)
{
	struct ap_totals_config cfg = {.max_bytes = 1};
	struct ap_totals *t;
	struct ap_tree *tree;
	struct ap_feed feed;
	sqlite3_stmt *st;
	char *want;
	sqlite3 *db;
	int parts = 0, err;

	random_file("a.db", "u", 1, 40);
	want = content_of("a.db");
	make_change("a.db", "DELETE FROM stack_total; DELETE FROM function_total; DELETE FROM thread_total; DELETE FROM quality_total");
	ck_assert(!sqlite3_open("a.db", &db) && !ap_feed_open(&feed, db) && !ap_tree_load(db, 1000, &tree));
	cfg.tree = tree;
	cfg.feed = &feed;
	ck_assert(!ap_totals_new(&cfg, &t));
	ck_assert(!sqlite3_prepare_v2(db, "SELECT run, event, thread, stack, weight FROM sample", -1, &st, NULL));
	while (sqlite3_step(st) == SQLITE_ROW)
		while ((err = ap_totals_add(t, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
				sqlite3_column_int64(st, 3), sqlite3_column_int64(st, 4)))) {
			ck_assert(err == -EAGAIN && !ap_totals_write(t));
			parts++;
		}
	sqlite3_finalize(st);
	ck_assert_int_gt(parts, 3);
	ck_assert(!ap_totals_write(t));
	ap_totals_free(t);
	ap_tree_free(tree);
	ap_feed_close(&feed);
	sqlite3_close(db);
	same_content("a.db", want, 0);
	free(want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("merge_any");
	TCase *t = tcase_create("merge_any");

	tcase_set_timeout(t, 240);
	tcase_add_checked_fixture(t, set_up, leave_folder);
	tcase_add_test(t, any_order_and_any_grouping);
	tcase_add_test(t, the_fuller_version_stays);
	tcase_add_test(t, many_files);
	tcase_add_test(t, totals_in_parts);
	suite_add_tcase(s, t);
	return check_main(s);
}
