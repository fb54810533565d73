#!/usr/bin/env bash
# Whom to watch: several processes, one thread, the whole machine, and each way to narrow it; what is refused says so in a sentence.
. "$(dirname "$0")/lib.sh"
need sqlite3 pgrep timeout python3
need_recording
[ "$(id -u)" = 0 ] || skip_all "needs root, to watch the whole machine and other users"
pids() { sql "$1" 'SELECT group_concat(pid) FROM (SELECT DISTINCT p.pid FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process ORDER BY p.pid)'; }
samples() { sql "$1" "SELECT count(*) FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process WHERE ${2:-1}"; }
balanced() { is "$(sql "$1" 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost')" 0 "$2: seen = stored + filtered + lost"; }
enough() { # database, condition, least, what
	local got
	got=$(samples "$1" "$2")
	[ "${got:-0}" -ge "$3" ]
	ok $? "$4 ($got samples)"
}

spin
first=$spinner
spin
second=$spinner
spin
third=$spinner
ap record --no-symbols -o p.db -F 499 -d 1 -p "$first,$second" -p "$first"
is "$?" 0 "-p, several"
is "$(pids p.db)" "$(printf '%s\n' "$first" "$second" | sort -n | paste -sd,)" "are recorded, and no other"
ap record --no-symbols -o p.db -d 1 -p 4194303
is "$?" 1 "-p of no process"
like "$(cat err)" '4194303.*no such process' "says so"

# two threads, of which one is watched
cat >threads.py <<'P'
import threading, time
def work(name):
    open("/proc/thread-self/comm", "w").write(name)
    open(name, "w").write(open("/proc/thread-self/stat").read().split()[0])
    end = time.time() + 60
    while time.time() < end: sum(range(2000))
for n in ("one", "two"): threading.Thread(target=work, args=(n,), daemon=True).start()
time.sleep(60)
P
python3 threads.py &
threads=$!
started+=($threads)
wait_for test -s two
wait_for test -s one
ap record --no-symbols -o t.db -F 499 -d 1 -t "$(cat one)"
is "$?" 0 "-t"
is "$(sql t.db 'SELECT group_concat(comm) FROM (SELECT DISTINCT t.comm FROM sample s JOIN thread t ON t.id = s.thread)')" one "one thread and no other"
ap record --no-symbols -o tp.db -F 499 -d 1 -p $threads -t "$(cat one)"
is "$(sql tp.db 'SELECT count(*) - count(DISTINCT ts || "," || thread) FROM sample')" 0 "-p with -t of one of its threads counts nothing twice"
kill $threads

ap record --no-symbols -o a.db -F 499 -d 1 -a
is "$?" 0 "-a"
for p in $first $second $third; do enough a.db "p.pid = $p" 10 "-a sees process $p that ran before"; done
balanced a.db -a
(sleep 0.5; exec timeout 30 python3 -c 'import time
end = time.process_time() + 1
while time.process_time() < end: pass') &
started+=($!)
ap record --no-symbols -o late.db -F 199 -d 4 -a
enough late.db "p.comm LIKE 'python3%'" 3 "-a sees a process that starts later"

ap record --no-symbols -o c.db -F 499 -d 1 -a -C 0
is "$(sql c.db 'SELECT group_concat(DISTINCT cpu) FROM sample')" 0 "-C 0: of no other CPU"
ap record --no-symbols -o c.db -F 499 -d 1 -C 4000
is "$?" 1 "-C of no CPU"
like "$(cat err)" '4000 is not online' "says so"
ap record --no-symbols -o c.db -F 499 -C 0 -- python3 -c 'print(sum(range(20000000)))'
is "$? $(sql c.db 'SELECT count(DISTINCT cpu) <= 1 FROM sample')" "0 1" "-C narrows a command too"

# what happens on the other CPUs is known all the same
if [ "$(nproc)" -gt 1 ]; then
	cat >move.py <<'P'
import os, time
def burn(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
os.sched_setaffinity(0, {0})
burn(0.2)
os.sched_setaffinity(0, {1})
open("/proc/self/comm", "w").write("elsewhere")
os.sched_setaffinity(0, {0})
burn(0.2)
P
	ap record --no-symbols -o c.db -F 499 -C 0 -- python3 move.py
	is "$(sql c.db "SELECT group_concat(DISTINCT cpu) FROM sample"),$(sql c.db "SELECT t.comm FROM sample s JOIN thread t ON t.id = s.thread ORDER BY s.ts DESC LIMIT 1")" "0,elsewhere" "a name given on another CPU is not missed"
else
	skip 1 "one CPU"
fi

# -u: by effective user, as it changes; a process that has gone is still its user's
cat >user.py <<'P'
import os, sys, time
def burn(s):
    end = time.process_time() + s
    while time.process_time() < end: pass
burn(0.3)
if os.fork() == 0:
    os.setuid(65534)
    time.sleep(0.15)
    burn(0.5)
    os._exit(0)
os.wait()
P
ap record --no-symbols -o u.db -F 499 -u 65534 -- python3 user.py
is "$?" 0 "-u"
enough u.db "p.uid = 65534" 150 "samples of that user, whose process has gone by the end"
is "$(samples u.db 'p.uid != 65534')" 0 "and of no other"
[ "$(sql u.db 'SELECT filtered FROM account')" -ge 100 ]
ok $? "those of the other are counted as filtered"
balanced u.db -u
ap record --no-symbols -o u.db -u no-such-user -d 1
is "$?" 2 "-u of no user is wrong usage"

# -G: a cgroup of this test's
mount=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
group=aperture-test-$$
if [ -n "$mount" ] && mkdir "$mount/$group" 2>/dev/null; then
	echo "$first" >"$mount/$group/cgroup.procs" 2>/dev/null && ap record --no-symbols -o g.db -F 499 -d 1 -G "$group"
	rc=$?
	if grep -q 'Invalid argument\|EINVAL\|Bad file' err && [ $rc != 0 ]; then
		skip 3 "this kernel has no perf cgroups: $(head -c 200 err)"
	else
		is "$rc" 0 "-G"
		is "$(pids g.db)" "$first" "the cgroup's process and no other"
		like "$(sql g.db "SELECT DISTINCT cgroup FROM process WHERE pid = $first")" "$group" "and the file says which cgroup that is"
	fi
	echo "$first" >"$mount/cgroup.procs"
	rmdir "$mount/$group"
else
	skip 3 "no cgroup v2 can be made here"
fi
ap record --no-symbols -o g.db -G no/such/cgroup -d 1
is "$?" 1 "-G of no cgroup"
like "$(cat err)" 'no/such/cgroup.*no such cgroup' "says so"
ap record --no-symbols -o g.db -G x -- true
is "$?" 2 "-G with a command is wrong usage"
done_testing
