#!/usr/bin/env bash
# Processes that live oddly: exec from another thread, vfork, memory shared without being threads, a library in another's place, names that
# change, and storms of short ones.
. "$(dirname "$0")/lib.sh"
here=$(cd "$OLDPWD" && cd "$(dirname "$0")" && pwd)
need sqlite3
need_recording
cc=${CC:-cc}
command -v "${cc%% *}" >/dev/null || skip_all "no C compiler"
$cc -D_GNU_SOURCE -O1 -g -o odd "$here/odd.c" -ldl -lpthread 2>err
ok $? "the program that is recorded builds"
for l in a b; do
	printf '#include <time.h>\nstatic double cpu(void){struct timespec t;clock_gettime(CLOCK_THREAD_CPUTIME_ID,&t);return (double)t.tv_sec+(double)t.tv_nsec/1e9;}
void only_in_%s(double s);\nvoid only_in_%s(double s){double end=cpu()+s;volatile unsigned long n=0;while(cpu()<end)for(int i=0;i<100000;i++)n+=(unsigned long)i;}\n' $l $l >$l.c
	$cc -O1 -g -shared -fPIC -o lib$l.so $l.c
done
self() { # samples whose leaf is the function
	sql "$1" "SELECT count(*) FROM sample s JOIN stack st ON st.id = s.stack JOIN frame_line l ON l.frame = st.frame_id JOIN function f ON f.id = l.function WHERE l.depth = 0 AND f.name LIKE '%$2%'"
}
burned() { # database, function, least, what
	local got
	got=$(self "$1" "$2")
	[ "${got:-0}" -ge "$3" ]
	ok $? "$4 ($got samples in $2)"
}

ap record -o te.db -F 499 -- ./odd thread-exec
is "$?" 0 "exec from a thread that is not the leader"
burned te.db burn_before 40 "what the thread did before"
burned te.db burn_after_exec 400 "and the whole of the program after"
is "$(sql te.db 'SELECT count(*) FROM process')" 1 "it stays one process"
is "$(sql te.db "SELECT count(DISTINCT t.id) FROM sample s JOIN thread t ON t.id = s.thread WHERE s.ts > (SELECT max(ts) FROM sample) - 1500000000")" 1 "with one thread after it"

ap record -o vf.db -F 499 -- ./odd vfork
burned vf.db burn_in_vfork 100 "a child of vfork, before any exec"
is "$(sql vf.db 'SELECT count(DISTINCT pid) FROM process')" 2 "is a process of its own"

ap record -o vm.db -F 499 -- ./odd clone-vm
burned vm.db burn_in_clone 40 "a process that shares memory (CLONE_VM)"
burned vm.db only_in_a 100 "a library that the other one loads is found in it"

ap record -o dl.db -F 499 -- ./odd dlopen
where=$(cat out)
burned dl.db only_in_a 60 "a library"
burned dl.db only_in_b 60 "another after it (at the $where address)"
is "$(sql dl.db "SELECT group_concat(DISTINCT f.name || ' ' || replace(e.path, rtrim(e.path, replace(e.path, '/', '')), '')) FROM frame_line l JOIN frame fr ON fr.id = l.frame JOIN executable e ON e.id = fr.executable JOIN function f ON f.id = l.function WHERE f.name LIKE 'only_in%' ORDER BY 1")" \
	"only_in_a liba.so,only_in_b libb.so" "each with its own function"

ap record -o nm.db -F 499 -- ./odd names
burned nm.db burn_named 120 "a thread that changes its name"
is "$(sql nm.db 'SELECT group_concat(DISTINCT comm) FROM thread')" second-name "is known by its last"

# a storm: the recorder keeps what lives, and leaves no row of what was never sampled
cat >storm.sh <<'S'
i=0
while [ $i -lt ${1} ]; do /bin/true; i=$((i+1)); done
S
ap record -v -o storm.db -F 199 -- sh storm.sh "${STORM:-1500}"
is "$?" 0 "a storm of ${STORM:-1500} short processes"
is "$(sql storm.db 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost')" 0 "nothing is unaccounted for"
[ "$(sql storm.db 'SELECT count(*) FROM process')" -le $(($(sql storm.db 'SELECT count(*) FROM sample') + 2)) ]
ok $? "a row for those that were sampled ($(sql storm.db 'SELECT count(*) FROM process'))"
little='[0-5]?[0-9]' # MB; the sanitizers' shadow takes as much again
! grep -q __asan "$APERTURE" || little='1?[0-9]?[0-9]'
like "$(cat err)" "recorder used .* and $little\.[0-9] MB" "in little memory"
done_testing
