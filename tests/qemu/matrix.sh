#!/usr/bin/env bash
# Every kernel of the matrix under qemu's software emulation, every cell of privilege: where Aperture runs, by which source, and why. TAP.
# Kernels are Debian's packages, from the mirror that this machine itself uses, unpacked and never installed; kept in KERNELS (kernels/ beside
# the program). Writes the table to DOC when no kernel is missing. A kernel that cannot be had is skipped with its reason. ONLY="6.1 5.10"
# narrows, KEEP=DIR keeps the consoles.
# shellcheck source=tests/e2e/lib.sh
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../e2e/lib.sh"
kernels=${KERNELS:-$(dirname "$APERTURE")/kernels}
doc=${DOC:-$here/../../doc/kernels.md}
cells="root root-bpf capabilities-3 capabilities nobody paranoid eperm enosys no-btf integrity confidentiality"
boot_seconds=300 boots=2 candidates=4

# version, suite, the package's name as apt-cache takes it
kernels_wanted() {
	cat <<-'END'
		5.10 bullseye ^linux-image-5\.10.*-cloud-amd64$
		6.1 bookworm ^linux-image-6\.1\..*-cloud-amd64$
		6.12 trixie ^linux-image-6\.12\..*-cloud-amd64$
		6.18 trixie-backports ^linux-image-6\.18\..*-cloud-amd64$
		7 trixie-backports ^linux-(image|binary)-7\..*-cloud-amd64$
	END
}
# version (or *), cells, source (none: refused), what must be said (-: nothing need be); the first line that fits holds
expected() {
	cat <<-'END'
		5.10 capabilities perf locked memory.*prlimit
		* root,root-bpf,capabilities,integrity bpf -
		* capabilities-3 none perf_event_paranoid is 3.*not CAP_PERFMON, which is held
		* paranoid none perf_event_paranoid is 3.*lacks CAP_PERFMON.*setcap
		* nobody perf lacks CAP_BPF and CAP_PERFMON.*setcap
		* eperm perf seccomp filter.*profile that allows bpf
		* enosys perf no bpf\(2\), or a seccomp filter
		* no-btf perf btf/vmlinux.*CONFIG_DEBUG_INFO_BTF
		* confidentiality perf locked down \(confidentiality\).*lockdown=integrity
	END
}

need qemu-system-x86_64 busybox cpio setpriv apt-get dpkg-deb gcc ldd
[ "$(uname -m)" = x86_64 ] || skip_all "the matrix is of x86-64"
ldd "$APERTURE" | grep -q libasan && skip_all "the sanitizers do not run in a guest this small"

# suite: lines for sources.list. Of this machine's own release all that it uses itself (the security updates are elsewhere).
sources_of() {
	. /etc/os-release
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v own="$VERSION_CODENAME" -v suite="$1" -v deb="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" '
			$3 != "main" { next }
			suite == own && index($2, own) == 1 { print deb, $1, $2, "main" }
			suite != own && $2 == own && !n++ { print deb, $1, suite, "main" }'
}
apt_of() { # suite, command...: apt with lists and a cache of its own
	local d=$kernels/apt-$1 tool=$2
	shift 2
	"$tool" -q -o Dir::Etc::SourceList="$d/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$d/lists" \
		-o Dir::Cache="$d/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}
fetch() { # version, suite, pattern: leaves $kernels/VERSION/vmlinuz, or says why not
	local version=$1 suite=$2 pattern=$3 d=$kernels/apt-$2 name why="the mirror has no $3 in $2"
	[ -s "$kernels/$version/vmlinuz" ] && return 0
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial" "$kernels/$version"
	sources_of "$suite" >"$d/sources.list"
	[ -s "$d/sources.list" ] || { echo "this machine's sources name no mirror of Debian"; return 1; }
	apt_of "$suite" apt-get update >"$kernels/$version/log" 2>&1
	# from Linux 7 on linux-image-* may be an empty package that wants linux-binary-*: the next one, then
	for name in $(apt_of "$suite" apt-cache search --names-only "$pattern" | newest_first | head -n $candidates); do
		unpack "$version" "$suite" "$name" >>"$kernels/$version/log" 2>&1 && return 0
		why="no kernel in $name: see $kernels/$version/log"
	done
	echo "$why"
	return 1
}
newest_first() { # of package names, whatever stands before the version
	sed -E 's/^(linux-[a-z]+-)([^ ]+) .*/\2 \1\2/' | sort -Vr | cut -d' ' -f2
}
unpack() { # version, suite, package
	local to=$kernels/$1/deb rc
	rm -rf "$to" && mkdir -p "$to" && (cd "$to" && apt_of "$2" apt-get download "$3" && dpkg-deb -x ./*.deb .) &&
		find "$to" -name 'vmlinuz*' -type f -size +1M -exec mv {} "$kernels/$1/vmlinuz" \; && [ -s "$kernels/$1/vmlinuz" ]
	rc=$?
	rm -rf "$to"
	return $rc
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
# The emulated timer may come late on a busy machine: no_timer_check, or the kernel panics.
boot() { # version
	timeout $boot_seconds qemu-system-x86_64 -accel tcg -cpu max -m 1G -smp 2 -nographic -no-reboot -net none -kernel "$kernels/$1/vmlinuz" \
		-initrd initrd.gz -append "console=ttyS0 panic=-1 loglevel=1 no_timer_check" </dev/null 2>&1 | sed -u 's%\r%%g' >"$1.console"
}
one_kernel() { # once more where the guest did not come to its end
	boot "$1"
	grep -aq '^DONE|' "$1.console" || boot "$1"
}
value() { # version, cell, number of the field
	grep -a "^CELL|$2|" "$1.console" | head -n 1 | cut -d'|' -f"$3"
}
works() { # version, cell: known_hot with a whole stack
	local complete
	complete=$(value "$1" "$2" 6)
	[ "$(value "$1" "$2" 3)" = 0 ] && [ "$(value "$1" "$2" 5)" -ge 50 ] 2>/dev/null && [ "${complete%.*}" -ge 90 ] 2>/dev/null
}

wanted() { # version, cell: "source what is said"
	expected | awk -v v="$1" -v c="$2" '($1 == v || $1 == "*") && index("," $2 ",", "," c ",") { sub(/^[^ ]+ [^ ]+ /, ""); print; exit }'
}
check_cell() { # version, cell: by the source that is expected, with a whole stack, or refused; and said why
	local v=$1 c=$2 rc source said want rule rest
	rc=$(value "$v" "$c" 3) source=$(value "$v" "$c" 4) said=$(value "$v" "$c" 7) rest=
	want=$(wanted "$v" "$c") rule=${want#* } want=${want%% *}
	if [ "$want" = none ]; then
		[ "$rc" = 125 ] && [ -z "$source" ]
	else
		works "$v" "$c" && [ "$source" = "$want" ]
	fi && { [ "$rule" = - ] || grep -qE -- "$rule" <<<"$said"; }
	rc=$?
	[ "$want" = none ] || rest=", known_hot below its chain in $(value "$v" "$c" 5) %, $(value "$v" "$c" 6) % complete"
	ok $rc "$v, $c: ${source:-refused}$rest${said:+; $said}"
	[ $rc = 0 ] || echo "# wanted: $want, and said: $rule"
}
page() {
	local v c said
	echo "# Where Aperture runs"
	echo
	echo "Written by \`make check-kernels\` (tests/qemu): each kernel under qemu, each cell a recording of a known program. *bpf* and *perf* name the source by"
	echo "which its hot function was found with a whole stack; the numbers stand for what was said, below the table. *no*: nothing was recorded."
	echo "\`aperture doctor\` says the same of the machine that it runs on."
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

initrd >err 2>&1 || { ok 1 "the guest's first file system is built"; done_testing; exit; }
n_wanted=0 had=""
while read -r version suite pattern; do
	n_wanted=$((n_wanted + 1))
	[ -z "${ONLY:-}" ] || case " $ONLY " in *" $version "*) ;; *) continue ;; esac
	if why=$(fetch "$version" "$suite" "$pattern"); then had="$had $version"; else skip 1 "$version: $why"; fi
done < <(kernels_wanted)
running=()
for v in $had; do # two at a time, for each guest has two CPUs that are mostly not busy together
	[ ${#running[@]} -lt $boots ] || { wait "${running[0]}"; running=("${running[@]:1}"); }
	one_kernel "$v" &
	running+=($!)
done
wait
for v in $had; do
	for c in $cells; do check_cell "$v" "$c"; done
done
if [ "$(echo $had | wc -w)" = $n_wanted ]; then
	page >kernels.md && cp kernels.md "$doc"
	ok $? "the table is written to $(basename "$doc")"
fi
[ -z "${KEEP:-}" ] || [ -z "$had" ] || cp ./*.console "$KEEP"
done_testing
