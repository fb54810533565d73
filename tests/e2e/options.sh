#!/usr/bin/env bash
# What and how to record: events kept apart, rates, delay, duration, call graphs, labels, limits.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
need_recording
cat >work.py <<'P'
import mmap, os, sys, time
def early(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
def late(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
def faults(n):
    m = mmap.mmap(-1, n * 4096)
    m.madvise(mmap.MADV_NOHUGEPAGE)
    for i in range(n): m[i * 4096] = 1
for w in sys.argv[1:]: exec(w)
P
count() { sql "$1" "SELECT count(*) FROM sample s JOIN event e ON e.id = s.event WHERE e.name LIKE '$2%'"; }
between() { # value, least, most, description
	[ "${1:-0}" -ge "$2" ] && [ "${1:-0}" -le "$3" ]
	ok $? "$4 ($1)"
}

ap record -o e.db --call-graph=none -c 1 -e minor-faults,page-faults,context-switches -- python3 work.py 'faults(3000)' 'for i in range(50): time.sleep(0.001)'
is "$?" 0 "three software events in one run, each hit a sample"
is "$(sql e.db 'SELECT count(*) FROM event')" 3 "each has its row"
between "$(count e.db minor-faults)" 3000 60000 "minor-faults: the pages touched, and those of python's start"
between "$(($(count e.db page-faults) - $(count e.db minor-faults)))" 0 500 "page-faults: the same and the few that read a file"
between "$(count e.db context-switches)" 40 3000 "context-switches: the sleeps"
is "$(sql e.db 'SELECT group_concat(DISTINCT weight) FROM sample')" 1 "-c 1: each stands for one"
ap record -o e.db --call-graph=none -e cpu-clock,task-clock -F 250 -- python3 work.py 'early(1)'
between "$(count e.db cpu-clock)" 150 600 "cpu-clock at 250 Hz, one second of CPU"
between "$(count e.db task-clock)" 150 600 "task-clock beside it"
is "$(sql e.db "SELECT group_concat(DISTINCT frequency_hz || unit) FROM event")" 250ns "in nanoseconds"
ap record -o e.db --call-graph=none -e cpu-clock -c 5000000 -- python3 work.py 'early(0.5)'
between "$(count e.db cpu-clock)" 60 260 "-c: a sample every 5 ms"
is "$(sql e.db 'SELECT period || "," || (frequency_hz IS NULL) FROM event')" 5000000,1 "and the file says so"
limit=$(cat /proc/sys/kernel/perf_event_max_sample_rate)
ap record -o max.db --call-graph=none -F max -d 0.2 -- python3 work.py 'early(0.2)'
is "$? $(sql max.db 'SELECT frequency_hz FROM event')" "0 $limit" "-F max: as fast as the kernel allows"
if [ "$limit" -lt 1000000 ]; then
	ap record -o e.db --call-graph=none -F 1000000 -- python3 work.py 'early(0.1)'
	like "$(sql e.db 'SELECT why FROM event')" 'lowered.*max_sample_rate' "more than that is lowered, and the file says why"
fi
for e in no-such-event INST_RETIRED:ANY 'sched:sched_switch' cycles:uuq; do
	ap record -o no.db -e "$e" -- true
	is "$? $(wc -l <err)" "125 1" "-e $e: one sentence"
	like "$(cat err)" "$e.*(try|name)" "names it and what to try"
done

# the delay: what ran in it is not there, what it mapped is known
ap record -o d.db -F 499 -D 700 -- python3 work.py 'early(0.3)' 'time.sleep(0.7)' 'late(0.4)'
is "$?" 0 "-D"
[ "$(sql d.db 'SELECT count(*) FROM sample')" -ge 50 ]
ok $? "what comes after the delay is recorded ($(sql d.db 'SELECT count(*) FROM sample'))"
[ "$(sql d.db 'SELECT min(ts) > 650000000 FROM sample')" = 1 ]
ok $? "nothing before it"
is "$(sql d.db "SELECT count(*) * 20 > (SELECT count(*) FROM sample) FROM sample s WHERE stack IN (WITH RECURSIVE up(stack, id) AS (SELECT id, id FROM stack UNION ALL SELECT up.stack, s.parent_id FROM up JOIN stack s ON s.id = up.id WHERE s.parent_id) SELECT up.stack FROM up JOIN stack s ON s.id = up.id JOIN frame f ON f.id = s.frame_id WHERE f.kind = 4)")" 0 \
	"and the stacks are whole: mappings from before are known"
ap record -o d.db -D 5000 -- true
is "$?" 0 "a command that ends in the delay"
begin=$(date +%s%N)
ap record -o dur.db -F 99 -d 0.3 -- sh -c 'sleep 1.2; exit 4'
is "$?" 4 "-d with a command: it runs to its end, and its status is ours"
like "$(cat err)" 'runs on; waiting' "which is said"
is "$(sql dur.db 'SELECT end_reason, (end_ns - start_ns) / 1000000000 FROM run')" "duration|0" "the recording ended before"

depth() { sql "$1" "WITH RECURSIVE d(id, n) AS (SELECT id, 1 FROM stack WHERE parent_id = 0 UNION ALL SELECT s.id, n + 1 FROM stack s JOIN d ON d.id = s.parent_id) SELECT max(n) FROM d"; }
for g in none fp dwarf auto; do
	ap record -o cg.db -F 499 --call-graph=$g -- python3 work.py 'early(0.3)'
	is "$?" 0 "--call-graph=$g"
	case $g in
	none) [ "$(depth cg.db)" -le 2 ] ;;
	fp) [ "$(depth cg.db)" -ge 1 ] ;;
	*) [ "$(depth cg.db)" -ge 10 ] ;;
	esac
	ok $? "stacks of that kind ($(depth cg.db) deep)"
done

ap record -o l.db --label job=nightly --label 'what=a b=c' --no-symbols -q -F 499 -- python3 work.py 'early(0.2)'
is "$? $(wc -c <err)" "0 0" "-q says nothing"
is "$(sql l.db 'SELECT key, value FROM run_label ORDER BY key' | paste -sd' ')" "job|nightly what|a b=c" "--label"
is "$(sql l.db "SELECT count(*) FROM function")" 0 "--no-symbols: no names"
ap symbolize l.db && ap report l.db --top
like "$(cat out)" 'PyEval|python' "which symbolize adds later"
ap record -v -o v.db -- true
like "$(cat err)" 'recorder used [0-9]+ ms of CPU and [0-9.]+ MB' "-v says what it cost"
ap record -o size.db --max-size 1M -F 20000 -e cpu-clock -- python3 work.py 'early(3)'
is "$?" 0 "--max-size"
[ "$(stat -c %s size.db)" -le 2500000 ]
ok $? "bounds the file ($(stat -c %s size.db) bytes)"
like "$(sql size.db 'SELECT end_reason FROM run')" '.' "and ends the run with a reason"
ap record -v -o mem.db --max-memory 4M -F 997 -- python3 work.py 'early(0.5)'
is "$?" 0 "--max-memory"
is "$(sql mem.db 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost')" 0 "what does not fit is counted"
done_testing
