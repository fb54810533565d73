#!/usr/bin/env bash
# The eBPF source begins at once, however many processes there are: the first stored sample lies within 300 ms of the start of aperture itself (once in
# eight runs, for the machine has other work).
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
need_recording
need_bpf
cat >many.c <<'C'
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	(void)argc;
	for (int i = atoi(argv[1]); i > 0; i--)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, 9);
			prctl(PR_SET_NAME, "sleeper");
			pause();
		}
	write(1, "", 1);
	pause();
}
C
${CC:-cc} -O1 -o many many.c || skip_all "no C compiler"
./many 1000 >ready &
started+=($!)
wait_for test -s ready
best=1000000
for i in 1 2 3 4 5 6 7 8; do
	begun=$(date +%s%N)
	ap record -q --no-symbols -a --source=bpf -F 999 -d 1 -o run.db || break
	us=$(sql run.db "SELECT (start_realtime_ns + (SELECT min(ts) FROM sample) - $begun) / 1000 FROM run")
	echo "# run $i: the first sample $us us after the start"
	[ "${us:-1000000}" -ge "$best" ] || best=$us
	[ "$best" -gt 300000 ] || break
done
[ "$best" -le 300000 ] || sanitized
ok $? "the first stored sample within 300 ms of the start ($best us)"
# with a busy process too, whose hits all travel with their stacks at first
spin
ap record -q --no-symbols -a --source=bpf -F 999 -d 2 -o run.db
is "$(sql run.db 'SELECT sum(lost) || " " || (sum(seen) = sum(stored) + sum(filtered) + sum(lost)) FROM account')" "0 1" "nothing is lost while processes are read and tables built, and all are accounted for"
is "$(sql run.db "SELECT count(*) FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process WHERE p.comm = '' OR p.comm IS NULL")" 0 "every sample has its process's name"
done_testing
