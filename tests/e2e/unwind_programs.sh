#!/usr/bin/env bash
# One small program, built in every way that matters to unwinding: its stacks are whole, and equal to libdwfl's frame by frame.
. "$(dirname "$0")/lib.sh"
need gcc
need_recording
source=$(cd "$OLDPWD" && cd "$(dirname "$0")" && pwd)/unwind.c
oracle=$(dirname "$APERTURE")/tests/unwind_oracle
[ -x "$oracle" ] || skip_all "unwind_oracle is not built"

# at most 1 stack of 200 cut, at most 1 frame of 1000 different
judge() { # description, least whole_ppm, least equal_ppm
	local samples whole frames equal
	read -r samples whole frames equal < <(sed -n 's/^result samples=\([0-9]*\) whole_ppm=\([0-9]*\) frames=\([0-9]*\) equal_ppm=\([0-9]*\)$/\1 \2 \3 \4/p' out)
	[ "${samples:-0}" -ge 20 ] && [ "$whole" -ge "$2" ] && [ "$equal" -ge "$3" ]
	ok $? "$1: ${samples:-0} stacks, ${whole:-0} ppm whole, ${equal:-0} ppm of ${frames:-0} frames equal"
}
try() { # description, least whole_ppm, least equal_ppm, compiler and flags...
	local what=$1 whole=$2 equal=$3
	shift 3
	command -v "$1" >/dev/null || { skip 1 "$what: $1 is not here"; return; }
	"$@" -w -o program "$source" 2>err || { skip 1 "$what: it does not build here: $(head -n 1 err)"; return; }
	"$oracle" -F 1999 -- ./program $args >out 2>err
	judge "$what" "$whole" "$equal"
}

args=
try "as Debian builds" 995000 999000 gcc -O2 -fPIE -pie
try "without optimisation" 995000 999000 gcc -O0
try "for small size" 995000 999000 gcc -Os
try "lazy PLT, no PIE" 995000 999000 gcc -O2 -no-pie -fplt -Wl,-z,lazy
try "with -fcf-protection" 995000 999000 gcc -O2 -fcf-protection=full
try "stripped of all" 995000 999000 gcc -O2 -s
try "static" 995000 999000 gcc -O2 -static
try "static-PIE" 995000 999000 gcc -O2 -static-pie
try "static, stripped, without a search table" 995000 0 gcc -O2 -static -s -Wl,--no-eh-frame-hdr
try "without a search table" 995000 0 gcc -O2 -Wl,--no-eh-frame-hdr
try ".debug_frame alone" 995000 999000 gcc -O2 -g -fno-asynchronous-unwind-tables -fno-unwind-tables
try ".debug_frame alone, compressed" 995000 999000 gcc -O2 -g -gz=zlib -fno-asynchronous-unwind-tables -fno-unwind-tables
# no table at all: the caller of a leaf is lost where the frame pointer is not set up yet, and the kernel's signal frame has a table
try "frame pointers alone" 900000 0 gcc -O2 -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables
try "clang" 995000 999000 clang -O2
# the functions of musl have no table at all (a sample inside clock() is cut), but its start is known by what the kernel put above it
args=own
try "musl, static" 900000 0 musl-gcc -O2 -static
try "musl" 900000 0 musl-gcc -O2

gcc -O1 -fno-optimize-sibling-calls -w -o program "$source" || exit 99
ap record -o deep.db -F 499 -- ./program deep 1500
is "$?" 0 "a recursion of 1,500"
depth="WITH RECURSIVE d(id, n) AS (SELECT id, 1 FROM stack WHERE parent_id = 0 UNION ALL SELECT s.id, n + 1 FROM d JOIN stack s ON s.parent_id = d.id)
	SELECT max(n) FROM d"
[ "$(sql deep.db "$depth")" -ge 1500 ]
ok $? "is unwound to its end"
cut="SELECT count(*) FROM frame WHERE kind = 4"
is "$(sql deep.db "$cut")" 0 "and whole"
ap record -o deeper.db -F 499 -- ./program deep 10000
is "$(sql deeper.db "$cut AND address = 8")" 1 "one of 10,000 says that the depth limit cut it"
done_testing
