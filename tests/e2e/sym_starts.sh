#!/usr/bin/env bash
# Code that nothing names is told apart by where its function starts, the same in every report and view; it still counts as unnamed, and a real
# name takes its place: by merging, in either order, and by aperture symbolize.
. "$(dirname "$0")/lib.sh"
need sqlite3 gcc nm objcopy strip python3
need_recording
cat >burn.c <<'C'
#include <time.h>
static volatile unsigned long sink;
static __attribute__((noinline)) void first(unsigned long n) { for (unsigned long i = 0; i < n; i++) sink += i; }
static __attribute__((noinline)) void second(unsigned long n) { for (unsigned long i = 0; i < n; i++) sink ^= i * 3; }
int main(void)
{
	while ((double)clock() / CLOCKS_PER_SEC < 0.5) {
		first(1000000);
		second(1000000);
	}
	return 0;
}
C
gcc -O1 -o full burn.c 2>err && objcopy --only-keep-debug full burn.debug && strip -o bare full || exit 99
start() { nm full | sed -n "s/^0*\([0-9a-f]*\) [tT] $1\$/[burn+0x\1]/p"; }
first=$(start first) second=$(start second) main=$(start main)
cp bare burn
ap record -q -o bare.db -F 499 -- ./burn
is "$?" 0 "record the stripped program"
cp full burn
ap record -q -o full.db -F 499 -- ./burn
is "$?" 0 "and its unstripped build in the same place"

top() { sql "$1" "SELECT function FROM top_functions WHERE module LIKE '%/burn' AND function NOT LIKE '\\_%' ESCAPE '\\' AND self_samples > 9 ORDER BY function"; }
is "$(top bare.db | tr '\n' ' ')" "$(printf '%s\n%s\n' "$first" "$second" | sort | tr '\n' ' ')" "the view has the starts that nm gives"
for r in top tree folded; do
	ap report bare.db --$r
	for f in "$first" "$second" "$main"; do
		grep -qF "$f" out
		ok $? "--$r has $f"
	done
done
ap report bare.db --flame -o flame.html
grep -qF "$first" flame.html
ok $? "--flame has it"
# with its bracket: crt code that no FDE covers is burn+0xADDRESS, and is sampled now and then
ap report bare.db --folded --function '\[burn\+0x'
is "$?,$(grep -cvF '[burn+0x' out)" 0,0 "a filter finds it"

# it is no name
symbolised() { sql "$1" 'SELECT symbolised_pct FROM data_quality ORDER BY 1 LIMIT 1'; }
[ "$(sql bare.db 'SELECT symbolised_pct < 80 FROM data_quality')" = 1 ]
ok $? "the share of named frames leaves it out: $(symbolised bare.db) %"
like "$(ap report bare.db --top; cat out err)" 'frames without a name.*burn; remedy:' "and the report names what is missing, and the remedy"
[ "$(sql bare.db "SELECT sum(n) > 0 FROM loss WHERE cause = 'not symbolised'")" = 1 ]
ok $? "which is stored as a loss too"

# merged with the real names, in either order
ap merge -o ab.db bare.db full.db
is "$?" 0 "merge it with the real names"
ap merge -o ba.db full.db bare.db
ap merge -o again.db bare.db && ap merge -o again.db full.db
content() { sql "$1" 'SELECT function, module, self, total, self_samples, total_samples, event FROM top_functions ORDER BY 1, 2, 3, 4, 5, 6; SELECT seen, symbolised_pct FROM data_quality ORDER BY 1, 2'; }
[ "$(content ab.db | grep -c .)" -gt 5 ]
ok $? "which has both runs"
for f in ba again; do
	is "$(content $f.db | cksum)" "$(content ab.db | cksum)" "$f.db: the same in either order"
done
is "$(sqlite3 ab.db "ATTACH 'full.db' AS full; SELECT count(*) FROM frame f JOIN executable e ON e.id = f.executable JOIN frame_line l ON l.frame = f.id JOIN function fn ON fn.id = l.function
	WHERE fn.start_only AND EXISTS (SELECT 1 FROM full.frame g JOIN full.executable h ON h.id = g.executable WHERE h.build_id = e.build_id AND h.path = e.path AND g.address = f.address
	AND e.path LIKE '%/burn')")" 0 "what one file names has that name"
[ "$(sql ab.db "SELECT sum(self_samples) FROM top_functions WHERE function = 'first'")" -gt "$(sql full.db "SELECT sum(self_samples) FROM top_functions WHERE function = 'first'")" ]
ok $? "and the totals are by it, of both runs"

# named later
id=$(readelf -n full | sed -n 's/.*Build ID: //p')
mkdir -p "debug/.build-id/${id:0:2}" && cp burn.debug "debug/.build-id/${id:0:2}/${id:2}.debug"
cp bare burn
ids() { sql "$1" 'SELECT * FROM frame; SELECT * FROM stack; SELECT * FROM sample'; }
before=$(ids bare.db | cksum)
ap symbolize bare.db
is "$?,$(top bare.db | head -n 1 | cut -c1-6)" "0,[burn+" "symbolize without more than the binary leaves the starts"
ap symbolize bare.db --debug-dir debug
is "$?,$(top bare.db | tr '\n' ' ')" "0,first second " "with the debug file it replaces them"
is "$(sql bare.db "SELECT count(*) FROM frame_line l JOIN function f ON f.id = l.function WHERE f.start_only AND f.name LIKE '[burn%'")" 0 "all of them"
is "$(ids bare.db | cksum)" "$before" "ids are what they were"

# Without the sorted table: there is none, its version is unknown, or nothing can be searched in it and there are no section headers either.
damage() { # file, what
	python3 - "$@" <<'P'
import struct, sys
path, what = sys.argv[1:]
b = bytearray(open(path, "rb").read())
phoff, = struct.unpack_from("<Q", b, 32)
size, n = struct.unpack_from("<HH", b, 54)
hdr = [struct.unpack_from("<Q", b, at + 8)[0] for at in range(phoff, phoff + n * size, size) if struct.unpack_from("<I", b, at)[0] == 0x6474e550]
if what == "version":
    b[hdr[0]] = 9
elif what == "sections":
    b[hdr[0] + 2 : hdr[0] + 4] = b"\xff\xff"
    struct.pack_into("<Q", b, 40, 0)
    struct.pack_into("<HHH", b, 58, 0, 0, 0)
else:
    assert not hdr, "it has a table"
open(path, "wb").write(b)
P
}
for what in none version sections; do
	[ $what = none ] && no_table=-Wl,--no-eh-frame-hdr || no_table=
	rm -f burn # not the inode that was recorded
	gcc -O1 $no_table -o full burn.c 2>err && strip -o burn full && damage burn $what 2>err
	ok $? "a program to record: $what"
	ap record -q -o $what.db -F 499 -- ./burn
	is "$(top $what.db | tr '\n' ' ')" "$(printf '%s\n%s\n' "$(start first)" "$(start second)" | sort | tr '\n' ' ')" "$what: the starts are those of .eh_frame"
done
done_testing
