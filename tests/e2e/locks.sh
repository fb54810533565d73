#!/usr/bin/env bash
# A file system that cannot lock is said before anything is recorded: the command does not run, and nothing is left.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
fault=${FAULT_LIBRARY:-}
[ -f "$fault" ] || skip_all "the fault library is not built (make check builds it)"

export ASAN_OPTIONS=verify_asan_link_order=0 # of a sanitized build
cannot_lock() { LD_PRELOAD=$fault AP_FAULT=lock:1 "$APERTURE" "$@" >out 2>err </dev/null; }
cannot_lock record -o run.db -- touch ran
is "$?" 125 "record refuses"
like "$(cat err)" 'run\.db.*lock.*-o' "and says what, why and the remedy"
[ ! -e ran ] && [ -z "$(ls run.db* 2>/dev/null)" ]
ok $? "the command did not run, nothing is left"
ap record -q -o run.db -- sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'
is "$?" 0 "record, where it can"
sum=$(cksum <run.db)
cannot_lock record -o run.db -- touch ran
is "$?" 125 "record refuses over a recording"
is "$(cksum <run.db) $(ls run.db*)" "$sum run.db" "which is in its place"
cp run.db out.db
sqlite3 out.db "UPDATE run SET uuid = 'other'"
sum=$(cksum <out.db)
cannot_lock merge -o out.db run.db
is "$?" 1 "merge refuses"
like "$(cat err)" '(out|run)\.db.*lock' "and says why"
is "$(cksum <out.db)" "$sum" "and leaves the output"
done_testing
