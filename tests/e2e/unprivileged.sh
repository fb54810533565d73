#!/usr/bin/env bash
# Without any privilege: own processes in user space, or one sentence that says why not and what to do.
. "$(dirname "$0")/lib.sh"
need sqlite3 setpriv
need_recording
[ "$(id -u)" = 0 ] || skip_all "needs root, to become another user"
cp "$APERTURE" ./aperture && chmod 755 ./aperture && chmod 777 "$dir"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@" >out 2>err </dev/null; }
nobody test -x "$dir/aperture" || skip_all "nobody cannot reach $dir"
level=$(cat /proc/sys/kernel/perf_event_paranoid)
nobody ./aperture record -o run.db -F 499 -- sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'
rc=$?
if [ "$level" -le 2 ]; then
	is $rc 0 "own command (perf_event_paranoid is $level)"
	[ "$(sql run.db "SELECT count(*) FROM sample" || echo 0)" -ge 20 ]
	ok $? "with samples"
	[ "$level" -lt 2 ] || is "$(sql run.db 'SELECT min(user_only) FROM event')" 1 "user space only, and the event's row says so"
	like "$(sql run.db 'SELECT why FROM event')$(cat err)" 'user|paranoid|CAP_PERFMON' "and the user is told"
else
	is $rc 125 "refused (perf_event_paranoid is $level)"
	like "$(cat err)" 'perf_event_open' "names the call"
	like "$(cat err)" 'paranoid|CAP_PERFMON|cap_perfmon' "and the remedy"
fi
if [ "$level" -ge 1 ]; then
	nobody ./aperture record -o all.db -a -d 1
	is "$?" 1 "-a is refused"
	like "$(cat err)" 'paranoid|CAP_PERFMON|cap_perfmon' "with the remedy"
	[ "$(wc -l <err)" -le 3 ]
	ok $? "in a sentence, not a page"
	nobody ./aperture record -o one.db -p 1 -d 1
	[ $? != 0 ] && grep -qE 'EPERM|EACCES|ermi|CAP_' err
	ok $? "another user's process is refused, and it says why"
fi
# one sentence each: the call, the cause, the remedy
sentence() { # what, arguments
	local what=$1
	shift
	nobody ./aperture record -o no.db "$@"
	rc=$?
	[ $rc = 1 ] || [ $rc = 125 ]
	ok $? "$what is refused"
	is "$(wc -l <err) $(grep -cE 'perf_event_open.*(Permission denied|Operation not permitted).*CAP_PERFMON.*; run: sudo setcap cap_bpf,cap_perfmon' err)" "1 1" "in one sentence: call, cause, remedy"
	[ ! -e no.db ]
	ok $? "and no file is left"
}
if [ "$level" = 2 ]; then
	sentence "the kernel part of an event" -e cpu-clock:k -- true
	sentence "another user's thread" -t 1 -d 1
	sentence "a user of the whole machine" -u nobody -d 1
	sentence "a cgroup" -G . -d 1
	nobody ./aperture record -o few.db -e cpu-clock -F 199 -- sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'
	is "$?" 0 "an event named by the user: its user space part"
	is "$(sql few.db 'SELECT name FROM event')" cpu-clock:u "and the file says so"
	nobody sh -c 'sh -c "while :; do :; done" & echo $! >pid; exec ./aperture record -q -o own.db -F 499 -p $! -d 0.7'
	is "$? $(sql own.db 'SELECT count(*) >= 20 FROM sample')" "0 1" "an own process that runs already"
	kill "$(cat pid)"
fi
if [ "$level" -le 2 ] && command -v prlimit >/dev/null; then
	nobody prlimit --memlock=0 ./aperture record -o small.db -F 499 -- sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'
	is "$?" 0 "with no more locked memory than perf_event_mlock_kb allows"
	is "$(sql small.db 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost OR stored < 20')" 0 "it records, and counts what a small ring lost"
	nobody prlimit --nofile=30 ./aperture record -o few.db -e cpu-clock,task-clock,page-faults,faults,cs,minor-faults,migrations,major-faults -- true
	is "$?" 125 "too few descriptors"
	like "$(cat err)" 'perf_event_open.*descriptors.*ulimit -n' "are named, with the remedy"
fi
nobody ./aperture doctor
like "$(cat out)" '^(limited|missing) +CAP_PERFMON .*remedy: .*setcap' "doctor names what is not held and the remedy"
done_testing
