#!/usr/bin/env bash
# record ends as the command did; our own failures are 125, 126, 127; wrong usage is 2.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
ap record -o a.db -- sh -c 'exit 3'
is "$?" 3 "the command's exit code"
is "$(sql a.db 'SELECT exit_code FROM run')" 3 "and it is in the file"
ap record -o a.db -- true
is "$?" 0 "success"
# the signal is raised again, so the shell sees the same as without us
bash -c '"$0" record -o b.db -- sh -c "kill -TERM \$\$" 2>/dev/null; exit $?' "$APERTURE" >out 2>err
is "$?" 143 "killed by SIGTERM: so are we"
ap record -o c.db -- ./no-such-command
is "$?" 127 "not found"
like "$(cat err)" 'no-such-command' "and named"
echo text >plain && chmod 644 plain
ap record -o d.db -- ./plain
is "$?" 126 "cannot be executed"
ap record -o /no-such-folder/run.db -- true
is "$?" 125 "our own failure"
like "$(cat err)" '/no-such-folder/run.db' "names the file"
ap record --no-such-option
is "$?" 2 "wrong usage"
ap report no-such.db
is "$?" 1 "report: no such file"
like "$(cat err)" 'no-such.db' "and named"
ap no-such-command
is "$?" 2 "no such command"
ap
is "$?" 2 "no command"
for c in record report query merge symbolize doctor; do
	ap $c --help
	is "$? $(head -n 1 out)" "0 Examples:" "$c --help begins with examples"
done
ap --version
like "$(cat out)" '^aperture [0-9]+\.[0-9]+' "--version"
done_testing
