#!/usr/bin/env bash
# The n-th malloc, open, write, fsync, mmap, perf_event_open fails, for n = 1, 2, ... with growing steps until a run without the failure:
# no crash, the right exit, a word about it, and a file that is either not there or opens and is consistent.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
fault=${FAULT_LIBRARY:-}
[ -f "$fault" ] || skip_all "the fault library is not built (make check builds it)"

workload=(sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done')

# One run with the n-th call failing: sets rc. Fails when the call was never reached.
one() { # function, n
	rm -f run.db* hit
	LD_PRELOAD=$fault AP_FAULT=$1:$2 AP_FAULT_LOG=$PWD/hit timeout 60 "$APERTURE" record -q -F 999 -o run.db -- "${workload[@]}" >out 2>err
	rc=$?
	[ -e hit ]
}
valid_file() { [ ! -s run.db ] || [ "$(sqlite3 run.db 'PRAGMA integrity_check' 2>&1)" = ok ]; }

for function in malloc open write fsync mmap perf_event_open; do
	at=1 runs=0 bad=
	while [ $runs -lt ${FAULT_RUNS:-40} ] && one $function $at; do
		runs=$((runs + 1))
		if [ $rc -ge 128 ]; then
			bad="$bad $at:exit=$rc"
		elif [ $rc != 0 ] && [ ! -s err ]; then
			bad="$bad $at:exit=$rc-without-a-word"
		elif ! valid_file; then
			bad="$bad $at:damaged-file"
		fi
		# each of the first 15, then ever fewer: libraries allocate thousands of times
		if [ $at -lt 15 ]; then at=$((at + 1)); else at=$((at + at / 5)); fi
	done
	: >err
	[ -z "$bad" ]
	ok $? "$function: $runs failures: no crash, a valid file$bad"
done
done_testing
