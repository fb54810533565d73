#!/usr/bin/env bash
# Debian's arm64 kernel under qemu's software emulation, with the cross-compiled aperture: both sources find known_hot below its whole chain,
# without frame pointers, with them, with signed return addresses, and out of a signal handler. TAP.
# aarch64.sh SRCDIR DIR: DIR is tests/cross' folder, where the kernel is kept too. VERBOSE=1 shows the console.
set -u
src=$1 dir=$2
root=$dir/sysroot kernel=$dir/kernel guest=$dir/guest
programs="hot hot-fp hot-pac handler"
boot_seconds=170
. "$src/tests/cross/apt.sh"
skip() { echo "1..0 # SKIP $*"; exit 0; }
for tool in qemu-system-aarch64 apt-get apt-cache dpkg-deb cpio gzip; do command -v $tool >/dev/null || skip "no $tool here"; done
mkdir -p "$dir" || skip "no folder $dir"

fetch() { # leaves vmlinuz and busybox in $kernel, or says why not
	local name
	[ -s "$kernel/vmlinuz" ] && [ -s "$kernel/busybox" ] && return 0
	rm -rf "$kernel" && mkdir -p "$kernel/deb"
	arm64_apt "$kernel/apt" apt-get update >"$kernel/log" 2>&1 || { echo "apt-get update for arm64: $(tail -n 1 "$kernel/log")"; return 1; }
	name=$(arm64_apt "$kernel/apt" apt-cache depends linux-image-cloud-arm64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2 }')
	[ -n "$name" ] || { echo "this machine's sources have no arm64 kernel"; return 1; }
	(cd "$kernel/deb" && arm64_apt "$kernel/apt" apt-get download "$name" busybox-static) >>"$kernel/log" 2>&1 ||
		{ echo "cannot download $name"; return 1; }
	(cd "$kernel/deb" && for deb in ./*.deb; do dpkg-deb -x "$deb" . || exit 1; done) || { echo "cannot unpack $name"; return 1; }
	mv "$kernel"/deb/bin/busybox "$kernel/busybox" && mv "$kernel"/deb/boot/vmlinuz* "$kernel/vmlinuz" || { echo "no kernel in $name"; return 1; }
	rm -rf "$kernel/deb" "$kernel/apt"
}
put_libraries() { # what a program needs, and what that needs
	local lib from
	for lib in $(aarch64-linux-gnu-readelf -d "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'); do
		[ ! -e "lib/$lib" ] || continue
		for from in "$root/lib/aarch64-linux-gnu" "$root/usr/lib/aarch64-linux-gnu"; do
			[ ! -e "$from/$lib" ] || cp -L "$from/$lib" "lib/$lib"
		done
		[ -e "lib/$lib" ] || { echo "the arm64 libraries have no $lib"; return 1; }
		put_libraries "lib/$lib" || return 1
	done
}
compile() { # name, source, flags
	aarch64-linux-gnu-gcc --sysroot="$root" -O2 -g "${@:3}" -o "bin/$1" "$src/tests/qemu/$2.c"
}
initrd() {
	rm -rf "$guest" && mkdir -p "$guest"/bin "$guest"/lib "$guest"/dev "$guest"/proc "$guest"/sys "$guest"/tmp && cd "$guest" || return 1
	compile hot hot -fomit-frame-pointer && compile hot-fp hot -fno-omit-frame-pointer &&
		compile hot-pac hot -fomit-frame-pointer -march=armv8.3-a -mbranch-protection=standard && compile handler handler -fomit-frame-pointer &&
		aarch64-linux-gnu-strip -o bin/aperture "$dir/build/aperture" && cp "$kernel/busybox" bin/ && put_libraries bin/aperture &&
		install -m 755 "$src/tests/qemu/aarch64_init.sh" init && find . | cpio -oH newc 2>/dev/null | gzip -1 >"$dir/initrd.gz"
}
boot() { # pauth-impdef: the architected signature costs the emulator more than all the rest
	timeout $boot_seconds qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -accel tcg -m 1G -smp 2 -nographic -no-reboot -net none \
		-kernel "$kernel/vmlinuz" -initrd "$dir/initrd.gz" \
		-append "console=ttyAMA0 panic=-1 loglevel=1 ${VERBOSE:+matrix=verbose}" </dev/null 2>&1 | tr -d '\r' >"$dir/console"
}
n=0
ok() { # status, description
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || { echo "not ok $n - $2"; failed=1; }
}
value() { # source, program, number of the field
	grep -a "^CELL|$1|$2|" "$dir/console" | head -n 1 | cut -d'|' -f"$3"
}
# known_hot is the hottest (the rest is the program's start, dear under emulation), below its whole chain, and nearly every stack is whole
cell() { # source, program
	local share whole complete
	share=$(value "$1" "$2" 5) whole=$(value "$1" "$2" 6) complete=$(value "$1" "$2" 7)
	[ "$(value "$1" "$2" 4)" = 0 ] && [ "${share:-0}" -ge 40 ] && [ "${whole:-0}" -ge 98 ] && [ "${complete%.*}" -ge 95 ] 2>/dev/null
	ok $? "--source=$1, $2: ${share:-no} % in known_hot, ${whole:-none} % of that below its chain, ${complete:-no} % complete; $(value "$1" "$2" 8)"
}

"$src/tests/cross/build.sh" "$src" "$dir" >"$dir/log" 2>&1
rc=$?
[ $rc != 77 ] || skip "$(tail -n 1 "$dir/log")"
[ $rc = 0 ] || { tail -n 30 "$dir/log" | sed 's/^/# /'; ok 1 "aperture compiles for aarch64"; echo "1..$n"; exit 1; }
why=$(fetch) || skip "no arm64 kernel: $why"
failed=0
initrd >"$dir/log" 2>&1
rc=$?
ok $rc "the guest's first file system is built"
[ $rc = 0 ] || { sed 's/^/# /' "$dir/log"; echo "1..$n"; exit 1; }
boot
[ -z "${VERBOSE:-}" ] || sed 's/^/# /' "$dir/console"
grep -qa '^DONE|' "$dir/console"
ok $? "Linux $(grep -a -m1 '^RELEASE|' "$dir/console" | cut -d'|' -f2) boots, records and powers off"
for s in perf bpf; do
	for p in $programs; do cell $s "$p"; done
done
echo "1..$n"
[ $failed = 0 ] || { tail -n 20 "$dir/console" | sed 's/^/# /'; exit 1; }
