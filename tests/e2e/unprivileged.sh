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
nobody ./aperture doctor
like "$(cat out)" '^(limited|missing) +CAP_PERFMON .*remedy: .*setcap' "doctor names what is not held and the remedy"
done_testing
