#!/usr/bin/env bash
# A stripped Go program has its names, lines and inlined calls all the same, and they are those of its unstripped build.
. "$(dirname "$0")/lib.sh"
need sqlite3 go addr2line python3
need_recording
lines=$(dirname "$APERTURE")/tests/sym_lines
export GO111MODULE=off GOFLAGS=-mod=mod GOCACHE=$dir/gocache HOME=$dir
cat >g.go <<'G'
package main

import (
	"fmt"
	"sort"
	"strings"
)

type list struct{ names []string }

func (l *list) add(s string) { l.names = append(l.names, strings.ToUpper(s)) }

func deeper(f float64) float64 { return f*f/3 + 1/f }

func inner(i int) float64 { return deeper(float64(i)) + 1 }

//go:noinline
func hot(n int) float64 {
	s := 0.0
	for i := 1; i < n; i++ {
		s += inner(i)
	}
	return s
}

func main() {
	l := &list{}
	x := 0.0
	for i := 0; i < 150; i++ {
		x += hot(1000000)
		l.add(fmt.Sprint(i))
	}
	sort.Strings(l.names)
	fmt.Println(x, len(l.names))
}
G
go build -o full g.go >out 2>err && go build -ldflags='-s -w' -o stripped g.go >>out 2>>err && go build -buildmode=pie -ldflags='-s -w' -o pie g.go >>out 2>>err
ok $? "go builds"

# the code of both is the same, address by address
objdump -d --no-show-raw-insn full | awk '/^  [0-9a-f]+:/ && ++n % 40 == 0 { sub(":", "", $1); print $1 }' | head -n 6000 >addresses
[ "$(wc -l <addresses)" -ge 1000 ]
ok $? "$(wc -l <addresses) addresses"
"$lines" stripped <addresses >ours 2>err
go tool nm -sort address -n full | awk '$2 == "T" || $2 == "t" { print $1, $3 }' >names
addr2line -a -e full <addresses >reference
python3 - ours names reference >verdict <<'P'
import re, sys
def blocks(path):
    key, r = None, {}
    for line in open(path):
        line = line.rstrip("\n")
        if re.fullmatch("0x[0-9a-f]{16}", line): key = int(line, 16); r[key] = []
        else: r[key].append(line)
    return r
ours, reference = blocks(sys.argv[1]), blocks(sys.argv[3])
starts = [(int(a, 16), n) for a, n in (l.split() for l in open(sys.argv[2]))]
import bisect
keys = [s for s, _ in starts]
bad_names = bad_lines = 0
for a, b in ours.items():
    i = bisect.bisect_right(keys, a) - 1
    # The last frame is the function that the symbol table has, the first has the line. Symbols of one address are aliases. The linker adds
    # .abi0 to names of assembly; Go's table leaves type arguments out.
    wanted = {re.sub(r"\[.*\]", "[...]", re.sub(r"\.abi0$", "", n)) for s, n in starts[max(0, i - 3):i + 2] if s == keys[i]}
    if b[-2] not in wanted:
        bad_names += 1
        print("# name", hex(a), b[-2], wanted, file=sys.stderr)
    line = re.sub(r" \(discriminator \d+\)", "", reference[a][0])
    if line.endswith(":?"):
        line = "??:0"  # padding between functions
    if b[1] != line.removeprefix("./"):
        bad_lines += 1
        print("# line", hex(a), b[1], reference[a][0], file=sys.stderr)
print(len(ours), bad_names, bad_lines)
P
read -r total bad_names bad_lines <verdict
echo "# $total addresses: $bad_names names and $bad_lines lines differ from go tool nm and addr2line"
is "$bad_names" 0 "every name of the stripped program is go tool nm's"
is "$bad_lines" 0 "and every line addr2line's"

for p in stripped pie; do
	ap record -q -o $p.db -F 499 -- ./$p
	is "$?" 0 "record ./$p"
	for f in main.hot main.inner main.deeper runtime.main; do
		is "$(sql $p.db "SELECT count(*) > 0 FROM function_total t JOIN function f ON f.id = t.function WHERE f.name = '$f'")" 1 "$p: $f"
	done
	is "$(sql $p.db "SELECT count(*) > 0 FROM frame_line a JOIN function f ON f.id = a.function JOIN frame_line b ON b.frame = a.frame AND b.depth = a.depth + 1
		JOIN function g ON g.id = b.function WHERE f.name = 'main.deeper' AND g.name = 'main.inner' AND a.file LIKE '%/g.go' AND a.line = 13 AND b.line = 15")" 1 \
		"$p: an inlined call, with the line of the function and of the call"
done

# the table without section headers: found by its magic
if command -v objcopy >/dev/null; then
	python3 - <<'P'
d = bytearray(open("stripped", "rb").read())
d[0x28:0x30] = bytes(8)  # e_shoff
d[0x3c:0x40] = bytes(4)  # e_shnum, e_shstrndx
open("bare", "wb").write(d)
P
	"$lines" bare <addresses >ours.bare 2>err
	cmp -s ours ours.bare
	ok $? "without section headers the answers are the same"
fi
done_testing
