#!/bin/sh
# sysroot.sh DIR: unpacks the libraries of an arm64 Debian into DIR. Kept between runs; a list of packages that changed unpacks anew.
# Returns 77 where it cannot be had.
set -eu
. "$(dirname "$0")/apt.sh"
dir=$1
packages="libc6-dev libgcc-12-dev libelf-dev libdw-dev libpfm4-dev libsqlite3-dev libjansson-dev liblzma-dev zlib1g-dev libiberty-dev
	libbpf-dev libxxhash-dev check python3.11-minimal git"
skip() { echo "$*"; exit 77; }
[ "$(cat "$dir/.packages" 2>/dev/null)" != "$packages" ] || exit 0
for tool in apt-get dpkg-deb; do command -v $tool >/dev/null || skip "no $tool here"; done

rm -rf "$dir" "$dir.apt"
mkdir -p "$dir" "$dir.apt"
arm64_apt "$dir.apt" apt-get update >"$dir.apt/log" 2>&1 || skip "apt-get update for arm64: $(tail -n 1 "$dir.apt/log")"
arm64_apt "$dir.apt" apt-get install -y --download-only $packages >>"$dir.apt/log" 2>&1 ||
	skip "the arm64 packages: $(tail -n 1 "$dir.apt/log")"
for deb in "$dir.apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$dir"; done
rm -rf "$dir.apt/cache" "$dir.apt/lists"
echo "$packages" >"$dir/.packages"
