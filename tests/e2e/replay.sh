#!/usr/bin/env bash
# A recording's events, kept and played again without privilege: the same samples, stacks and names.
. "$(dirname "$0")/lib.sh"
need sqlite3 xz
need_recording
content() { # who, where, what of every sample, and how often
	sql "$1" "SELECT s.ts - (SELECT min(ts) FROM sample), s.cpu, s.weight, e.name, t.tid, t.comm, p.pid, p.comm, s.stack FROM sample s JOIN event e ON e.id = s.event
		JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process ORDER BY 1, 2, 5, 9"
	sql "$1" "SELECT st.id, st.parent_id, f.kind, f.address, e.build_id, e.path FROM stack st JOIN frame f ON f.id = st.frame_id LEFT JOIN executable e ON e.id = f.executable ORDER BY 1"
	sql "$1" "SELECT cause, sum(n) FROM loss GROUP BY 1; SELECT seen - filtered, stored, lost FROM account"
}
data 4
cat >work.sh <<'S'
head -c 3000000 data | xz -6 -T2 | cksum &
i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done
wait
S
ap record -o live.db --save-events events -F 499 -e cpu-clock:u,page-faults:u -- sh work.sh
is "$?" 0 "recorded, with its events"
cp /dev/null err
ap record -o again.db --replay events
is "$?" 0 "played again"
like "$(cat err)" '[0-9]{2,} samples, .*source replay' "by the source replay"
content live.db >1
content again.db >2
cmp -s 1 2 && [ "$(wc -l <1)" -gt 100 ]
ok $? "the same samples, stacks and losses ($(wc -l <1) rows)"
diff 1 2 | head -n 10 | sed 's/^/# /'
ap report live.db --folded && sort out >1
ap report again.db --folded && sort out >2
cmp -s 1 2 && [ -s 1 ]
ok $? "the same folded stacks, by name"
diff 1 2 | head -n 10 | sed 's/^/# /'
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$APERTURE" ./aperture && chmod 755 ./aperture && chmod 777 "$dir" && chmod 644 events
	setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs ./aperture record -o nobody.db --replay events >out 2>err </dev/null
	is "$?" 0 "without any privilege"
	content again.db >1
	content nobody.db >2
	cmp -s 1 2
	ok $? "the same again"
	diff 1 2 | head -n 10 | sed 's/^/# /'
else
	skip 2 "needs root, to become another user"
fi
head -c 5000 events >cut
ap record -o cut.db --replay cut
is "$? $(sql cut.db "SELECT count(*) > 0 FROM loss WHERE cause = 'malformed record'")" "0 1" "a file that is cut: what is whole is played, the rest counts as one loss"
ap record -o none.db --replay work.sh
is "$?" 1 "another file is refused"
like "$(cat err)" 'work.sh.*not a stored event file' "by name"
ap record -o none.db --replay events -- true
is "$?" 2 "a target beside it is wrong usage"
ap record -o bad.db --save-events /no/such/folder/events -- true
is "$?" 125 "events that cannot be kept: our own failure"
like "$(cat err)" '/no/such/folder/events' "by name"
done_testing
