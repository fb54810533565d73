#!/usr/bin/env bash
# Every kernel of the matrix under qemu's software emulation, every cell of privilege: where Aperture runs, by which source, and why. TAP.
# Kernels are Debian's packages, from the mirror that this machine itself uses, unpacked and never installed; kept in KERNELS (kernels/ beside
# the program). Writes the table to DOC. A kernel that cannot be had is skipped with its reason. ONLY="6.1 5.10" narrows.
# shellcheck source=tests/e2e/lib.sh
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../e2e/lib.sh"
kernels=${KERNELS:-$(dirname "$APERTURE")/kernels}
doc=${DOC:-$here/../../doc/kernels.md}
cells="root root-bpf capabilities-3 capabilities nobody paranoid eperm enosys no-btf integrity confidentiality"
boot_seconds=240

need qemu-system-x86_64 busybox cpio setpriv apt-get dpkg-deb gcc ldd
[ "$(uname -m)" = x86_64 ] || skip_all "the matrix is of x86-64"
ldd "$APERTURE" | grep -q libasan && skip_all "the sanitizers do not run in a guest this small"

mirror() { # the address from which this machine takes its own release
	. /etc/os-release
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v r="$VERSION_CODENAME" '$2 == r && $3 == "main" { print $1; exit }'
}
apt_of() { # suite, command...: apt with lists and a cache of its own
	local d=$kernels/apt-$1 tool=$2
	shift 2
	"$tool" -q -o Dir::Etc::SourceList="$d/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$d/lists" \
		-o Dir::Cache="$d/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}
fetch() { # version, suite, pattern: leaves $kernels/VERSION/vmlinuz, or says why not
	local version=$1 suite=$2 pattern=$3 d=$kernels/apt-$2 name
	[ -s "$kernels/$version/vmlinuz" ] && return 0
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial" "$kernels/$version/deb"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$d/sources.list"
	apt_of "$suite" apt-get update >"$kernels/$version/log" 2>&1
	name=$(apt_of "$suite" apt-cache search --names-only "$pattern" | awk '{ print $1 }' | sort -V | tail -n 1)
	[ -n "$name" ] || { echo "the mirror has no $pattern in $suite"; return 1; }
	(cd "$kernels/$version/deb" && apt_of "$suite" apt-get download "$name") >>"$kernels/$version/log" 2>&1 ||
		{ echo "cannot download $name"; return 1; }
	(cd "$kernels/$version/deb" && dpkg-deb -x ./*.deb .) || { echo "cannot unpack $name"; return 1; }
	find "$kernels/$version/deb" -name 'vmlinuz*' -type f -exec mv {} "$kernels/$version/vmlinuz" \;
	rm -rf "$kernels/$version/deb"
	[ -s "$kernels/$version/vmlinuz" ] || { echo "no kernel in $name"; return 1; }
}
put() { # a program and the libraries that it needs
	local lib
	cp "$1" root/bin/
	for lib in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+'); do
		mkdir -p "root$(dirname "$lib")" && cp -Ln "$lib" "root$lib"
	done
}
initrd() {
	mkdir -p root/bin root/dev root/proc root/sys root/tmp
	gcc -O2 -g -fomit-frame-pointer -o hot "$here/hot.c" && gcc -O2 -static -o refuse "$here/refuse.c" || return 1
	cp "$APERTURE" aperture && strip aperture
	put "$(command -v busybox)"; put ./hot; put ./refuse; put ./aperture; put "$(command -v setpriv)"
	mv root/bin/setpriv root/bin/util-setpriv # busybox has a lesser one of that name
	install -m 755 "$here/guest.sh" root/init
	(cd root && find . | cpio -oH newc 2>/dev/null) | gzip -1 >initrd.gz
}
boot() { # version, cells, more of the command line
	timeout $boot_seconds qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 2 -nographic -no-reboot -net none -kernel "$kernels/$1/vmlinuz" \
		-initrd initrd.gz -append "console=ttyS0 panic=-1 loglevel=1 matrix=$2 $3" </dev/null 2>&1 | tr -d '\r' >>"$1.console"
}
one_kernel() {
	boot "$1" plain ""
	boot "$1" integrity "lockdown=integrity"
	boot "$1" confidentiality "lockdown=confidentiality"
}
value() { # version, cell, number of the field
	grep -a "^CELL|$2|" "$1.console" | head -n 1 | cut -d'|' -f"$3"
}
works() { # version, cell: known_hot with a whole stack
	local complete
	complete=$(value "$1" "$2" 6)
	[ "$(value "$1" "$2" 3)" = 0 ] && [ "$(value "$1" "$2" 5)" -ge 50 ] 2>/dev/null && [ "${complete%.*}" -ge 90 ] 2>/dev/null
}

check_cell() { # version, cell: it works, or one line says why not
	local v=$1 c=$2 rc source said
	rc=$(value "$v" "$c" 3) source=$(value "$v" "$c" 4) said=$(value "$v" "$c" 7)
	case $c in
	root-bpf | capabilities-3 | paranoid) works "$v" "$c" || { [ "$rc" = 125 ] && [ -n "$said" ]; } ;;
	*) works "$v" "$c" && { [ "$source" = bpf ] || [ -n "$said" ]; } ;;
	esac
	ok $? "$v, $c: ${source:-none}, known_hot below its chain in $(value "$v" "$c" 5) %, $(value "$v" "$c" 6) % complete${said:+; $said}"
}
page() {
	local v c said seen=
	echo "# Where Aperture runs"
	echo
	echo "Written by \`make check-kernels\` (tests/qemu): each kernel under qemu, each cell a recording of a known program. *bpf* and *perf* name the source by"
	echo "which its hot function was found with a whole stack; the numbers stand for what was said, below the table. *no*: nothing was"
	echo "recorded, or fewer than nine stacks in ten are complete."
	echo
	echo "| kernel | root | root, --source=bpf | two capabilities, paranoid 3 | two capabilities, paranoid 2 | nobody, paranoid 2 | nobody, paranoid 3 | bpf(2) EPERM | bpf(2) ENOSYS | no BTF | lockdown=integrity | =confidentiality |"
	echo "|---|---|---|---|---|---|---|---|---|---|---|---|"
	: >notes
	for v in $had; do
		printf '| %s |' "$(grep -a -o -m1 'RELEASE|.*' "$v.console" | cut -d'|' -f2)"
		for c in $cells; do
			said=$(value "$v" "$c" 7 | sed -E 's/^aperture( record)?: (note: )?//')
			[ -z "$said" ] || grep -qxF -- "$said" notes || echo "$said" >>notes
			works "$v" "$c" && printf ' %s' "$(value "$v" "$c" 4)" || printf ' no'
			[ -z "$said" ] || printf ' (%s)' "$(grep -nxF -m1 -- "$said" notes | cut -d: -f1)"
			printf ' |'
		done
		echo
	done
	echo
	awk '{ gsub(/</, "\\<"); printf "%d. %s\n", NR, $0 }' notes
}

uri=$(mirror)
[ -n "$uri" ] || skip_all "this machine's sources name no mirror of Debian"
initrd >err 2>&1 || { ok 1 "the guest's first file system is built"; done_testing; exit; }
had=
while read -r version suite pattern; do
	[ -z "${ONLY:-}" ] || case " $ONLY " in *" $version "*) ;; *) continue ;; esac
	if why=$(fetch "$version" "$suite" "$pattern"); then had="$had $version"; else skip 1 "$version: $why"; fi
done <<-'END'
	5.10 bullseye ^linux-image-5\.10.*-cloud-amd64$
	6.1 bookworm ^linux-image-6\.1\..*-cloud-amd64$
	6.12 trixie ^linux-image-6\.12\..*-cloud-amd64$
	6.18 trixie-backports ^linux-image-6\.18\..*-cloud-amd64$
	7 trixie-backports ^linux-binary-7\..*-cloud-amd64$
END
running=()
for v in $had; do # two at a time
	[ ${#running[@]} -lt 2 ] || { wait "${running[0]}"; running=("${running[@]:1}"); }
	one_kernel "$v" &
	running+=($!)
done
wait
for v in $had; do
	for c in $cells; do check_cell "$v" "$c"; done
done
[ -n "${ONLY:-}" ] || [ "$(echo $had | wc -w)" != 5 ] || { page >kernels.md && cp kernels.md "$doc"; }
[ -z "${KEEP:-}" ] || cp ./*.console "$KEEP"
done_testing
