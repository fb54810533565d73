#!/usr/bin/env bash
# A process may call itself anything: a name stays a name in the terminal, in HTML, CSV and JSON.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
need_recording
cat >evil.py <<'P'
import ctypes, os, sys, time
ctypes.CDLL(None).prctl(15, eval(sys.argv[1]), 0, 0, 0)
t = time.process_time()
while time.process_time() - t < 0.4: pass
P
esc=$(printf '\033')
evil() { # a bytes literal of python, file
	ap record -o "$2" -F 499 -- python3 evil.py "$1"
	[ "$(sql "$2" 'SELECT count(*) FROM sample')" -ge 20 ]
	ok $? "samples of a process named $1"
}
evil 'b"<script>x()"' html.db
evil 'b"\x1b[31mred;1\n"' esc.db
evil 'b"=1+1\xff"' csv.db
like "$(sql html.db "SELECT group_concat(comm) FROM thread")" '<script>x' "the file keeps the name as it was"
for r in --top --tree --folded --summary; do
	for f in html esc csv; do
		ap report $f.db $r
		is "$? $(grep -c "$esc" out)" "0 0" "report $r of $f.db: no escape code comes through"
	done
done
for f in html esc csv; do
	ap report $f.db --flame -o $f.html
	is "$? $(grep -c "$esc" $f.html)" "0 0" "flame of $f.db: no escape code"
	! grep -q '<script>x()' $f.html
	ok $? "and no element of the target's"
	ap report $f.db --summary --format=json
	python3 -c 'import json; json.load(open("out", encoding="utf-8"))'
	ok $? "valid JSON and UTF-8 of $f.db"
	ap report $f.db --top --format=csv
	python3 -c 'import csv; rows = list(csv.reader(open("out", encoding="utf-8", newline=""))); assert rows and len({len(r) for r in rows if r}) == 1; assert not [c for r in rows for c in r if c[:1] in ("=", "@")]'
	ok $? "valid CSV of $f.db, no formula"
done
ap report esc.db --folded
is "$(grep -cvE ' [0-9]+$' out)" 0 "a newline or ; in a name does not break a folded line"
done_testing
