#!/usr/bin/env bash
# Everything compiles for aarch64, and the unit tests that need no kernel feature pass there, under qemu-user. TAP.
set -u
src=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
dir=$PWD/tests/cross/aarch64
tests="check_base check_unwind check_unwind_arm"
skip() { echo "1..0 # SKIP $*"; exit 0; }
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || skip "no qemu-aarch64 (apt-get install qemu-user-static)"
mkdir -p "$dir" || skip "no folder $dir"

report() { # number, what, log, exit status
	[ "$4" = 0 ] && { echo "ok $1 - $2"; return; }
	tail -n 30 "$3" | sed 's/^/# /'
	echo "not ok $1 - $2"
	exit 1
}
"$src/tests/cross/build.sh" "$src" "$dir" $(printf 'tests/%s ' $tests) >"$dir/log" 2>&1
rc=$?
[ $rc != 77 ] || skip "$(tail -n 1 "$dir/log")"
echo "1..$((1 + $(wc -w <<<"$tests")))"
report 1 "everything compiles for aarch64, the BPF programs too" "$dir/log" $rc
cd "$dir/build" || exit 1
n=1
for t in $tests; do
	n=$((n + 1))
	CK_TAP_LOG_FILE_NAME=/dev/null timeout 120 "$qemu" -L "$dir/sysroot" "tests/$t" >"$t.out" 2>&1
	report $n "$t under qemu-user" "$t.out" $?
done
