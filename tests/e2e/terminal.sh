#!/usr/bin/env bash
# What a terminal gets and what a pipe gets: pager, colour, width, names cut in the middle; a reader that leaves early is no failure.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
src=$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)
long='namespace_of_some_length::another_namespace::Template<std::vector<int, std::allocator<int>>>::method(unsigned long, char const*)'
{ "$src/tests/report/schema.sh" "$src/sql" && cat "$src/tests/report/fixture.sql" - <<<"UPDATE function SET name = '$long' WHERE id = 2"; } |
	sqlite3 -batch -bail f.db 2>err
ok $? "make a file"
cat >on_pty.py <<'P'
import os, pty, sys, termios, struct, fcntl
columns, argv = int(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    os.execvp(argv[0], argv)
data = b""
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    data += piece
sys.stdout.buffer.write(data.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
tty() { # columns, then arguments: on a terminal; the output in ./out
	local columns=$1
	shift
	timeout 60 python3 on_pty.py "$columns" env -u COLUMNS "${vars[@]}" "$APERTURE" report f.db "$@" >out 2>err </dev/null
}
esc=$(printf '\033')
vars=(-u NO_COLOR TERM=xterm PAGER=cat)
tty 100 --top
is "$?" 0 "top on a terminal"
grep -q "$esc\[" out
ok $? "has colour"
sed "s/$esc\[[0-9;]*m//g" out | grep -v '^#' >plain
is "$(python3 -c 'print(max(len(l.rstrip("\n")) for l in open("plain", encoding="utf-8")) <= 100)')" True "and no row wider than it"
grep -qE '  namespace_of_so[^…]*….*const[*][)]$' plain
ok $? "a long name loses its middle and keeps its ends"
tty 300 --top
grep -qF "$long" out
ok $? "a wide terminal shows it whole"
tty 90 --tree
sed "s/$esc\[[0-9;]*m//g" out | grep -v '^#' >plain
is "$(python3 -c 'print(max(len(l.rstrip("\n")) for l in open("plain", encoding="utf-8")) <= 90)')" True "no row of the tree is wider"
vars=(NO_COLOR=1 TERM=xterm PAGER=cat)
tty 100 --top
is "$(grep -c "$esc" out)" 0 "NO_COLOR: none"
vars=(-u NO_COLOR TERM=dumb PAGER=cat)
tty 100 --top
is "$(grep -c "$esc" out)" 0 "TERM=dumb: none"
tty 100 --top --format=json
is "$(grep -c "$esc" out)" 0 "JSON: none"
vars=(TERM=xterm "PAGER=sed s/^/paged:/")
tty 100 --top
[ "$(grep -c '^paged:' out)" -gt 5 ]
ok $? "PAGER has it"
tty 100 --top --no-pager
is "$(grep -c '^paged:' out)" 0 "--no-pager: not"
tty 100 --top -o file
is "$? $(grep -c '^paged:' out) $(grep -c . file | sed 's/[1-9][0-9]*/n/')" "0 0 n" "-o: not"
is "$(grep -c "$esc" file)" 0 "and no colour in the file"
vars=(TERM=xterm PAGER=no-such-pager)
tty 100 --top
is "$? $(grep -c sys_read out)" "0 1" "a pager that is not there: printed as it is"
vars=(TERM=xterm PAGER=true)
tty 100 --folded
is "$?" 0 "a pager that is left at once is no failure"
vars=(-u LESS TERM=xterm 'PAGER=env')
tty 100 --top
is "$(grep -c '^LESS=FRX$' out)" 1 "less gets FRX"
vars=(LESS=R TERM=xterm PAGER=env)
tty 100 --top
is "$(grep -c '^LESS=R$' out)" 1 "unless LESS is set"

ap report f.db --top
is "$(grep -c "$esc" out)" 0 "a pipe: no colour"
grep -qF "$long" out
ok $? "and whole names"
# text begins where its head does and numbers end where theirs does, however long the names are
cat >aligned.py <<'P'
import sys
rows = [l.rstrip("\n") for l in sys.stdin if not l.startswith("#")]
at = [rows[0].index(c) for c in ("module", "function")]
for row in rows[1:]:
    assert all(row[i - 1] == " " and row[i] != " " for i in at), row
assert any("const*)" in row[at[1]:] for row in rows) and len(rows) > 5
P
aligned() { # what
	PYTHONIOENCODING=utf-8:surrogateescape python3 aligned.py <out 2>err
	ok $? "$1"
}
aligned "its columns line up"
ap report f.db --base f.db
aligned "and those of a comparison"
# 64 KB is what a pipe holds
sqlite3 f.db 'WITH RECURSIVE c(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM c WHERE i < 9000) INSERT INTO stack SELECT i, CASE i WHEN 100 THEN 17 ELSE i - 1 END, 1 + i % 5 FROM c;
	INSERT INTO sample_row SELECT 1, id, 0, 1, 1, id, 1 FROM stack WHERE id > 8000'
"$APERTURE" report f.db --folded 2>err | head -n 1 >out
is "${PIPESTATUS[0]} $(grep -vc '^#' err)" "141 0" "a reader that leaves early: ended by SIGPIPE as cat is, without a word"
done_testing
