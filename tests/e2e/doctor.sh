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
for what in kernel 'own processes' perf_event_paranoid CAP_PERFMON CAP_SYS_PTRACE 'open files' BTF lockdown CAP_BPF debuginfod 'this folder'; do
	grep -qE "^[a-z]+ +$what " out
	ok $? "says something of $what"
done
lines=$(wc -l <out)
ap doctor --format=json
is "$(python3 -c 'import json; print(len(json.load(open("out"))["checks"]))')" "$lines" "JSON has the same findings"
is "$(python3 -c 'import json; print([c["name"] for c in json.load(open("out"))["checks"] if c["state"] not in ("works", "limited", "missing")])')" "[]" "each with its state"
ap doctor --format=xml
is "$?" 2 "another format is wrong usage"
# every line has words, and what is missing or limited has a remedy; read as other users see it
for who in "" "setpriv --reuid=65534 --regid=65534 --clear-groups" "unshare -Ur"; do
	$who true 2>/dev/null || { skip 2 "$who does not work here"; continue; }
	(cd / && $who "$APERTURE" doctor --format=json) >out 2>err </dev/null
	[ $? -le 1 ]
	ok $? "${who:-as it is}: exit 0 or 1"
	is "$(python3 -c 'import json; print([c["name"] for c in json.load(open("out"))["checks"] if c["state"] != "works" and not c["remedy"] and "run:" not in c["text"] and "source" not in c["text"]])')" "[]" "${who:-as it is}: a remedy for all that is lost"
done
# root of a user namespace of one's own is nobody to the kernel
if unshare -Ur true 2>/dev/null; then
	unshare -Ur "$APERTURE" doctor >out 2>err
	like "$(grep CAP_PERFMON out)" '^limited' "unshare -Ur: its CAP_PERFMON is not taken for one"
	like "$(cat out)" '^limited +user namespace ' "and that is said"
else
	skip 2 "no user namespaces here"
fi
done_testing
