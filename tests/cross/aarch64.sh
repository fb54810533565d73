#!/usr/bin/env bash
# Everything compiles for aarch64, and the unit tests of base and unwind pass there, under qemu-user, with the tables of arm64 Debian's own
# programs compared with libdw's. TAP. What is built stays in the build folder: a second run builds what changed.
set -u
src=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
dir=$PWD/tests/cross/aarch64
root=$dir/sysroot
tests="check_base check_unwind check_unwind_arm"
skip() { echo "1..0 # SKIP $*"; exit 0; }
command -v aarch64-linux-gnu-gcc >/dev/null || skip "no aarch64-linux-gnu-gcc (apt-get install gcc-aarch64-linux-gnu)"
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) || skip "no qemu-aarch64 (apt-get install qemu-user-static)"
mkdir -p "$dir/build" && cd "$dir/build" || skip "no folder $dir/build"
why=$("$src/tests/cross/sysroot.sh" "$root") || skip "no arm64 libraries: $why"

report() { # number, what, log, exit status
	[ "$4" = 0 ] && { echo "ok $1 - $2"; return; }
	tail -n 30 "$3" | sed 's/^/# /'
	echo "not ok $1 - $2"
	exit 1
}
export PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
unset MAKEFLAGS MFLAGS CFLAGS LDFLAGS CC
echo "1..$((1 + $(wc -w <<<"$tests")))"
{
	[ -e Makefile ] || "$src/configure" -q --host=aarch64-linux-gnu --enable-werror CC="aarch64-linux-gnu-gcc --sysroot=$root" \
		LDFLAGS="-Wl,-rpath-link,$root/lib/aarch64-linux-gnu"
} >log 2>&1 && make -s -j2 >>log 2>&1 && make -s -j2 $(printf 'tests/%s ' $tests) >>log 2>&1
report 1 "everything compiles for aarch64, the BPF programs too" log $?
n=1
for t in $tests; do
	n=$((n + 1))
	CK_TAP_LOG_FILE_NAME=/dev/null timeout 120 "$qemu" -L "$root" "tests/$t" >"$t.out" 2>&1
	report $n "$t under qemu-user" "$t.out" $?
done
