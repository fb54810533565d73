#!/usr/bin/env bash
# What a recorder holds while it records, and what is left when it is killed: few capabilities, and no BPF object.
. "$(dirname "$0")/lib.sh"
need sqlite3 setpriv
[ "$(id -u)" = 0 ] || skip_all "needs root"
need_recording
SYS_MODULE=16 SYS_PTRACE=19 SYS_ADMIN=21 PERFMON=38 BPF=39
holds() { # pid, thread, capability
	(($(sed -n 's/^CapEff:\t/0x/p' "/proc/$1/task/$2/status") >> $3 & 1))
}
recording() { [ -e "$1" ] && [ "$(sql "$1" 'SELECT count(*) FROM sample' || echo 0)" -gt 0 ]; }
record() { # pid in $recorder
	"$APERTURE" record -q -F 199 "$@" >out 2>err </dev/null &
	recorder=$!
	started+=("$recorder")
}
spin

record -p "$spinner" -o caps.db
wait_for recording caps.db
ok $? "a process is recorded"
held="" threads=0
for t in "/proc/$recorder/task/"*; do
	t=${t##*/}
	threads=$((threads + 1))
	for cap in $SYS_MODULE $SYS_ADMIN $PERFMON; do ! holds "$recorder" "$t" "$cap" || held="$held $t:$cap"; done
done
[ $threads -ge 2 ]
ok $? "by several threads ($threads)"
is "$held" "" "which hold none of CAP_SYS_MODULE, CAP_SYS_ADMIN and CAP_PERFMON any more"
holds "$recorder" "$recorder" $SYS_PTRACE && holds "$recorder" "$recorder" $BPF
ok $? "and still CAP_SYS_PTRACE and CAP_BPF"
kill -INT "$recorder"
wait "$recorder"
is "$?" 0 "and end well"
"$APERTURE" record -q -o command.db -- grep CapEff /proc/self/status >out 2>err
is "$(cat out)" "$(grep CapEff /proc/self/status)" "the command keeps what it was given"

# where CAP_SYS_PTRACE is not held, what the command holds is needed to look into it
cp "$APERTURE" ./aperture && chmod 755 ./aperture && chmod 777 "$dir"
work='i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'
caps=-all,+bpf,+perfmon
if [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ]; then
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=$caps --ambient-caps=$caps ./aperture record -F 499 -o two.db -- sh -c "$work" >out 2>err
	is "$? $(sql two.db 'SELECT complete_pct >= 95 FROM data_quality LIMIT 1')" "0 1" "CAP_BPF and CAP_PERFMON alone: whole stacks"
else
	skip 1 "perf_event_paranoid is above 2"
fi
if command -v setcap >/dev/null && setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog+ep ./aperture 2>err; then
	nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	nobody ./aperture record -F 499 -o setcap.db -- sh -c "$work" >out 2>err
	is "$? $(sql setcap.db 'SELECT complete_pct >= 95 FROM data_quality LIMIT 1')" "0 1" "with setcap, as doctor advises: whole stacks"
	nobody ./aperture record -o plain.db -- grep CapEff /proc/self/status >out 2>err
	like "$(cat out)" 'CapEff:.0000000000000000' "and the command has no capability"
else
	skip 2 "setcap does not work here"
fi

# the identifiers of what this recorder made, from its descriptors: other recorders may run beside it
ids() { grep -hE '^(prog|map|link)_id:' "/proc/$recorder/fdinfo/"* 2>/dev/null | sed 's/_id:/ /' | sort -u; }
left() { # those that the kernel still has
	while read -r kind id; do bpftool "$kind" show id "$id" >/dev/null 2>&1 && printf '%s %s\n' "$kind" "$id"; done <objects
}
none_left() { [ -z "$(left)" ]; }
PATH=$PATH:/usr/sbin
command -v bpftool >/dev/null || { skip 4 "bpftool is not here"; done_testing; exit; }
"$APERTURE" record -q --source=bpf -o probe.db -- true >out 2>err || { skip 4 "no eBPF here: $(head -n 1 err)"; done_testing; exit; }
record --source=bpf -p "$spinner" -o killed.db
wait_for recording killed.db
ok $? "a process is recorded by eBPF"
ids >objects
for kind in prog map link; do
	[ "$kind" = link ] && [ "$(grep -c "^$kind" objects)" = 0 ] && continue
	[ "$(grep -c "^$kind" objects)" -gt 0 ] && [ "$(left | grep -c "^$kind")" = "$(grep -c "^$kind" objects)" ] || missing="${missing:-} $kind"
done
is "${missing:-}" "" "through BPF objects ($(wc -l <objects))"
kill -9 "$recorder"
wait "$recorder" 2>/dev/null
wait_for none_left
ok $? "after kill -9 none of them is left"
left | sed 's/^/# left: /'
[ "$(sql killed.db 'SELECT count(*) FROM sample')" -gt 0 ]
ok $? "and the file opens"
done_testing
