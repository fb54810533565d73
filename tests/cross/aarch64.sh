#!/usr/bin/env bash
# Everything compiles for aarch64, and the unit tests pass there, under qemu-user, two at a time. TAP. Left out are check_full, check_hostile,
# check_live, check_merge_any, check_record_bounds and check_schema, of little but SQLite: together they take minutes under emulation. AP_FAST leaves out slow
# cases, AP_EMULATED those about the processes that /proc shows, which are qemu's.
set -u
src=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
dir=$PWD/tests/cross/aarch64
tests="check_base check_unwind check_unwind_arm check_unwind_arm_walk check_unwind_build check_unwind_libdw check_unwind_short
	check_unwind_tables check_agg check_bpf check_doctor check_gotab check_jit check_merge check_perf
	check_proc check_proc_code check_proc_maps check_proc_open check_proc_scan check_record check_report check_source_contract check_store
	check_store_generations check_sym"
skip() { echo "1..0 # SKIP $*"; exit 0; }
! ldd aperture 2>/dev/null | grep -q libasan || skip "a sanitized build: the cross build is the same beside it"
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
one() { # test: leaves its output, and its status behind it. By its whole path, which is what qemu says /proc/self/exe is wherever a test goes
	case $1 in check_unwind_build | check_unwind_libdw) ;; *) export AP_FAST=1 ;; esac
	AP_EMULATED=1 CK_TAP_LOG_FILE_NAME=/dev/null CK_DEFAULT_TIMEOUT=200 timeout 300 "$2" -L "$3" "$PWD/tests/$1" >"$1.out" 2>&1
	echo $? >"$1.rc"
}
export -f one
xargs -P 2 -I{} bash -c 'one "$@"' one {} "$qemu" "$dir/sysroot" <<<"$(printf '%s\n' $tests)"
n=1
for t in $tests; do
	n=$((n + 1))
	report $n "$t under qemu-user" "$t.out" "$(cat "$t.rc")"
done
