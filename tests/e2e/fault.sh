#!/bin/bash
# The n-th malloc, open, write, fsync, mmap, perf_event_open fails, for n = 1, 2, ... with growing steps until a run without the failure:
# no crash, the right exit, and a file that is either not there or opens and is consistent.
set -u
. "$(dirname "$0")/lib.sh"
plan_later

fault=$FAULT_LIBRARY
[ -f "$fault" ] || skip_all "the fault library $fault is not built"

# One run with the n-th call failing. Prints nothing; sets $rc; 1 when the failure was never reached.
one() { # function, n
	rm -f "$dir"/run.db* "$dir/hit"
	LD_PRELOAD=$fault AP_FAULT=$1:$2 AP_FAULT_LOG=$dir/hit timeout 60 "$APERTURE" record -q --source=perf -F 999 -o "$dir/run.db" -- \
		"${workload[@]}" >"$dir/out" 2>"$dir/err"
	rc=$?
	[ -e "$dir/hit" ]
}

valid_file() {
	[ -e "$dir/run.db" ] || return 0
	[ "$(sqlite3 "$dir/run.db" 'PRAGMA integrity_check' 2>&1)" = ok ]
}

workload=(sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done')
for function in malloc open write fsync mmap perf_event_open; do
	n=1 runs=0 bad=
	while one $function $n; do
		runs=$((runs + 1))
		if [ $rc -ge 128 ] && [ $rc -ne 141 ]; then
			bad="$bad n=$n:exit=$rc"
		elif [ $rc -ne 0 ] && [ ! -s "$dir/err" ]; then
			bad="$bad n=$n:exit=$rc-without-a-word"
		elif ! valid_file; then
			bad="$bad n=$n:damaged-file"
		fi
		# every one of the first 20, then ever fewer: libraries allocate tens of thousands of times
		if [ $n -lt 20 ]; then n=$((n + 1)); else n=$((n + n / 6)); fi
		[ $runs -ge 70 ] && break
	done
	check "$function: $runs failures, no crash, valid file" test -z "$bad"
	[ -z "$bad" ] || echo "#$bad"
done
finish
