#!/usr/bin/env bash
# What the program in the kernel unwinds: on real programs the same frames as libdwfl's, from registers and stack that it sends along with its
# own frames (tests/bpf_oracle); and the stacks of a program that has known ones, built in every way, found whole by --source=bpf.
. "$(dirname "$0")/lib.sh"
need gcc sqlite3
[ "$(id -u)" = 0 ] || skip_all "loading a program into the kernel needs root"
here=$(cd "$OLDPWD" && cd "$(dirname "$0")" && pwd)
oracle=$(dirname "$APERTURE")/tests/bpf_oracle
[ -x "$oracle" ] || skip_all "bpf_oracle is not built: this build has no eBPF"
need_bpf

judge() { # name, least samples
	local samples frames equal cold
	read -r samples frames equal < <(sed -n 's/^result samples=\([0-9]*\) whole_ppm=[0-9]* frames=\([0-9]*\) equal_ppm=\([0-9]*\)$/\1 \2 \3/p' out)
	cold=$(sed -n 's/^ *\([0-9]*\) samples were cold.*/\1/p' out)
	[ "${samples:-0}" -ge "$2" ] && [ "${equal:-0}" -ge 999000 ]
	ok $? "$1: ${equal:-0} ppm of ${frames:-0} frames are equal, of ${samples:-0} stacks (${cold:-?} more were cold)"
	grep -aE '^ +[0-9]+ stacks' out | sed 's/^/#/'
}
try() { # name, command...
	local name=$1
	shift
	command -v "$1" >/dev/null || { skip 1 "$name: $1 is not here"; return; }
	"$oracle" -F 1999 -- "$@" >out 2>err </dev/null
	judge "$name" 20
}
data 2
try xz sh -c 'exec xz -6 -T2 -k -c data >/dev/null'
try python3 /usr/bin/python3 -c 'import json
def f(n): return n if n < 2 else f(n - 1) + f(n - 2)
f(24); json.loads(json.dumps([{"a": i, "b": str(i)} for i in range(200000)]))'
if command -v git >/dev/null; then
	git init -q repo && mkdir repo/include && find /usr/include -type f 2>/dev/null | sort | head -n 400 | xargs -I{} cp --parents {} repo/include &&
		(cd repo && git config user.email a@b && git config user.name a && git add -A && git commit -qm 1) >/dev/null
fi
try "git" git -C repo gc -q --aggressive --force
try "ripgrep (Rust)" rg -c 'a[a-f]+b.*[0-9]{2,}' /usr/include
try "go" go vet strings
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
	redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no >/dev/null 2>&1 &
	server=$!
	started+=("$server")
	wait_for test -S redis.sock
	redis-benchmark -s "$dir/redis.sock" -n 100000000 -P 8 -q >/dev/null 2>&1 &
	started+=($!)
	"$oracle" -F 1999 -d 2 -p "$server" >out 2>err
	judge redis-server 20
	kill "${started[@]}" 2>/dev/null
else
	skip 1 "redis-server: redis-server or redis-benchmark is not here"
fi

# --- stacks that are known
recorded() { # what, program and arguments...; folded stacks in ./folded
	local what=$1
	shift
	ap record --source=bpf -o known.db -F 997 -- "$@" && "$APERTURE" report known.db --folded >folded 2>err && return 0
	ok 1 "$what: is recorded and reported"
	return 1
}
holds() { # what, how many of 1,000 samples of hot at least, an extended regular expression that the stack must match
	local hot matching
	read -r hot matching < <(awk -v s="$3" '{n = $NF; sub(/ [0-9]+$/, "")} /;hot($|;)/ {h += n; if ($0 ~ s) m += n} END {printf "%d %d\n", h, m}' folded)
	if [ "$hot" -ge 1 ] && [ $((matching / 1000)) -ge $((hot / 1000000 * $2)) ]; then
		ok 0 "$1: $((matching * 1000 / hot)) of 1,000 samples of hot"
	else
		ok 1 "$1: $matching ns of the $hot in hot"
		grep -aE ';hot( |;)' folded | sed 's/\(.\{400\}\).*/\1.../' | head -n 5 | sed 's/^/# /'
	fi
}
shapes() { # how it was built, what calls main
	recorded "$1" ./stacks plain && holds "$1" 995 ";$2main;plain;hot"
	recorded "$1" ./stacks deep && holds "$1, a recursion of 1,500" 995 ";$2main;(deep;){1500,1501}hot"
	recorded "$1" ./stacks vfork && holds "$1, the child of vfork" 995 ";$2main;forked;in_child;hot"
}
signals() { # how it was built, what calls main
	recorded "$1" ./stacks signal || return
	holds "$1, a signal handler, with or without a stack of its own" 995 ";$2main;interrupted;([^;[]+;)+on_(signal|own_stack);hot"
}
build() { # compiler and flags...
	"$@" -w -O1 -g -fno-optimize-sibling-calls -o stacks "$here/programs/stacks.c" 2>err
}
libc='_start;(__libc_start_main[^;]*;)?(__libc_start_call_main;)?'
build gcc -pie -fPIE -pthread -ldl || exit 99
shapes PIE "$libc"
signals PIE "$libc"
recorded threads ./stacks threads && holds threads 995 ';(__clone3|clone3|clone|__clone);(start_thread;)?in_thread;hot'
for i in 1 2; do gcc -w -O1 -shared -fPIC -DLIBRARY -DN=$i -o lib$i.so "$here/programs/stacks.c" || exit 99; done
# they take turns at one address; until the kernel knows of the second, stacks end there and say so
recorded dlopen ./stacks dlopen "$PWD/lib1.so" "$PWD/lib2.so" && holds "dlopen and dlclose" 995 ";(${libc}main;loaded;in_library|.cut: code that had just been mapped in the place of other code.(;in_library)?);hot"
for kind in static "static-pie -fPIE"; do
	# shellcheck disable=SC2086
	if build gcc -$kind -pthread -ldl; then
		shapes "${kind%% *}" "$libc"
		signals "${kind%% *}" "$libc"
	else
		skip 4 "$kind does not build here: $(head -n 1 err)"
	fi
done
for kind in dynamic static; do
	# shellcheck disable=SC2046
	if command -v musl-gcc >/dev/null && build musl-gcc $([ $kind = dynamic ] || echo -static); then
		shapes "musl, $kind" '([^;]+;)?'
		# the way back from a signal is code of musl's without call frame information
		signals "musl, $kind" '([^;]+;)?'
	else
		skip 4 "musl: no musl-gcc, or it does not build (apt-get install musl-tools)"
	fi
done
done_testing
