# shellcheck shell=bash
# Sourced by every end-to-end script: TAP, a folder of its own, real programs to record.
# In: $APERTURE, the program under test. A script calls ok, is, like, skip, then done_testing. bash.
set -u
: "${APERTURE:?the program under test}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-e2e.XXXXXX")
cd "$dir" || exit 99
started=()
n=0

cleanup() {
	local p
	for p in "${started[@]}"; do kill -9 "$p" 2>/dev/null; done
	cd / && rm -rf "$dir"
}
trap cleanup EXIT

ok() { # status, description; diagnostics from ./err and ./out on failure
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		[ ! -s err ] || { head -c 2000 err; echo; } | cat -v | sed 's/^/# err: /'
		[ ! -s out ] || { head -c 1000 out; echo; } | cat -v | sed 's/^/# out: /'
	fi
}
is() { # got, wanted, description
	[ "$1" = "$2" ]
	ok $? "$3"
	[ "$1" = "$2" ] || printf '# got: %s\n# wanted: %s\n' "$1" "$2"
}
like() { # text, extended regex, description
	printf '%s\n' "$1" | grep -qE -- "$2"
	local rc=$?
	ok $rc "$3"
	[ $rc = 0 ] || printf '# got: %s\n# wanted: %s\n' "$(printf '%s' "$1" | head -c 600 | tr '\n' '|')" "$2"
}
skip() { # count, reason
	local i
	for ((i = 0; i < $1; i++)); do
		n=$((n + 1))
		echo "ok $n - # SKIP $2"
	done
}
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
done_testing() { echo "1..$n"; }

sanitized() { ldd "$APERTURE" 2>/dev/null | grep -q libasan; } # a build that is several times slower and larger

need() { # programs without which nothing here can run
	local t
	for t in "$@"; do command -v "$t" >/dev/null || skip_all "$t is not here"; done
}
# without any perf events there is nothing to record
need_recording() {
	"$APERTURE" doctor >doctor.out 2>&1 || skip_all "nothing can be recorded here: $(grep -m1 missing doctor.out)"
}
need_bpf() { # the eBPF source, which takes privilege and a kernel that has what it needs
	"$APERTURE" record -q --no-symbols --source=bpf -o need.db -- true >out 2>err </dev/null && return
	if [ -s /sys/kernel/btf/vmlinux ] && bpftool prog show >/dev/null 2>&1; then
		ok 1 "eBPF works here, and so must the eBPF source"
		done_testing
		exit 0
	fi
	skip_all "no eBPF here: $(head -n 1 err)"
}

ap() { # runs aperture; stdout in ./out, stderr in ./err
	"$APERTURE" "$@" >out 2>err </dev/null
}
sql() { # file, statement
	sqlite3 -batch -bail "$1" "$2" 2>>err
}
data() { # megabytes of the machine's own programs, the same every time
	[ -s data ] || find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null |
		head -c "${1}M" >data
}
# until a condition holds, at most 40 s: sanitizers on a loaded machine are slow
wait_for() {
	local i
	for ((i = 0; i < 800; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}
spin() { # a process that only burns CPU, for at most 300 s; its pid in $spinner
	timeout 300 bash -c 'while :; do :; done' &
	started+=($!)
	wait_for pgrep -P $! >/dev/null
	spinner=$(pgrep -P $! | head -n 1)
	started+=("$spinner")
}
