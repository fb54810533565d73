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
ap query run.db 'SELECT nonsense'
is "$?" 1 "a mistake in the SQL"
like "$(cat err)" 'nonsense' "is named"
done_testing
