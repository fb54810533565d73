#!/usr/bin/env bash
# Every unit test program under valgrind, two at a time; TAP. Usage: valgrind.sh VALGRIND PROGRAM...
# AP_FAST=1 tells a test to leave out its slow cases; CK_FORK=no keeps each test in the process that valgrind watches.
set -u
valgrind=$1
shift
[ -n "$valgrind" ] && [ $# -gt 0 ] || { echo "1..0 # SKIP no valgrind (apt-get install valgrind), or no unit tests"; exit 0; }
logs=tests/valgrind-logs
mkdir -p "$logs"
export AP_FAST=1 CK_FORK=no CK_VERBOSITY=normal CK_DEFAULT_TIMEOUT=600 CK_TAP_LOG_FILE_NAME=-
one() {
	timeout -k 10 "${VALGRIND_SECONDS:-900}" "$1" -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
		--fair-sched=try "$2" >"$3/$(basename "$2").log" 2>&1
	echo $? >"$3/$(basename "$2").rc"
}
export -f one
printf '%s\0' "$@" | xargs -0 -P 2 -I{} bash -c 'one "$1" "$2" "$3"' one "$valgrind" {} "$logs"
echo "1..$#"
n=0 bad=0
for t in "$@"; do
	n=$((n + 1)) name=$(basename "$t")
	rc=$(cat "$logs/$name.rc")
	case $rc in
	0) echo "ok $n - valgrind $name" ;;
	77) echo "ok $n - valgrind $name # SKIP" ;;
	*)
		bad=1
		echo "not ok $n - valgrind $name (exit $rc$([ "$rc" = 124 ] && echo ': too slow; leave slow cases out when AP_FAST is set'))"
		tail -n 40 "$logs/$name.log" | sed 's/^/# /'
		;;
	esac
done
exit $bad
