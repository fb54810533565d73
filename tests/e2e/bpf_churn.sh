#!/usr/bin/env bash
# A machine that starts and ends processes all the time, for CHURN_S (20) seconds: a compiler in a loop and a storm of short processes. All hits
# are accounted for, every sample has its process and both names, and the recorder stays within its memory.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
need_recording
need_bpf
sanitized && skip_all "the bound on memory is of a normal build"
seconds=${CHURN_S:-20}
cat >unit.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
int main(int argc, char **argv)
{
	char b[64];
	for (int i = 0; i < argc; i++)
		snprintf(b, sizeof b, "%s %d", argv[i], i);
	return (int)strlen(b) % 3;
}
C
${CC:-cc} -O2 -o unit unit.c 2>err || skip_all "no C compiler"
ap_start=$(date +%s)
"$APERTURE" record -q -a --source=bpf -F 499 -o churn.db >out 2>err </dev/null &
recorder=$!
started+=($recorder)
(while :; do ${CC:-cc} -O2 -o unit2 unit.c && ./unit2; done) >/dev/null 2>&1 &
started+=($!)
compiling=$!
(while :; do /bin/true; done) &
started+=($!)
storm=$!
anon() { awk '/^RssAnon/ { print $2 }' "/proc/$recorder/status"; }
sleep $((seconds * 2 / 3))
first=$(anon)
sleep $((seconds - seconds * 2 / 3))
last=$(anon)
kill $compiling $storm 2>/dev/null
kill -INT $recorder
wait $recorder
is "$?" 0 "a recording of $(($(date +%s) - ap_start)) s beside a compiler and a storm of short processes"
echo "# anonymous memory $first kB at two thirds, $last kB at the end; $(sql churn.db 'SELECT count(*) FROM process') processes, $(sql churn.db 'SELECT count(*) FROM sample') samples"
[ "${last:-999999}" -le 65536 ]
ok $? "it stays within 64 MB ($first kB, then $last kB; up to 24 MB of it are tables)"
echo "# lost, by cause: $(sql churn.db "SELECT group_concat(cause || ' ' || n, ', ') FROM (SELECT cause, sum(n) AS n FROM loss GROUP BY cause)")"
is "$(sql churn.db 'SELECT (sum(seen) = sum(stored) + sum(filtered) + sum(lost)) || " " || (sum(stored) = (SELECT count(*) FROM sample)) FROM account')" "1 1" "all hits are accounted for"
is "$(sql churn.db "SELECT count(*) FROM sample s LEFT JOIN thread t ON t.id = s.thread LEFT JOIN process p ON p.id = t.process WHERE ifnull(p.comm, '') = '' OR ifnull(t.comm, '') = ''")" 0 "every sample has its process and thread, and their names"
is "$(sql churn.db "SELECT count(*) > 0 FROM process WHERE comm = 'true'")" 1 "the short ones are among them"
done_testing
