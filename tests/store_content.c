#include "tests/store_content.h"

#include "tests/store_make.h"

static const char CONTENT[] =
	"WITH RECURSIVE p(id, t) AS (SELECT 0, '' UNION ALL SELECT k.id, p.t || ';' || e.build_id || '+' || f.address || ':' || f.kind "
	"FROM p JOIN stack k ON k.parent_id = p.id JOIN frame f ON f.id = k.frame_id JOIN executable e ON e.id = f.executable), "
	"pr(id, t) AS (SELECT p.id, h.key || ' ' || p.boot || ' ' || p.pid || ' ' || p.start_ns "
	"FROM process p JOIN host h ON h.id = p.host), "
	"th(id, t) AS (SELECT t.id, pr.t || ' ' || t.tid FROM thread t JOIN pr ON pr.id = t.process) "
	"SELECT group_concat(x, char(10)) FROM ("

	"SELECT 'sample ' || r.uuid || ' ' || s.ts || ' ' || s.cpu || ' ' || ev.name || ' ' || th.t || p.t || ' ' || s.weight AS x "
	"FROM sample s JOIN run r ON r.id = s.run JOIN event ev ON ev.id = s.event AND ev.run = r.id "
	"JOIN th ON th.id = s.thread JOIN p ON p.id = s.stack "

	"UNION ALL SELECT 'stack ' || p.t FROM p "

	"UNION ALL SELECT 'run ' || r.uuid || h.key || r.boot || ' ' || quote(r.end_reason) || quote(r.end_ns) "
	"FROM run r JOIN host h ON h.id = r.host "

	"UNION ALL SELECT 'host ' || key || quote(name) || quote(cpus) FROM host "

	"UNION ALL SELECT 'process ' || pr.t || quote(c.comm) || quote(c.uid) || quote(c.end_ns) || ' of ' || "
	"quote((SELECT t FROM pr q WHERE q.id = c.parent)) FROM process c JOIN pr ON pr.id = c.id "

	"UNION ALL SELECT 'thread ' || th.t || quote(t.comm) || quote(t.end_ns) FROM thread t JOIN th ON th.id = t.id "

	"UNION ALL SELECT 'exec ' || pr.t || x.ts_ns || quote(x.comm) || quote(e.path) "
	"FROM process_exec x JOIN pr ON pr.id = x.process LEFT JOIN executable e ON e.id = x.executable "

	"UNION ALL SELECT 'executable ' || build_id || path || kind || quote(why) FROM executable "

	"UNION ALL SELECT 'line ' || e.build_id || f.address || ' ' || l.depth || fn.name || quote(l.file) || quote(l.line) "
	"FROM frame_line l JOIN frame f ON f.id = l.frame JOIN executable e ON e.id = f.executable JOIN function fn ON fn.id = l.function "

	"UNION ALL SELECT 'stack total ' || r.uuid || ev.name || p.t || ' ' || t.self || ' ' || t.total || ' ' || t.self_n || ' ' || "
	"t.total_n FROM stack_total t JOIN run r ON r.id = t.run JOIN event ev ON ev.id = t.event JOIN p ON p.id = t.stack "

	"UNION ALL SELECT 'function total ' || r.uuid || ev.name || coalesce(fn.name, '-') || coalesce(e.path, '-') || ' ' || "
	"t.self || ' ' || t.total || ' ' || t.self_n || ' ' || t.total_n FROM function_total t JOIN run r ON r.id = t.run JOIN event ev ON "
	"ev.id = t.event "
	"LEFT JOIN function fn ON fn.id = t.function LEFT JOIN executable e ON e.id = t.executable "

	"UNION ALL SELECT 'thread total ' || r.uuid || ev.name || th.t || ' ' || t.n || ' ' || t.weight "
	"FROM thread_total t JOIN run r ON r.id = t.run JOIN event ev ON ev.id = t.event JOIN th ON th.id = t.thread "

	"UNION ALL SELECT 'quality ' || r.uuid || ev.name || q.n || ' ' || q.weight || ' ' || q.complete_n || ' ' || q.frame_n || ' ' || "
	"q.named_n FROM quality_total q JOIN run r ON r.id = q.run JOIN event ev ON ev.id = q.event "

	"UNION ALL SELECT 'loss ' || r.uuid || l.cause || l.n FROM loss l JOIN run r ON r.id = l.run ORDER BY 1)";

char *content_of(const char *path)
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

void same_content(const char *path, const char *want, int round)
{
	char *got = content_of(path);
	size_t at = 0;

	while (got[at] && got[at] == want[at])
		at++;
	ck_assert_msg(!strcmp(got, want), "round %d: from byte %zu on: %.200s\nwanted: %.200s", round, at, got + (at > 80 ? at - 80 : 0),
		want + (at > 80 ? at - 80 : 0));
	free(got);
}
