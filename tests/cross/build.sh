#!/usr/bin/env bash
# build.sh SRCDIR DIR [TARGET...]: the arm64 libraries into DIR/sysroot, Aperture cross-compiled against them in DIR/build, then the targets.
# What is built stays: a second run builds what changed. Returns 77 with a sentence where it cannot be done, else what make says.
set -u
src=$1 dir=$2
shift 2
skip() { echo "$*"; exit 77; }
command -v aarch64-linux-gnu-gcc >/dev/null || skip "no aarch64-linux-gnu-gcc (apt-get install gcc-aarch64-linux-gnu)"
root=$dir/sysroot
mkdir -p "$dir/build" && cd "$dir/build" || skip "no folder $dir/build"
why=$("$src/tests/cross/sysroot.sh" "$root") || skip "no arm64 libraries: $why"

export PKG_CONFIG_LIBDIR=$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
unset MAKEFLAGS MFLAGS CFLAGS LDFLAGS CC
[ -e Makefile ] || "$src/configure" -q --host=aarch64-linux-gnu --enable-werror CC="aarch64-linux-gnu-gcc --sysroot=$root" \
	LDFLAGS="-Wl,-rpath-link,$root/lib/aarch64-linux-gnu" || exit 1
make -s -j2 && { [ $# = 0 ] || make -s -j2 "$@"; }
