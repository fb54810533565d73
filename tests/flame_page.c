/* flame_page SCHEMA KIND: writes the flame graph of a file made up here. KIND: plain (100 samples, shares known), diff (against plain),
 * deep (10,000 frames), several (events, runs, hosts, threads; hostile names), wide (more than fits, so that some is left out), one
 * (sample), empty. */
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "flame_page: %s: %s\n", what, text);
	exit(1);
}

static void sql(sqlite3 *db, const char *text)
{
	char *message = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &message))
		fail(text, message ? message : "error");
}

static void schema(sqlite3 *db, const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

	if (!n)
		fail(path, "cannot be read");
	text[n] = '\0';
	fclose(f);
	sql(db, text);
}

static const char COMMON[] = "INSERT INTO host(id,key,name) VALUES(1,'h','h'); INSERT INTO "
			     "run(id,uuid,host,boot,start_ns,start_realtime_ns,end_ns) VALUES(1,'u',1,'b',0,0,1000);"
			     "INSERT INTO event(id,run,seq,name,source) VALUES(1,1,0,'cpu','perf'); INSERT INTO "
			     "process(id,host,boot,pid,start_ns,comm) VALUES(1,1,'b',7,0,'<i>app');"
			     "INSERT INTO thread(id,process,tid,start_ns,comm) VALUES(1,1,7,0,'<i>app');"
			     "INSERT INTO executable(id,build_id,path,kind) VALUES(1,'','/usr/bin/app',1),(2,'','[kernel]',3);";

/* main(10 self) -> { work -> { leaf+inl (30), work (20, recursive) }, <script>... (25), sys (15, kernel) } */
static const char PLAIN[] =
	"INSERT INTO function(id, name, linkage_name, file, line) "
	"VALUES(1,'main','','main.c',1),(2,'work','','work.c',5),(3,'leaf','','leaf.c',7),(4,'inl','','leaf.c',9),"
	"(5,'</script><script>window.hacked=1;console.error(1)</script><img src=x "
	"onerror=window.hacked=1>','','',0),(6,'sys_read'||char(8238),'','',0);"
	"INSERT INTO frame VALUES(1,1,16,1),(2,1,32,1),(3,1,48,1),(5,1,80,1),(6,2,96,2);"
	"INSERT INTO frame_line "
	"VALUES(1,0,1,'main.c',3),(2,0,2,'work.c',6),(3,0,4,'leaf.c',9),(3,1,3,'leaf.c',8),(5,0,5,'',0),(6,0,6,'',0);"
	"INSERT INTO stack VALUES(1,0,1),(2,1,2),(3,2,3),(4,2,2),(5,1,5),(6,1,6);"
	"WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<99) INSERT INTO sample_row SELECT 1,i,0,1,1,"
	"CASE WHEN i<10 THEN 1 WHEN i<40 THEN 3 WHEN i<60 THEN 4 WHEN i<85 THEN 5 ELSE 6 END,1 FROM c;";

/* PLAIN with 200 samples, of which work itself has 100: 50 % instead of 20 %; and a function that PLAIN has not, once. */
static const char CHANGED[] =
	"INSERT INTO function(id, name, linkage_name, file, line) "
	"VALUES(1,'main','','main.c',1),(2,'work','','work.c',5),(3,'leaf','','leaf.c',7),(4,'inl','','leaf.c',9),(5,'new','','',0);"
	"INSERT INTO frame VALUES(1,1,16,1),(2,1,32,1),(3,1,48,1),(5,1,80,1);"
	"INSERT INTO frame_line VALUES(1,0,1,'main.c',3),(2,0,2,'work.c',6),(3,0,4,'leaf.c',9),(3,1,3,'leaf.c',8),(5,0,5,'',0);"
	"INSERT INTO stack VALUES(1,0,1),(2,1,2),(3,2,3),(4,2,2),(5,1,5);"
	"WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<199) INSERT INTO sample_row SELECT 1,i,0,1,1,"
	"CASE WHEN i<39 THEN 1 WHEN i<99 THEN 3 WHEN i<199 THEN 4 ELSE 5 END,1 FROM c;";

static const char DEEP[] =
	"INSERT INTO function(id, name, linkage_name, file, line) VALUES(1,'even','','',0),(2,'odd','','',0); INSERT INTO frame "
	"VALUES(1,1,16,1),(2,1,32,1);"
	"INSERT INTO frame_line VALUES(1,0,1,'',0),(2,0,2,'',0);"
	"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<10000) INSERT INTO stack SELECT i,i-1,1+i%2 FROM c;"
	"INSERT INTO sample_row VALUES(1,1,0,1,1,10000,1),(1,2,0,1,1,5000,1);";

static const char SEVERAL[] =
	"UPDATE host SET name='alpha'; INSERT INTO host(id,key,name) VALUES(2,'h2','beta');"
	"INSERT INTO run(id,uuid,host,boot,start_ns,start_realtime_ns,end_ns) VALUES(2,'u2',2,'b',0,86400000000000,1000);"
	"UPDATE event SET name='cpu-clock', unit='ns'; INSERT INTO event(id,run,seq,name,source,unit) "
	"VALUES(2,1,1,'page-faults','perf','faults'),"
	"(3,2,0,'cpu-clock','perf','ns'); UPDATE thread SET comm='app', tid=11; UPDATE executable SET build_id='abc123' WHERE id=1;"
	"INSERT INTO process(id,host,boot,pid,start_ns,comm) VALUES(2,2,'b',9,0,'app');"
	"INSERT INTO thread(id,process,tid,start_ns,comm) VALUES(2,1,12,0,'other'),(3,2,9,0,'app');"
	"INSERT INTO function(id, name, linkage_name, file, line) "
	"VALUES(1,'main','','',0),(2,replace(hex(zeroblob(32750)),'00','a')||'a!','','',0),(3,cast(x'62ff64' AS TEXT),'','',0);"
	"INSERT INTO frame VALUES(1,1,16,1),(2,1,32,1),(3,1,48,1);"
	"INSERT INTO frame_line VALUES(1,0,1,'',0),(2,0,2,'',0),(3,0,3,'',0); INSERT INTO stack VALUES(1,0,1),(2,1,2),(3,1,3);"
	"INSERT INTO sample_row "
	"VALUES(1,1,0,1,1,2,1000000),(1,2,0,1,1,3,1000000),(1,3,0,1,2,2,1000000),(1,4,0,1,2,2,1000000),(2,5,0,3,3,2,1000000),"
	"(2,6,0,3,3,3,1000000),(1,7,0,2,1,1,10),(1,8,0,2,1,1,20);";

static const char WIDE[] = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<90000) INSERT INTO "
			   "function(id,name,linkage_name,file,line) SELECT i,'function_'||i,'','',0 FROM c;"
			   "INSERT INTO frame SELECT id,1,id*16,1 FROM function; INSERT INTO frame_line SELECT id,0,id,'',0 FROM function;"
			   "INSERT INTO stack SELECT id,0,id FROM function; INSERT INTO sample_row SELECT 1,id,0,1,1,id,1 FROM stack;"
			   "INSERT INTO sample_row SELECT 1,id,0,1,1,1+id%10,1 FROM stack;";

static const char ONE[] = "INSERT INTO function(id,name,linkage_name,file,line) VALUES(1,'main','','',0);"
			  "INSERT INTO frame VALUES(1,1,16,1); INSERT INTO frame_line VALUES(1,0,1,'',0);"
			  "INSERT INTO stack VALUES(1,0,1); INSERT INTO sample_row VALUES(1,1,0,1,1,1,7);";

int main(int argc, char **argv)
{
	struct ap_report_options o = {0};
	struct ap_why why = {0};
	struct ap_view *v, *base_view = NULL;
	sqlite3 *db, *base = NULL;
	const char *kind = argc > 2 ? argv[2] : "";

	if (argc != 3 || sqlite3_open(":memory:", &db))
		fail("usage", "flame_page SCHEMA plain|diff|deep|several|wide|one|empty");
	schema(db, argv[1]);
	sql(db, COMMON);
	sql(db, !strcmp(kind, "plain")     ? PLAIN
		: !strcmp(kind, "diff")    ? CHANGED
		: !strcmp(kind, "deep")    ? DEEP
		: !strcmp(kind, "several") ? SEVERAL
		: !strcmp(kind, "wide")    ? WIDE
		: !strcmp(kind, "one")     ? ONE
					   : "");
	if (!strcmp(kind, "diff")) {
		if (sqlite3_open(":memory:", &base))
			fail("base", "cannot be opened");
		schema(base, argv[1]);
		sql(base, COMMON);
		sql(base, PLAIN);
		sql(base, "UPDATE run SET command='before'");
		o.base = base;
	}
	if (ap_view_open(db, &o.filter, AP_VIEW_PAGE, &v, &why) || (base && ap_view_open(base, &o.filter, AP_VIEW_PAGE, &base_view, &why)))
		fail("ap_view_open", why.text);
	if (ap_report_flame(db, v, base_view, &o, stdout, &why))
		fail("ap_report_flame", why.text);
	ap_view_free(v);
	ap_view_free(base_view);
	sqlite3_close(db);
	sqlite3_close(base);
	return fflush(stdout) ? 1 : 0;
}
