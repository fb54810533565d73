#!/usr/bin/env bash
# Real programs in C, C++, Rust and Go: our stacks are libdwfl's, frame by frame, from the same registers and the same copy of the stack.
. "$(dirname "$0")/lib.sh"
need_recording
oracle=$(dirname "$APERTURE")/tests/unwind_oracle
[ -x "$oracle" ] || skip_all "unwind_oracle is not built"

judge() { # name, least whole_ppm; one stack may always be cut
	local samples whole frames equal
	read -r samples whole frames equal < <(grep -a '^result ' out | sed -n 's/^result samples=\([0-9]*\) whole_ppm=\([0-9]*\) frames=\([0-9]*\) equal_ppm=\([0-9]*\)$/\1 \2 \3 \4/p')
	[ "${frames:-0}" -ge 20 ] && [ "$equal" -ge 999000 ]
	ok $? "$1: ${equal:-0} ppm of ${frames:-0} frames are equal"
	grep -aE '^ +[0-9]+ stacks' out | sed 's/^/#/'
	[ "$2" = 0 ] || {
		[ "${samples:-0}" -gt 0 ] && [ $(((1000000 - whole) * samples / 1000000)) -le $((samples / 200 + 1)) ]
		ok $? "$1: ${whole:-0} ppm of ${samples:-0} stacks are whole"
	}
}
try() { # name, least whole_ppm, command...
	local name=$1 whole=$2
	shift 2
	command -v "$1" >/dev/null || { skip 1 "$name: $1 is not here"; return; }
	"$oracle" -F 999 -- "$@" >out 2>err </dev/null
	judge "$name" "$whole"
}

data 2
try xz 995000 sh -c 'exec xz -6 -T2 -k -c data >/dev/null'
try python3 995000 /usr/bin/python3 -c 'import json
def f(n): return n if n < 2 else f(n - 1) + f(n - 2)
f(22); json.loads(json.dumps([{"a": i, "b": str(i)} for i in range(60000)]))'
if command -v git >/dev/null; then
	git init -q repo && (cd repo && git config user.email a@b && git config user.name a && for i in 1 2 3 4 5; do
		find /usr/include /usr/share/perl -type f 2>/dev/null | sort | sed -n "$((i * 100)),$((i * 100 + 100))p" | xargs -I{} cp --parents {} . && git add -A && git commit -qm $i
	done) 2>/dev/null
fi
try "git log" 995000 git -C repo log --stat -M -p
try "git gc" 995000 git -C repo gc -q --aggressive --force
try sqlite3 995000 sqlite3 :memory: "CREATE TABLE t(a, b); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 150000)
	INSERT INTO t SELECT x, hex(x * 7919 % 100003) FROM c; CREATE INDEX i ON t(b); SELECT count(*) FROM t WHERE b LIKE '%3%' GROUP BY substr(b, 1, 2)"
try perl 995000 perl -e 'my %h; for my $i (0..600000) { $h{$i % 5000} .= "x$i" if $i % 3; $h{$i % 5000} = "" if $i % 97 == 0 }'
try openssl 995000 openssl speed -seconds 1 sha256
try "node (C++)" 0 node -e 'const o = {}; for (let i = 0; i < 150000; i++) o["k" + i % 5000] = JSON.stringify({i, s: "x".repeat(i % 50)})'
try "cc1 (C++)" 0 gcc -O2 -c -x c -o /dev/null -I"$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)/src" -D_GNU_SOURCE "$(cd "$OLDPWD" && cd "$(dirname "$0")" && pwd)/unwind.c"
try "ripgrep (Rust)" 0 rg -c 'a[a-f]+b.*[0-9]{2,}' /usr/include
try "go" 0 go vet strings

if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
	redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no >/dev/null 2>&1 &
	started+=($!)
	server=$!
	wait_for test -S redis.sock
	redis-benchmark -s "$dir/redis.sock" -n 100000000 -P 8 -q >/dev/null 2>&1 &
	started+=($!)
	"$oracle" -F 999 -d 2 -p "$server" >out 2>err
	judge redis-server 995000
else
	skip 2 "redis-server: redis-server or redis-benchmark is not here"
fi
done_testing
