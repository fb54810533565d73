#!/usr/bin/env bash
# Running processes: -p with -d, Ctrl-C, kill -9 of the recorder.
. "$(dirname "$0")/lib.sh"
need sqlite3 pgrep timeout
need_recording
spin
begin=$(date +%s%N) ran=$(cut -d' ' -f1 /proc/$spinner/schedstat)
ap record -o p.db -F 299 -p "$spinner" -d 1
is "$?" 0 "-p with -d"
took=$((($(date +%s%N) - begin) / 1000000))
[ $took -ge 900 ] && [ $took -lt 8000 ]
ok $? "lasts about as long as -d says ($took ms)"
ran=$((($(cut -d' ' -f1 /proc/$spinner/schedstat) - ran) / 1000000))
# the recorder's own start and end are in its time, too
[ "$(sql p.db 'SELECT count(*) FROM sample')" -ge $((ran * 299 / 1000 / 4)) ]
ok $? "with samples of the running process, $(sql p.db 'SELECT count(*) FROM sample') in its $ran ms of CPU"
is "$(sql p.db 'SELECT DISTINCT p.pid FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process')" "$spinner" "and of no other"
like "$(cat /proc/"$spinner"/stat)" '\) R ' "the target runs on"

# the same with kill -INT, as a service manager or a terminal would
"$APERTURE" record -o int.db -F 299 -p "$spinner" >out 2>err </dev/null &
pid=$!
started+=($pid)
# stock sqlite3 would make a file that is not there yet
has_rows() { [ -s "$1" ] && [ "$(sqlite3 "$1" 'SELECT count(*) > 20 FROM sample' 2>/dev/null)" = 1 ]; }
wait_for has_rows int.db
ok $? "rows are committed while it records"
kill -INT $pid
wait $pid
is "$?" 0 "SIGINT ends it well"
is "$(sql int.db 'SELECT end_ns IS NOT NULL FROM run')" 1 "and seals the file"
[ ! -e int.db-wal ]
ok $? "without side files"

"$APERTURE" record -o kill.db -F 299 -p "$spinner" >out 2>err </dev/null &
pid=$!
started+=($pid)
wait_for has_rows kill.db
kill -9 $pid
wait $pid 2>/dev/null
is "$(sql kill.db 'PRAGMA integrity_check')" ok "kill -9: the file is whole"
[ "$(sql kill.db 'SELECT count(*) FROM sample')" -gt 20 ]
ok $? "what was committed is there"
is "$(sql kill.db 'SELECT count(*) FROM run WHERE end_ns IS NULL AND end_reason IS NULL')" 1 "the run has no end"
ap report kill.db --summary --format=json
ok $? "it can be reported"
like "$(tr -d ' \n' <out)" '"incomplete":true' "as incomplete"
ap report kill.db --top
ok $? "and so can its functions"
like "$(cat /proc/"$spinner"/stat)" '\) R ' "the target was left running"
done_testing
