#!/usr/bin/env bash
# Functions, inlined calls and lines from DWARF are those of addr2line; a stripped binary with its debug file elsewhere gives the same.
src=$(cd "$(dirname "$0")" && pwd)/programs
. "$(dirname "$0")/lib.sh"
need g++ addr2line objcopy objdump nm python3 strip xz
lines=$(dirname "$APERTURE")/tests/sym_lines
[ -x "$lines" ] || skip_all "tests/sym_lines was not built"

# padding between functions is in none
code_of() { objdump -d --no-show-raw-insn -j .text "$1" | grep -vE '	(nop|data16|cs nop|xchg +%ax,%ax|int3|hlt)' | sed -n 's/^ *\([0-9a-f]*\):.*/\1/p'; }
same_as_addr2line() { # program
	code_of "$1" >addresses
	"$lines" "$1" <addresses >ours 2>err
	addr2line -a -f -i -e "$1" <addresses >reference
	nm "$1" >symbols
	python3 - ours reference symbols <<'P'
import bisect, re, sys
def blocks(path):
    key, r = None, {}
    for line in open(path):
        line = line.rstrip("\n")
        if re.fullmatch("0x[0-9a-f]{16}", line): key = int(line, 16); r[key] = []
        else: r[key].append(re.sub(r" \(discriminator \d+\)", "", line).replace(":?", ":0"))
    return r
ours, reference = blocks(sys.argv[1]), blocks(sys.argv[2])
symbols = sorted((int(p[0], 16), p[2]) for p in (l.split() for l in open(sys.argv[3])) if len(p) == 3 and p[1] in "tTwW")
starts = [s for s, _ in symbols]
def symbol(a):
    start = starts[bisect.bisect_right(starts, a) - 1]
    return {re.sub(r"\..*", "", n) for s, n in symbols if s == start}
same = explained = wrong = deep = 0
for a, b in ours.items():
    r = reference[a]
    deep += len(b) > 2
    # a place without a line: addr2line adds the file of the symbol
    b_places, r_places = ([re.sub(r".*:0$", "?:0", p) for p in x[1::2]] for x in (b, r))
    b_names, r_names = b[::2], r[::2]
    if (b_names, b_places) == (r_names, r_places):
        same += 1
        continue
    ok = b_places == r_places
    for i, (x, y) in enumerate(zip(b_names, r_names)):
        # where DWARF has no linkage name, addr2line takes the symbol for the innermost function, be it inlined or not; we for the outermost
        if x != y and not (i == 0 and re.sub(r"\..*", "", y) in symbol(a)) and not (i == len(b_names) - 1 and x in symbol(a)):
            ok = False
    explained += ok
    wrong += not ok
    if not ok and wrong < 10:
        print("# ours", hex(a), b, "addr2line", r, file=sys.stderr)
print(len(ours), deep, same, explained, wrong)
P
}
g++ -O2 -g -o shapes "$src/shapes.cpp" 2>err || exit 99
read -r total deep same explained wrong < <(same_as_addr2line ./shapes)
echo "# $total addresses, $deep with inlined calls: $same the same as addr2line, $explained named where addr2line takes the outer symbol, $wrong different"
[ "$total" -ge 1000 ] && [ "$deep" -ge 300 ]
ok $? "a thousand addresses, three hundred with inlined calls"
is "$wrong" 0 "g++ -O2 -g: names, inlined calls and lines are addr2line's"
cp ours shapes.names
cp addresses shapes.addresses
if command -v clang++ >/dev/null && clang++ -O2 -gdwarf-4 -o clang "$src/shapes.cpp" 2>/dev/null; then
	read -r total deep same explained wrong < <(same_as_addr2line ./clang)
	echo "# clang: $total addresses, $deep with inlined calls, $same the same, $explained explained, $wrong different"
	is "$wrong" 0 "clang++ -O2 -gdwarf-4, which has no .debug_aranges"
fi

names_are() { # program, debug folder, what
	"$lines" "$1" "$2" <shapes.addresses >ours 2>err
	cmp -s ours shapes.names
	ok $? "$3"
}
id=$(readelf -n shapes | sed -n 's/.*Build ID: //p')
objcopy --only-keep-debug shapes shapes.debug && strip -o stripped shapes
mkdir -p "ids/.build-id/${id:0:2}" "links$dir"
cp shapes.debug "ids/.build-id/${id:0:2}/${id:2}.debug"
names_are ./stripped ids "the debug file is found by its build ID"
objcopy --compress-debug-sections=zlib shapes.debug "ids/.build-id/${id:0:2}/${id:2}.debug"
names_are ./stripped ids "and when it is compressed"
objcopy --add-gnu-debuglink=shapes.debug stripped linked
cp shapes.debug "links$dir/"
names_are "$dir/linked" links "the debug file is found by its debuglink"
printf 'x' >>"links$dir/shapes.debug"
"$lines" "$dir/linked" links <shapes.addresses 2>err | grep -q 'shapes.cpp'
is "$?" 1 "with another checksum it is not it"
rm "links$dir/shapes.debug" && mkfifo "links$dir/shapes.debug"
timeout 10 "$lines" "$dir/linked" links <shapes.addresses >ours 2>err
is "$?" 0 "a FIFO in its place blocks nothing"

# what two debug files share, in a supplement
if command -v dwz >/dev/null; then
	g++ -O2 -g -DTWO -o two "$src/shapes.cpp" && objcopy --only-keep-debug two two.debug
	mkdir -p sup/.dwz
	cp shapes.debug one.debug
	dwz -m sup/.dwz/common.debug -M "$dir/sup/.dwz/common.debug" one.debug two.debug 2>err
	ok $? "dwz"
	mkdir -p "sup/.build-id/${id:0:2}" && cp one.debug "sup/.build-id/${id:0:2}/${id:2}.debug"
	names_are ./stripped sup "names that dwz moved into a supplement"
	rm sup/.dwz/common.debug && mkfifo sup/.dwz/common.debug
	timeout 10 "$lines" ./stripped sup <shapes.addresses >ours 2>err
	is "$?" 0 "a FIFO in the supplement's place blocks nothing"
else
	skip 3 "dwz is not here"
fi

# .gnu_debugdata: the symbols of a stripped program, compressed inside it
nm shapes | awk '$2 == "t" || $2 == "T" { print $3 }' | sort -u >keep
objcopy -S --keep-symbols=keep shapes.debug mini && xz -k mini && objcopy --add-section .gnu_debugdata=mini.xz stripped minidebug 2>err
nm shapes | awk '$3 ~ /^_ZL5chaini/ { print $1 }' >address
"$lines" -n minidebug <address >out 2>err
like "$(sed -n 2p out)" '^_ZL5chaini' ".gnu_debugdata names a local function"
readelf -h stripped | sed -n 's/.*Entry point address: *//p' >entry
"$lines" -n stripped <entry >out 2>err
is "$(sed -n 2p out)" _start "the entry of a stripped program is _start"

libc=/lib/x86_64-linux-gnu/libc.so.6
libc_id=$(readelf -n $libc 2>/dev/null | sed -n 's/.*Build ID: //p')
if [ -e "/usr/lib/debug/.build-id/${libc_id:0:2}/${libc_id:2}.debug" ]; then
	nm -D $libc | sed -n 's/^\([0-9a-f]*\) . qsort@.*/\1/p' | head -n 1 >address
	"$lines" $libc <address >out 2>err
	like "$(sed -n 3p out)" 'msort.c:[1-9]' "libc's lines from its debug package"
else
	skip 1 "libc6-dbg is not here"
fi
done_testing
