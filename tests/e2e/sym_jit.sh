#!/usr/bin/env bash
# Functions of a JIT have their names: perf maps and jitdump of node, also from a pid namespace and a /tmp that are gone by then; a map of
# somebody else's is not believed.
. "$(dirname "$0")/lib.sh"
need sqlite3 node
need_recording
work=$(mktemp -d /var/tmp/aperture-jit.XXXXXX) # outside /tmp, which a test covers
more_cleanup() { rm -rf "$work" /tmp/perf-"${map:-none}".map; cleanup; }
trap more_cleanup EXIT
cat >"$work/a.js" <<'J'
function hotLeaf(n) {
  let s = 0;
  for (let i = 0; i < n; i++)
    s += (i * i) % 7;
  return s;
}
function hotCaller() {
  let t = 0;
  for (let i = 0; i < 400; i++)
    t += hotLeaf(300000);
  return t;
}
console.log(hotCaller());
J
jit_names() { # file
	sql "$1" "SELECT group_concat(DISTINCT g.name) FROM frame f JOIN frame_line l ON l.frame = f.id JOIN function g ON g.id = l.function WHERE f.kind = 3"
}
remove_maps() { # those of the processes in a recording
	local p
	for p in $(sql "$1" "SELECT DISTINCT pid FROM process"); do rm -f "/tmp/perf-$p.map"; done
}

cd "$work" || exit 99
ap record -q -o map.db -F 499 -- node --perf-basic-prof --interpreted-frames-native-stack a.js
is "$?" 0 "node --perf-basic-prof"
like "$(jit_names map.db)" 'hotLeaf .*a\.js:1' "its functions are named by its perf map, which is read after it has ended"
ap report map.db --folded
like "$(cat out)" '^node;.*hotCaller.*;.*hotLeaf' "caller and callee in one stack"
remove_maps map.db

loop_lines() {
	sql dump.db "SELECT group_concat(DISTINCT l.line) FROM frame f JOIN frame_line l ON l.frame = f.id JOIN function g ON g.id = l.function
		WHERE f.kind = 3 AND g.name LIKE '%hotLeaf%' AND l.file LIKE '%a.js'"
}
# node 18 writes a file's name that it has freed already into some tables of lines, and what follows there cannot be read: another try then
for _ in 1 2 3 4 5 6 7 8; do
	rm -f dump.db
	ap record -q -o dump.db -F 1999 -- node --perf-prof --no-turbo-inlining a.js
	rc=$?
	[[ $rc != 0 || $(loop_lines) =~ (^|,)[34](,|$) ]] && break
done
is "$rc" 0 "node --perf-prof"
like "$(jit_names dump.db)" 'hotLeaf .*a\.js:1' "its functions are named by its jitdump"
like "$(loop_lines)" '(^|,)[34](,|$)' "with the lines of the loop"
[ "$(sql dump.db "SELECT count(*) FROM frame f JOIN frame_line l ON l.frame = f.id JOIN function g ON g.id = l.function
	WHERE f.kind = 3 AND g.name LIKE '%hotLeaf%' AND l.line NOT BETWEEN 1 AND 6")" = 0 ]
ok $? "and none outside the function"

if unshare -p -m -f true 2>/dev/null; then
	ap record -q -o ns.db -F 499 -- unshare -p -m -f sh -c 'mount -t tmpfs none /tmp && node --perf-basic-prof a.js'
	is "$?" 0 "node in a pid and a mount namespace of its own"
	like "$(jit_names ns.db)" 'hotLeaf' "the map of its own /tmp, by its own pid, though both are gone"
else
	skip 2 "no namespaces here"
fi

# somebody else's map, for a process that writes none
cat >evil.sh <<'S'
printf '0 7fffffffffffffff planted\n' >"/tmp/perf-$$.map"
[ "$1" = old ] || chown 65534 "/tmp/perf-$$.map"
[ "$1" != old ] || touch -d '1 hour ago' "/tmp/perf-$$.map"
exec node a.js
S
for kind in old other; do
	if [ $kind = other ] && [ "$(id -u)" != 0 ]; then
		skip 1 "another user's file wants root"
		continue
	fi
	ap record -q -o evil.db -F 499 -- sh evil.sh $kind
	case $(jit_names evil.db) in *planted*) rc=1 ;; *) rc=0 ;; esac
	ok $rc "a map of $kind is not believed"
	remove_maps evil.db
done
printf 'mkfifo /tmp/perf-$$.map; exec node a.js\n' >fifo.sh
ap record -q -o fifo.db -F 499 -- timeout 60 sh fifo.sh
is "$?" 0 "a FIFO in the map's place blocks nothing"
for p in $(sql fifo.db "SELECT DISTINCT pid FROM process"); do rm -f "/tmp/perf-$p.map"; done
done_testing
