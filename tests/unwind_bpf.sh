#!/usr/bin/env bash
# src/unwind/step.h compiles for BPF, calls nothing, and the kernel's verifier takes it. TAP. In, or looked for: $CLANG, $BPFTOOL.
set -u
export PATH=$PATH:/usr/sbin:/sbin
: "${CLANG:=$(command -v clang)}" "${BPFTOOL:=$(command -v bpftool)}"
src=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
[ -n "${CLANG:-}" ] || { echo "1..0 # SKIP no clang (apt-get install clang)"; exit 0; }
case $(uname -m) in x86_64) machine=__x86_64__ ;; aarch64) machine=__aarch64__ ;; *) echo "1..0 # SKIP not a machine Aperture knows"; exit 0 ;; esac
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bpf.XXXXXX")
pin=/sys/fs/bpf/aperture-step-$$
trap 'rm -rf "$dir"; rm -f "$pin"' EXIT
echo "1..3"
if ! "$CLANG" -target bpf -O2 -g -Wall -Werror -ffreestanding -D$machine -I"$src/src" -c "$src/tests/unwind_bpf.c" -o "$dir/step.o" 2>"$dir/err"; then
	if grep -q 'unable to create target\|unknown target' "$dir/err"; then
		for i in 1 2 3; do echo "ok $i - # SKIP this clang has no BPF target"; done
		exit 0
	fi
	echo "not ok 1 - step.h compiles for BPF"
	sed 's/^/# /' "$dir/err" | head -n 30
	exit 1
fi
echo "ok 1 - step.h compiles for BPF"
if command -v readelf >/dev/null; then
	undefined=$(readelf -Ws "$dir/step.o" | awk '$7 == "UND" && $8 != ""')
	[ -z "$undefined" ] && echo "ok 2 - nothing is called that is not there" || { echo "not ok 2 - unresolved: $undefined"; exit 1; }
else
	echo "ok 2 - # SKIP no readelf (apt-get install binutils)"
fi
if [ -z "${BPFTOOL:-}" ]; then
	echo "ok 3 - # SKIP no bpftool (apt-get install bpftool)"
elif [ "$(id -u)" != 0 ]; then
	echo "ok 3 - # SKIP loading a program needs root"
elif ! grep -q ' /sys/fs/bpf bpf ' /proc/mounts && ! mount -t bpf bpf /sys/fs/bpf 2>"$dir/err"; then
	echo "ok 3 - # SKIP no BPF file system: $(head -n 1 "$dir/err")"
elif "$BPFTOOL" prog load "$dir/step.o" "$pin" >"$dir/out" 2>&1; then
	echo "ok 3 - the verifier takes it: $("$BPFTOOL" prog show pinned "$pin" | grep -oE 'xlated [0-9]+B')"
elif grep -qi 'operation not permitted\|unknown func' "$dir/out"; then
	echo "ok 3 - # SKIP the kernel refuses: $(grep -iE 'not permitted|unknown func' "$dir/out" | head -n 1)"
else
	echo "not ok 3 - the verifier takes it"
	tail -n 20 "$dir/out" | sed 's/^/# /'
	exit 1
fi
