/* Properties of merge over random files: any order and any grouping gives the same content, compared by natural keys; again adds nothing;
 * the fuller of two recordings of one run stays. */
#include "store_make.h"

#include "store/totals.h"

static char dir[40];

/* Everything that a merged file says, without an id of its own. */
static const char CONTENT[] =
	"WITH RECURSIVE p(id, t) AS (SELECT 0, '' UNION ALL SELECT k.id, p.t || ';' || e.build_id || '+' || f.address || ':' || f.kind "
	"FROM p JOIN "
	"stack k ON k.parent_id = p.id JOIN frame f ON f.id = k.frame_id JOIN executable e ON e.id = f.executable), "
	"pr(id, t) AS (SELECT p.id, h.key || ' ' || p.boot || ' ' || p.pid || ' ' || p.start_ns FROM process p JOIN host h ON h.id = "
	"p.host), "
	"th(id, t) AS (SELECT t.id, pr.t || ' ' || t.tid FROM thread t JOIN pr ON pr.id = t.process) "
	"SELECT group_concat(x, char(10)) FROM ("
	"SELECT 'sample ' || r.uuid || ' ' || s.ts || ' ' || s.cpu || ' ' || ev.name || ' ' || th.t || p.t || ' ' || s.weight AS x FROM "
	"sample s JOIN run r ON "
	"r.id = s.run JOIN event ev ON ev.id = s.event AND ev.run = r.id JOIN th ON th.id = s.thread JOIN p ON p.id = s.stack "
	"UNION ALL SELECT 'stack ' || p.t FROM p "
	"UNION ALL SELECT 'run ' || r.uuid || h.key || r.boot || ' ' || quote(r.end_reason) || quote(r.end_ns) FROM run r JOIN host h ON "
	"h.id = r.host "
	"UNION ALL SELECT 'host ' || key || quote(name) || quote(cpus) FROM host "
	"UNION ALL SELECT 'process ' || pr.t || quote(c.comm) || quote(c.uid) || quote(c.end_ns) || ' of ' || quote((SELECT t FROM pr q "
	"WHERE q.id = c.parent)) FROM "
	"process c JOIN pr ON pr.id = c.id "
	"UNION ALL SELECT 'thread ' || th.t || quote(t.comm) || quote(t.end_ns) FROM thread t JOIN th ON th.id = t.id "
	"UNION ALL SELECT 'exec ' || pr.t || x.ts_ns || quote(x.comm) || quote(e.path) FROM process_exec x JOIN pr ON pr.id = x.process "
	"LEFT JOIN executable e ON "
	"e.id = x.executable "
	"UNION ALL SELECT 'executable ' || build_id || path || kind || quote(why) FROM executable "
	"UNION ALL SELECT 'line ' || e.build_id || f.address || ' ' || l.depth || fn.name || quote(l.file) || quote(l.line) FROM "
	"frame_line l JOIN frame f ON "
	"f.id = l.frame JOIN executable e ON e.id = f.executable JOIN function fn ON fn.id = l.function "
	"UNION ALL SELECT 'stack total ' || r.uuid || ev.name || p.t || ' ' || t.self || ' ' || t.total || ' ' || t.self_n || ' ' || "
	"t.total_n FROM stack_total t "
	"JOIN run r ON r.id = t.run JOIN event ev ON ev.id = t.event JOIN p ON p.id = t.stack "
	"UNION ALL SELECT 'function total ' || r.uuid || ev.name || coalesce(fn.name, '-') || coalesce(e.path, '-') || ' ' || t.self || ' "
	"' || "
	"t.total || ' ' || t.self_n || ' ' || t.total_n FROM function_total t JOIN run r ON r.id = t.run JOIN event ev ON ev.id = t.event "
	"LEFT JOIN function fn ON fn.id = t.function LEFT JOIN executable e ON e.id = t.executable "
	"UNION ALL SELECT 'thread total ' || r.uuid || ev.name || th.t || ' ' || t.n || ' ' || t.weight FROM thread_total t JOIN run r ON "
	"r.id = t.run JOIN event ev ON "
	"ev.id = t.event JOIN th ON th.id = t.thread "
	"UNION ALL SELECT 'quality ' || r.uuid || ev.name || q.n || ' ' || q.weight || ' ' || q.complete_n || ' ' || q.frame_n || ' ' || "
	"q.named_n FROM "
	"quality_total q JOIN run r ON "
	"r.id = q.run JOIN event ev ON ev.id = q.event "
	"UNION ALL SELECT 'loss ' || r.uuid || l.cause || l.n FROM loss l JOIN run r ON r.id = l.run ORDER BY 1)";

static char *content_of(const char *path)
{
	struct ap_why why = {""};
	sqlite3_stmt *st;
	sqlite3 *db;
	char *s;

	ck_assert_msg(!ap_store_open_read(path, &db, &why), "%s", why.text);
	ck_assert_int_eq(number_in(db, "SELECT count(*) FROM stack WHERE parent_id >= id"), 0);
	ck_assert_int_eq(number_in(db, "SELECT (SELECT count(*) FROM sample) = (SELECT coalesce(sum(n), 0) FROM quality_total)"), 1);
	ck_assert_msg(!sqlite3_prepare_v2(db, CONTENT, -1, &st, NULL), "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	s = strdup(sqlite3_column_text(st, 0) ? (const char *)sqlite3_column_text(st, 0) : "");
	sqlite3_finalize(st);
	sqlite3_close(db);
	return s;
}

static unsigned seed;
static int64_t below(int64_t n)
{
	return rand_r(&seed) % n;
}
static int64_t maybe(int64_t v)
{
	return below(3) ? v : AP_NULL;
}

static void random_who(struct ap_batch *b, int64_t processes)
{
	char name[16];

	for (int64_t p = 1; p <= processes; p++) {
		snprintf(name, sizeof name, "comm%d", (int)below(3));
		/* ids and pids go different ways in different files */
		ap_batch_process(b, &(struct ap_row_process){.id = p,
					    .host = 1,
					    .boot = "b1",
					    .pid = 1 + (p * 7 + below(2)) % 5 + p * 10,
					    .start_ns = p,
					    .parent = p > 1 ? maybe(1 + below(p - 1)) : AP_NULL,
					    .uid = maybe(below(3)),
					    .comm = name,
					    .cmdline = NULL,
					    .kernel = 0,
					    .end_ns = maybe(below(9))});
		ap_batch_thread(b,
			&(struct ap_row_thread){
				.id = processes - p + 1, .process = p, .tid = p, .start_ns = 1, .comm = name, .end_ns = maybe(below(9))});
		if (below(2))
			ap_batch_process_exec(
				b, &(struct ap_row_process_exec){
					   .process = p, .ts_ns = below(3), .executable = 1 + below(3), .comm = name, .cmdline = ""});
	}
}

/* Stacks, frames and names are drawn from a small world, so that files overlap and contradict one another. */
static void random_where(struct ap_batch *b, int64_t *frames, int64_t *stacks)
{
	static const char *const paths[] = {"/a", "/b", "/c"};
	int64_t first = below(3), n = 0, lines;
	uint64_t used[40][7] = {{0}};
	char name[16];

	for (int64_t e = 1; e <= 3; e++)
		ap_batch_executable(b, &(struct ap_row_executable){.id = e,
					       .build_id = paths[(first + e) % 3],
					       .path = paths[(first + e) % 3],
					       .kind = 1,
					       .why = below(2) ? NULL : paths[below(3)]});
	for (int64_t f = 1; f <= 6; f++) {
		snprintf(name, sizeof name, "f%d", (int)f);
		ap_batch_function(b,
			&(struct ap_row_function){.id = f, .name = name, .linkage_name = "", .file = "", .line = 0, .start_only = f > 4});
	}
	*frames = 6;
	for (int64_t f = 1; f <= 6; f++) {
		ap_batch_frame(b, &(struct ap_row_frame){.id = f, .executable = 1 + f % 3, .address = f + below(2) * 100, .kind = 1});
		lines = below(4);
		for (int64_t d = 0; d < lines; d++)
			ap_batch_frame_line(b, &(struct ap_row_frame_line){.frame = f,
						       .depth = d,
						       .function = 1 + below(6),
						       .file = below(2) ? "x.c" : NULL,
						       .line = maybe(below(4))});
	}
	while (n < 30) {
		int64_t parent = below(n + 1), frame = 1 + below(6);

		if (used[parent][frame]++)
			continue;
		n++;
		ap_batch_stack(b, &(struct ap_row_stack){.id = n, .parent_id = parent, .frame_id = frame});
	}
	*stacks = n;
}

static void random_file(const char *path, const char *uuid, int ended, int samples)
{
	struct ap_store_run run = {.host_key = below(2) ? "h1" : "h2",
		.host_name = below(2) ? "n1" : "n2",
		.os = "",
		.kernel = "",
		.arch = "",
		.cpu_model = "",
		.cpus = below(4),
		.boot = below(2) ? "b1" : "b2",
		.uuid = uuid,
		.command = "",
		.options = "",
		.version = "",
		.source = "perf",
		.source_why = ""};
	struct ap_store_config cfg = {.path = path};
	int64_t frames, stacks, processes = 1 + below(4);
	struct ap_why why = {""};
	struct ap_store *s;
	struct ap_batch *b;

	ck_assert_msg(!ap_store_create(&cfg, &run, &s, &why), "%s", why.text);
	ck_assert(!ap_batch_new(&b));
	random_who(b, processes);
	random_where(b, &frames, &stacks);
	for (int64_t e = 1; e <= 2; e++)
		ap_batch_event(b, &(struct ap_row_event){.id = 3 - e,
					  .run = 1,
					  .seq = e,
					  .name = e == 1 ? "one" : "two",
					  .source = "s",
					  .why = "",
					  .period = e == 1 ? 4 : AP_NULL,
					  .unit = "n"});
	for (int i = 0; i < samples; i++) {
		struct ap_row_sample_row r = {.run = 1,
			.ts = i,
			.cpu = below(2),
			.event = 1 + below(2),
			.thread = 1 + below(processes),
			.stack = below(stacks + 1),
			.weight = below(9)};

		if (r.event == 2 && below(2))
			r.weight = AP_NULL; /* the period: event 2 has one */
		ap_batch_sample_row(b, &r);
	}
	ap_batch_loss(b, &(struct ap_row_loss){.run = 1, .ts = 1, .source = "s", .cause = "ring full", .cpu = 0, .n = below(9)});
	ck_assert(!ap_store_put(s, b, UINT64_MAX));
	ck_assert_msg(!make_seal(s, "target exited", &why), "%s", why.text);
	if (!ended)
		make_change(path, "UPDATE run SET end_reason = NULL, end_ns = NULL");
}

static void merge(const char *out, const char *const *paths, size_t n, struct ap_merge_stats *stats)
{
	struct ap_why why = {""};

	ck_assert_msg(!ap_store_merge(out, paths, n, stats, &why), "%s", why.text);
}

static void set_up(void)
{
	snprintf(dir, sizeof dir, "%s/check_merge_any-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	enter_folder(dir);
	seed = 11;
}

static void tear_down(void)
{
	leave_folder(dir);
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

static void same_content(const char *path, const char *want, int round)
{
	char *got = content_of(path);
	size_t at = 0;

	while (got[at] && got[at] == want[at])
		at++;
	ck_assert_msg(!strcmp(got, want), "round %d, seed at %u: from byte %zu on: %.200s\nwanted: %.200s", round, seed, at,
		got + (at > 80 ? at - 80 : 0), want + (at > 80 ? at - 80 : 0));
	free(got);
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
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, any_order_and_any_grouping);
	tcase_add_test(t, the_fuller_version_stays);
	tcase_add_test(t, many_files);
	tcase_add_test(t, totals_in_parts);
	suite_add_tcase(s, t);
	return check_main(s);
}
