#!/usr/bin/env bash
# doctor: fast, one finding a line, JSON with the same content.
. "$(dirname "$0")/lib.sh"
need python3
begin=$(date +%s%N)
ap doctor
rc=$?
took=$((($(date +%s%N) - begin) / 1000000))
[ $rc -le 1 ]
ok $? "exit 0 or 1"
# 200 ms is the promise on a quiet machine; a loaded one gets five times that, and sanitizers slow it too
[ $took -lt 1000 ]
ok $? "fast ($took ms)"
is "$(grep -cvE '^(works|limited|missing) +[^ ]' out)" 0 "each line is a finding"
for what in kernel 'own processes' perf_event_paranoid CAP_PERFMON CAP_SYS_PTRACE 'open files' BTF debuginfod 'this folder'; do
	grep -qE "^[a-z]+ +$what " out
	ok $? "says something of $what"
done
lines=$(wc -l <out)
ap doctor --format=json
is "$(python3 -c 'import json; print(len(json.load(open("out"))["checks"]))')" "$lines" "JSON has the same findings"
is "$(python3 -c 'import json; print([c["name"] for c in json.load(open("out"))["checks"] if c["state"] not in ("works", "limited", "missing")])')" "[]" "each with its state"
ap doctor --format=xml
is "$?" 2 "another format is wrong usage"
done_testing
