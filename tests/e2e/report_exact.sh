#!/usr/bin/env bash
# Every report, word for word, of a small file made by hand: tests/report/fixture.sql. A case is a line of tests/report/cases: a name, the exit
# code, and the arguments; what comes out is in tests/report/NAME.out (stdout, then "--" and stderr where there is any).
# AP_REPORT_ACCEPT=1 writes these files anew: read the difference before you commit it.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
src=$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)
make_db() { # file, more SQL
	{ "$src/tests/report/schema.sh" "$src/sql" && cat "$src/tests/report/fixture.sql" - <<<"$2"; } | sqlite3 -batch -bail "$1" 2>err
	ok $? "make $1"
	chmod 400 "$1"
}
make_db two.db ''
# what was before, as another recording: fib took less, a function has gone
make_db old.db "UPDATE sample_row SET stack = 1 WHERE stack = 4 AND ts = 200; DELETE FROM sample_row WHERE ts > 1250000000;
	UPDATE run SET uuid = 'cccc' || id, end_reason = 'target exited', end_ns = start_ns + 1000000000;"
make_db none.db 'DELETE FROM sample_row'
while IFS='|' read -r name code args; do
	[ -n "$name" ] && [ "${name#\#}" = "$name" ] || continue
	eval "ap report $args"
	rc=$?
	{
		cat out
		[ ! -s err ] || { echo "--" && cat err; }
	} >got
	[ -z "${AP_REPORT_ACCEPT:-}" ] || cp got "$src/tests/report/$name.out"
	cmp -s got "$src/tests/report/$name.out" && [ "$rc" = "$code" ]
	rc2=$?
	ok $rc2 "$name: report $args"
	[ $rc2 = 0 ] || { echo "# exit $rc, wanted $code"; diff "$src/tests/report/$name.out" got | cat -v | head -n 20 | sed 's/^/# /'; }
	case $rc,$args in
	2,*) ;;
	*format=json*)
		python3 -c 'import json,sys; json.loads(open("out","rb").read().decode("utf-8"), parse_constant=sys.exit)'
		ok $? "$name: JSON, in UTF-8, without NaN"
		;;
	*format=csv*)
		python3 - <<'P'
import csv, io
text = open("out", "rb").read().decode("utf-8")
assert text.count("\n") == text.count("\r\n"), "a line that does not end in CRLF"
rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
assert rows and len({len(r) for r in rows}) == 1, "rows of different lengths"
assert not [c for r in rows[1:] for c in r if c[:1] in "=+@\t\r" and c], "a formula"
P
		ok $? "$name: CSV as RFC 4180 says, no formula"
		;;
	esac
	LC_ALL=C grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80[\xaa-\xae]' out err
	is "$?" 1 "$name: no byte that steers a terminal"
done <"$src/tests/report/cases"
# code without a name of the kernel and of two processes' JIT: brackets once, in views too, and one line for the JIT
make_db bare.db "UPDATE executable SET path = '[jit] node', build_id = 'pid 1' WHERE id = 3; INSERT INTO executable VALUES (6, 'pid 2', '[jit] node', 5, '');
	UPDATE frame SET executable = 6, kind = 3 WHERE id = 13; DELETE FROM frame_line WHERE frame IN (4, 5, 13)"
for view in frame_name top_functions top_stacks flame_nodes folded samples; do
	ap query bare.db "SELECT * FROM $view"
	is "$?,$(grep -c '\[\[' out)" 0,0 "$view: brackets once"
	grep -qF '[jit] node' out
	ok $? "$view has the JIT's code"
done
ap report bare.db --top && cat err >>out
is "$(grep -c "^# frames without a name:.*\[jit\] node" out)" 1 "--top: one line for the JIT of two processes"
ap report bare.db --summary --format=json
is "$(python3 -c 'import json; print(sum("[jit] node" in str(f["what"]) for f in json.load(open("out"))["missing"]))')" 1 "--summary: one"
done_testing
