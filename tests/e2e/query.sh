#!/usr/bin/env bash
# query: read-only SQL on a file.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
ap record -o run.db -F 499 -- sh -c 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done'
is "$?" 0 "record"
want=$(sql run.db 'SELECT count(*) FROM sample')
[ "${want:-0}" -gt 0 ]
ok $? "with samples (${want:-none})"
ap query run.db 'SELECT count(*) FROM sample'
is "$?" 0 "query"
like "$(cat out)" "(^|[^0-9])$want([^0-9]|\$)" "answers as sqlite3 does"
ap query run.db 'SELECT count(*) AS n FROM sample' --format=json
like "$(tr -d ' \n' <out)" "\"n\":$want" "JSON"
sum=$(cksum <run.db)
for s in 'DELETE FROM sample' 'DROP TABLE sample' "ATTACH 'x.db' AS x" 'PRAGMA user_version = 9'; do
	ap query run.db "$s"
	[ $? != 0 ]
	ok $? "refused: $s"
done
is "$(cksum <run.db)" "$sum" "the file is as it was"
[ ! -e x.db ]
ok $? "and no other was made"
for s in "SELECT load_extension('x')" 'PRAGMA journal_mode' 'BEGIN' 'VACUUM INTO "y.db"' 'SELECT 1; SELECT 2' 'CREATE TEMP TABLE t(x)' ''; do
	ap query run.db "$s"
	is "$?" 1 "refused: $s"
done
ap query run.db 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n' --timeout=1
is "$?" 1 "what does not end is stopped"
like "$(cat err)" 'stopped after 1 s.*--timeout' "and says so"
ap query run.db 'SELECT length(hex(zeroblob(400000000)))'
is "$?" 1 "what is too big is refused"
ap query run.db 'PRAGMA user_version'
is "$(tail -n 1 out)" "$(sql run.db 'PRAGMA user_version')" "a pragma that only tells"
q="SELECT 1 AS a, 'x,\"y\"' AS \"b|<c>\", NULL AS n, 1.5 AS r, x'00ff' AS z, char(27) || '[1m' AS e, '=1+1' AS f UNION ALL SELECT 2, char(10), 9e999, -1, 'ä', '', ''"
ap query run.db "$q"
printf '%s\n' 'a|b|<c>|n|r|z|e|f' '1|x,"y"||1.5|00ff|\x1b[1m|=1+1' '2|\x0a|Inf|-1|ä||' >want
cmp -s out want
ok $? "text, exactly"
ap query run.db "$q" --format=csv
printf '%s\r\n' '"a","b|<c>","n","r","z","e","f"' '1,"x,""y""",,1.5,00ff,"\x1b[1m","'"'"'=1+1"' >want
head -n 2 out | cmp -s - want
ok $? "CSV, exactly"
ap query run.db "$q" --format=json
printf '%s\n' '[' '{"a": 1, "b|\u003cc\u003e": "x,\u0022y\u0022", "n": null, "r": 1.5, "z": "00ff", "e": "\u001b[1m", "f": "=1+1"},' \
	'{"a": 2, "b|\u003cc\u003e": "\u000a", "n": null, "r": -1, "z": "ä", "e": "", "f": ""}' ']' >want
cmp -s out want
ok $? "JSON, exactly"
ap query run.db 'SELECT 1' --timeout=x
is "$?" 2 "a timeout that is none"
ap query run.db 'SELECT nonsense'
is "$?" 1 "a mistake in the SQL"
like "$(cat err)" 'nonsense' "is named"
done_testing
