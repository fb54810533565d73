#!/usr/bin/env bash
# The n-th malloc, open, read, write, fsync, mmap, perf_event_open, ioctl, fork, ... fails, for n = 1, 2, ... with growing steps until a run
# without the failure: no crash, no hang, the right exit with a word about it, nothing left open or running, and a file that is either not
# there, as it was, or whole. Under the sanitizers nothing is leaked either. FAULT_RUNS=N tries more of each.
. "$(dirname "$0")/lib.sh"
need sqlite3 timeout
need_recording
fault=${FAULT_LIBRARY:-}
[ -f "$fault" ] || skip_all "the fault library is not built (make check builds it)"
first=1 most=${FAULT_RUNS:-22}
if sanitized; then
	# the first hundred allocations are the sanitizer's own and the loader's
	first=100 most=${FAULT_RUNS:-10}
	export ASAN_OPTIONS=verify_asan_link_order=0:allocator_may_return_null=1:exitcode=99
	export LSAN_OPTIONS=exitcode=98:print_suppressions=0:suppressions=$PWD/by_design
	echo "leak:ld-linux" >by_design # a thread's variables of a library that was loaded later
fi

# One run with the n-th call failing: sets rc. False when the call was never reached.
one() { # function, n, arguments
	local spec=$1:$2
	shift 2
	rm -f hit
	timeout -k 5 60 env LD_PRELOAD="$fault" AP_FAULT="$spec" AP_FAULT_LOG="$PWD/hit" "$APERTURE" "$@" >out 2>err </dev/null
	rc=$?
	[ -e hit ]
}
judge() { # after one(): empty when all is well
	if [ $rc = 98 ] && grep -q 'LeakSanitizer has encountered a fatal error' err; then
		: # the sanitizer itself fell over the failure
	elif [ $rc = 98 ] || [ $rc = 99 ]; then
		cat err >>findings
		echo "exit=$rc-leak-or-bad-access"
	elif [ $rc -ge 124 ] && [ $rc -le 137 ] && [ $rc != 125 ] && [ $rc != 126 ] && [ $rc != 127 ] || [ $rc -gt 137 ]; then
		echo "exit=$rc"
	elif [ $rc != 0 ] && [ ! -s err ]; then
		echo "exit=$rc-without-a-word"
	elif [ -s hit ]; then
		echo "left:$(paste -sd, hit | tr ' ' _)"
	else
		"check_$1"
	fi
}
# n grows ever faster: libraries allocate thousands of times
next() { if [ "$1" -lt 12 ]; then echo $(($1 + 1)); else echo $(($1 + $1 / 3)); fi; }
through() { # name, functions, arguments: every function's failures
	local name=$1 functions=$2 f at runs bad verdict
	shift 2
	for f in $functions; do
		at=1 runs=0 bad=
		[ "$f" != malloc ] || at=$first
		while [ $runs -lt $most ]; do
			"before_$name"
			one "$f" $at "$@" || break
			# who allocated what leaked is known to slow unwinding alone
			[ $rc != 98 ] || { "before_$name"; ASAN_OPTIONS=$ASAN_OPTIONS:fast_unwind_on_malloc=0 one "$f" $at "$@"; }
			runs=$((runs + 1))
			verdict=$(judge "$name")
			[ -z "$verdict" ] || bad="$bad $at:$verdict"
			at=$(next $at)
		done
		: >err
		[ ! -s findings ] || mv findings err
		[ -z "$bad" ] && [ $runs -gt 0 ] # a call that is never made tests nothing
		ok $? "$name, $f: $runs failures$bad"
	done
}
integrity() { sqlite3 "$1" 'PRAGMA integrity_check' 2>&1; }

# a recording leaves no file or a whole one, and a sealed one where it says that all went well
before_record() { rm -f run.db*; }
check_record() {
	[ -s run.db ] || return 0
	[ "$(integrity run.db)" = ok ] || echo damaged-file
	[ $rc != 0 ] || [ "$(sqlite3 run.db 'SELECT end_ns IS NOT NULL FROM run')" = 1 ] || echo well-but-not-sealed
}
work='i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'
through record "malloc open read write fsync mmap truncate perf_event_open ioctl fork pipe poll epoll pthread_create" \
	record -q -F 999 -o run.db -- sh -c "$work"

"$APERTURE" record -q --no-symbols -F 999 -o a.db --save-events events -- sh -c "$work; $work" 2>err
is "$?" 0 "a recording to fail upon"
"$APERTURE" record -q -F 999 -o b.db -- sh -c "$work" 2>>err
sum=$(cksum <a.db)
before_replay() { rm -f run.db*; }
check_replay() { check_record; }
through replay "malloc open read write mmap fork pipe poll" record -q -o run.db --replay events

# what only reads leaves its input alone; a page is there whole or not at all
before_report() { rm -f page.html; }
check_report() {
	[ "$(cksum <a.db)" = "$sum" ] || echo changed-input
	[ ! -e page.html ] || tail -n 1 page.html | grep -q '</html>' || echo half-a-page
}
through report "malloc open read rename" report a.db --flame -o page.html
before_top() { :; }
check_top() { [ "$(cksum <a.db)" = "$sum" ] || echo changed-input; }
through top "malloc open read" report a.db --top

# a merge that fails leaves the output as it was
cp b.db keep.db
before_merge() { cp keep.db m.db && rm -f m.db-*; }
check_merge() {
	[ "$(integrity m.db)" = ok ] || echo damaged-file
	case $(sqlite3 m.db 'SELECT count(*) FROM run') in
	1) [ $rc != 0 ] || echo well-but-not-merged ;;
	2) ;;
	*) echo half-merged ;;
	esac
}
through merge "malloc open read write fsync" merge -o m.db a.db

before_symbolize() { cp a.db s.db && rm -f s.db-*; }
check_symbolize() {
	[ "$(integrity s.db)" = ok ] || echo damaged-file
	[ "$(sqlite3 s.db 'SELECT count(*) FROM sample')" = "$(sqlite3 a.db 'SELECT count(*) FROM sample')" ] || echo lost-samples
}
through symbolize "malloc open read write fsync fork pipe poll" symbolize s.db

# what prints says so when it cannot
for c in "report a.db --top" "report a.db --folded" doctor "query a.db SELECT+*+FROM+frame"; do
	IFS=+ read -ra words <<<"${c// /+}"
	[ "${c%% *}" != query ] || words=(query a.db "SELECT * FROM frame")
	"$APERTURE" "${words[@]}" >/dev/full 2>err
	rc=$?
	[ $rc = 1 ] && [ -s err ]
	ok $? "${words[0]} to a full disk: exit $rc, with a word"
done

before_doctor() { :; }
check_doctor() { :; }
through doctor "malloc open read mmap perf_event_open ioctl" doctor
done_testing
