#!/usr/bin/env bash
# Other real programs: an interpreter, a program with children, several events in one run.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3 git
need_recording

ap record -o py.db -F 499 -- python3 -c 'print(sum(i * i for i in range(6000000)))'
is "$?" 0 "python3"
like "$(cat out)" '^[0-9]+$' "its output is untouched"
[ "$(sql py.db 'SELECT count(*) FROM sample')" -ge 30 ]
ok $? "samples of python3"
like "$(sql py.db "SELECT group_concat(DISTINCT f.name) FROM function_total t JOIN function f ON f.id = t.function")" 'PyEval|_PyEval|Py_' \
	"the interpreter's functions have names"

git init -q repo && cd repo && git config user.email a@b && git config user.name a || exit 99
data 8
split -b 100k data part. && rm data
cp ../err .
ap record -o ../git.db -F 499 -- git add .
is "$?" 0 "git"
cd "$dir" || exit 99
like "$(sql git.db 'SELECT group_concat(comm) FROM process')" 'git' "the process is there by its name"

ap record -o tree.db -F 499 -- sh -c 'sh -c "i=0; while [ \$i -lt 200000 ]; do i=\$((i+1)); done" & sh -c "i=0; while [ \$i -lt 200000 ]; do i=\$((i+1)); done"; wait'
is "$?" 0 "a command with children"
[ "$(sql tree.db 'SELECT count(DISTINCT t.process) FROM sample s JOIN thread t ON t.id = s.thread')" -ge 2 ]
ok $? "children are followed"

ap record -o two.db -e cpu-clock,page-faults -c 1000000 -- python3 -c 'x = [bytearray(4096) for i in range(60000)]; print(sum(range(4000000)))'
is "$?" 0 "two events in one run"
is "$(sql two.db 'SELECT count(*) FROM event')" 2 "each is kept apart"
ap record -o no.db -e no-such-event -- true
is "$?" 125 "an unknown event is our own failure"
like "$(cat err)" 'no-such-event' "and is named"
done_testing
