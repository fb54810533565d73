#!/usr/bin/env bash
# A CPU that goes or comes while the machine is watched is told, once. The list of CPUs is a file of the test's own, in a mount namespace.
. "$(dirname "$0")/lib.sh"
need sqlite3 unshare mount
need_recording
[ "$(id -u)" = 0 ] || skip_all "needs root, to put a list of CPUs in the place of the kernel's"
[ "$(cat /sys/devices/system/cpu/online)" != 0 ] || skip_all "one CPU"
online=$(cat /sys/devices/system/cpu/online)
echo "$online" >list
unshare -m sh -c 'mount --bind list /sys/devices/system/cpu/online' 2>err || skip_all "no mount namespace can be made here"
cat >run.sh <<'S'
mount --bind list /sys/devices/system/cpu/online
"$APERTURE" record -q --no-symbols -F 49 -a -o run.db &
recorder=$!
sleep 1.5
echo "$2" >list
sleep 2.5
kill -INT $recorder
wait $recorder
S
told() { sql run.db "SELECT group_concat(cpu || ':' || n) FROM loss WHERE cause = 'cpu not watched'"; }
unshare -m bash run.sh "$online" "$online"
is "$? $(told)" "0 " "CPUs that stay: nothing is told"
echo "$online" >list
unshare -m bash run.sh "$online" 0
is "$? $(told | cut -d, -f1)" "0 1:1" "a CPU that goes is told, once"
is "$(sql run.db 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost')" 0 "and is no loss of samples that were counted"
echo "$online" >list
unshare -m bash run.sh "$online" "$online,4095"
is "$? $(told)" "0 4095:1" "so is one that comes"
done_testing
