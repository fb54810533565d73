#!/usr/bin/env bash
# Signals: once stops and seals, twice does not wait; the command gets what was sent to us alone; nothing is left stopped or changed.
. "$(dirname "$0")/lib.sh"
need sqlite3 pgrep timeout python3
need_recording
recording() { [ -s "$1" ] && [ "$(sqlite3 "$1" 'SELECT count(*) > 0 FROM sample' 2>/dev/null)" = 1 ]; }
start() { # file, arguments: records in the background; its pid in $recorder
	local file=$1
	shift
	rm -f "$file" got done pid
	"$APERTURE" record -F 499 -o "$file" "$@" >out 2>err </dev/null &
	recorder=$!
	started+=($recorder)
	wait_for test -s pid && wait_for recording "$file" # its handlers are there once it has written its pid
}
sealed() { is "$(sql "$1" "SELECT end_ns IS NOT NULL, end_reason FROM run; PRAGMA integrity_check" | paste -sd' ')" "1|$2 ok" "$3"; }
# burns CPU, and writes what it gets; $1 what it does with the signals
cat >target.py <<'P'
import os, signal, sys, time
def note(n, f):
    open("got", "a").write("%d\n" % n)
    if sys.argv[1] == "ends": os._exit(7)
for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if sys.argv[1] != "default": signal.signal(n, note)
open("pid", "w").write(str(os.getpid()))
end = time.time() + float(sys.argv[2])
while time.time() < end and not os.path.exists("enough"): sum(range(1000))
open("done", "w").write("done")
P

for s in INT TERM HUP; do
	start s.db -- python3 target.py ends 60
	kill -$s $recorder
	wait $recorder
	is "$?" 7 "SIG$s to us alone: the command gets it, and its status is ours"
	is "$(cat got)" "$(kill -l $s)" "that very signal, once"
	sealed s.db interrupted "and the file is sealed"
done
start s.db -- python3 target.py default 60
kill -TERM $recorder
wait $recorder
is "$?" 143 "a command that SIGTERM ends: so are we"

# one that ignores it: once seals and waits, twice leaves it
start s.db -- python3 target.py ignores 60
kill -INT $recorder
wait_for grep -q 'runs on; waiting' err
ok $? "a command that runs on is named"
sealed s.db interrupted "the file is sealed by then"
touch enough
wait $recorder
rm enough
is "$? $(cat done)" "0 done" "and it is waited for, to its end"
start s.db -- python3 target.py ignores 60
kill -INT $recorder
wait_for grep -q 'runs on; waiting' err
kill -INT $recorder
wait $recorder
is "$?" 130 "a second time: we end by the signal"
like "$(cat "/proc/$(cat pid)/stat")" '\) [RS] ' "the command runs on, not stopped"
started+=("$(cat pid)")
kill -9 "$(cat pid)"

# kill -9: nothing happens to the command
start s.db -- python3 target.py ignores 2
kill -9 $recorder
wait $recorder 2>/dev/null
wait_for test -s done
is "$(cat done)$(cat got 2>/dev/null)" done "kill -9 of the recorder: the command ends in its own time"

# what was ignored stays ignored, what was not does not
for how in : "trap '' HUP" "trap '' INT HUP PIPE"; do
	plain=$(bash -c "$how; grep SigIgn /proc/self/status")
	is "$(bash -c "$how; \"$APERTURE\" record -q -o i.db -- grep SigIgn /proc/self/status")" "$plain" "signals ignored before ($how) are ignored by the command, and no others"
done
bash -c 'trap "" HUP; exec "$0" record -F 499 -o hup.db -- python3 target.py ignores 1.5' "$APERTURE" >out 2>err &
recorder=$!
started+=($recorder)
wait_for recording hup.db
kill -HUP $recorder
wait $recorder
is "$? $(sql hup.db 'SELECT end_reason FROM run')" "0 target exited" "nohup: a hang-up does not end it"

# stdin and a process that ends
is "$(echo to the command | "$APERTURE" record -q -o in.db -- cat)" "to the command" "the command has our stdin"
python3 target.py ignores 1.2 &
target=$!
started+=($target)
ap record -F 499 -o end.db -p $target -d 30
is "$? $(sql end.db 'SELECT end_reason FROM run')" "0 target exited" "-p of a process that ends: so does the recording"
# a terminal sends Ctrl-C to both: the command gets it once
rm -f got done pid
python3 - "$APERTURE" <<'P'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "record", "-F", "499", "-o", "tty.db", "--", "python3", "target.py", "ends", "60"])
while not os.path.exists("pid"): time.sleep(0.05)
time.sleep(0.7)
os.write(fd, b"\x03")
try:
    while os.read(fd, 1000): pass
except OSError: pass
open("status", "w").write(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
P
is "$(cat status) $(paste -sd' ' got)" "7 2" "Ctrl-C in a terminal: the command gets it once, and its status is ours"
done_testing
