#!/usr/bin/env bash
# `aperture symbolize` adds the names that were missing, from a debug folder and from debuginfod, and leaves ids as they are; a recorded file
# says the same without any of the binaries.
. "$(dirname "$0")/lib.sh"
need sqlite3 gcc python3 objcopy strip
need_recording
cat >burn.c <<'C'
#include <time.h>
static inline __attribute__((always_inline)) long step(long i) { return i * i; }
__attribute__((noinline)) static long busy_loop(long n)
{
	volatile long s = 0;
	for (long i = 0; i < n; i++)
		s += step(i);
	return s;
}
int main(void)
{
	while ((double)clock() / CLOCKS_PER_SEC < 0.5)
		busy_loop(1000000);
	return 0;
}
C
gcc -O1 -g -o burn burn.c 2>err && objcopy --only-keep-debug burn burn.debug && strip -o stripped burn || exit 99
id=$(readelf -n burn | sed -n 's/.*Build ID: //p')
ap record -q -o bare.db -F 499 -- ./stripped
is "$?" 0 "record a stripped program"
cp burn unstripped
ap record -q -o full.db -F 499 -- ./unstripped
count() { sql "$1" "SELECT count(*) FROM frame_line l JOIN function f ON f.id = l.function WHERE f.name IN ('busy_loop', 'step')"; }
is "$(count bare.db)" 0 "its functions have no names"
like "$(sql bare.db "SELECT why FROM executable WHERE path LIKE '%/stripped'")" 'symboli[sz]e' "and the file says what would help"

# the file stands alone
mkdir away && mv full.db away/ && rm -f unstripped
all_reports() {
	local r
	for r in --top --tree --folded --summary "--top --format=json" "--tree --format=csv" "--summary --format=json"; do
		"$APERTURE" report "$1" $r 2>&1
	done
	"$APERTURE" report "$1" --flame -o "$2.html" 2>&1 && cat "$2.html"
	sqlite3 "$1" 'SELECT * FROM top_functions; SELECT * FROM samples; SELECT * FROM by_process' 2>&1
}
cp burn unstripped
(cd away && all_reports full.db with >../with)
rm unstripped
(cd away && all_reports full.db with >../without)
[ -s with ] && cmp -s with without
ok $? "every report is the same without the binary"
[ "$(count away/full.db)" -ge 2 ]
ok $? "with its names, lines and inlined calls"

ids() { sql "$1" "SELECT * FROM frame; SELECT * FROM stack; SELECT * FROM sample; SELECT id, build_id, path, kind FROM executable; SELECT * FROM function WHERE id <= $2"; }
named_by() { # file, what
	[ "$(count "$1")" -ge 2 ]
	ok $? "$2: names, with inlined calls"
	[ "$(sql "$1" "SELECT count(*) FROM frame_line l JOIN function f ON f.id = l.function WHERE f.name = 'step' AND l.depth = 0 AND l.line = 2 AND l.file LIKE '%burn.c'")" -ge 1 ]
	ok $? "$2: lines"
	is "$(ids "$1" "$last" | cksum)" "$before" "$2: every id is what it was"
	[ "$(sql "$1" "SELECT self > 0 FROM function_total t JOIN function f ON f.id = t.function WHERE f.name IN ('busy_loop', 'step') ORDER BY self DESC LIMIT 1")" = 1 ]
	ok $? "$2: the totals have them too"
}
last=$(sql bare.db 'SELECT max(id) FROM function')
before=$(ids bare.db "$last" | cksum)
mkdir -p "dbg/.build-id/${id:0:2}" && cp burn.debug "dbg/.build-id/${id:0:2}/${id:2}.debug"
cp bare.db folder.db
ap symbolize folder.db
is "$?" 0 "symbolize without anything to find"
is "$(count folder.db)" 0 "names nothing"
ap symbolize folder.db --debug-dir dbg
is "$?" 0 "symbolize --debug-dir"
named_by folder.db "--debug-dir"
sum=$(sql folder.db 'SELECT * FROM frame_line' | cksum)
ap symbolize folder.db --debug-dir dbg
is "$? $(sql folder.db 'SELECT * FROM frame_line' | cksum)" "0 $sum" "again, nothing changes"
cp bare.db gone.db && mv stripped stripped.away
ap symbolize gone.db --debug-dir dbg
named_by gone.db "without the binary"
mv stripped.away stripped

# a server on the loopback, and a folder for what it sends
if ldconfig -p 2>/dev/null | grep -q 'libdebuginfod\.so\.1'; then
	cat >server.py <<'P'
import http.server, sys
path, body = "/buildid/%s/debuginfo" % sys.argv[1], open(sys.argv[2], "rb").read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path == path
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body) if found else 0))
        self.end_headers()
        if found:
            self.wfile.write(body)
        open("asked", "a").write(self.path + "\n")
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write("%d\n" % server.server_port)
server.serve_forever()
P
	python3 server.py "$id" burn.debug &
	started+=($!)
	wait_for test -s port
	export DEBUGINFOD_URLS="http://127.0.0.1:$(cat port)/" DEBUGINFOD_CACHE_PATH=$dir/cache DEBUGINFOD_PROGRESS=
	unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
	cp bare.db server.db
	ap symbolize server.db
	is "$(count server.db) $(test -e asked; echo $?)" "0 1" "without --debuginfod nobody is asked"
	ap record -q -o quiet.db -F 99 -- ./stripped
	is "$(test -e asked; echo $?)" 1 "record asks nobody"
	ap symbolize server.db --debuginfod
	is "$?" 0 "symbolize --debuginfod"
	named_by server.db "--debuginfod"
	like "$(cat asked)" "$id/debuginfo" "the server was asked by the build ID"
	cp bare.db down.db
	DEBUGINFOD_URLS=http://127.0.0.1:1/ DEBUGINFOD_CACHE_PATH=$dir/cache2 DEBUGINFOD_TIMEOUT=2 ap symbolize down.db --debuginfod
	is "$?" 0 "a server that is down is no failure"
	is "$(count down.db)" 0 "and names nothing"
else
	skip 10 "libdebuginfod1 is not here"
fi
done_testing
