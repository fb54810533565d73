#!/usr/bin/env bash
# The manual: every example query of aperture-file(5) runs in stock sqlite3; every view has one; every command has a page and completion.
. "$(dirname "$0")/lib.sh"
need sqlite3
src=$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)
manual=$src/doc/aperture-file.5
for c in record report query merge symbolize doctor; do
	[ -s "$src/doc/aperture-$c.1" ] && grep -q "$c" "$src/doc/aperture.bash"
	ok $? "$c has a page and completion"
done
need_recording
ap record -o run.db -F 499 -- sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'
is "$?" 0 "record"
# roff: \- is -, \(aq is ', \(dq is ", \e is \; an example is one line that begins with sqlite3 run.db '
while IFS= read -r q; do
	: >err
	sql run.db "$q" >out
	ok $? "$q"
	case $q in
	*lock_top* | *syscall_latency* | *off_cpu_top* | *gpu_* | *'FROM loss'*) ;; # not recorded yet, or may well be none
	*)
		[ -s out ]
		ok $? "and prints rows"
		;;
	esac
done < <(sed -n "s/^sqlite3 run.db \\\\(aq\\(.*\\)\\\\(aq\$/\\1/p" "$manual" | sed "s/\\\\-/-/g; s/\\\\(aq/'/g; s/\\\\(dq/\"/g; s/\\\\e/\\\\/g")
for v in $(sql run.db "SELECT name FROM sqlite_master WHERE type = 'view'"); do
	grep -q "^sqlite3 run.db .*$v" "$manual"
	ok $? "view $v has an example"
done
for t in $(sql run.db "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"); do
	grep -qE "^\\.BR? $t( |\$)" "$manual"
	ok $? "table $t is described"
done
done_testing
