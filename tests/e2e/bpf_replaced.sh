#!/usr/bin/env bash
# Two libraries take turns at one address, faster than the recorder can tell the kernel: no stack may come out wrong. What was unwound by the rules of
# the library before ends where they would have been used, and says so.
. "$(dirname "$0")/lib.sh"
need sqlite3 python3
need_recording
need_bpf
cc=${CC:-cc}
# the same code at the same offsets, but for the size of the frame
for l in a:1 b:2; do
	cat >"${l%:*}.c" <<C
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }
__attribute__((noinline, section(".text.spin"))) void spin(double s);
void spin(double s)
{
	volatile unsigned long room[${l#*:} * 64];
	double end = now() + s;
	while (now() < end)
		for (int i = 0; i < 200000; i++)
			room[i % 64] += (unsigned long)i;
}
C
	$cc -O1 -fomit-frame-pointer -shared -fPIC -o "lib${l%:*}.so" "${l%:*}.c" 2>err || skip_all "no C compiler"
done
cat >turns.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static void *last;
static int moved;
__attribute__((noinline)) static void turn(const char *path)
{
	void *d = dlopen(path, RTLD_NOW);
	void (*spin)(double) = (void (*)(double))dlsym(d, "spin");
	moved += last && last != (void *)spin;
	last = (void *)spin;
	spin(0.004);
	dlclose(d);
}
int main(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[argc - 1]); i++)
		turn(i % 2 ? "./libb.so" : "./liba.so");
	printf("%d\n", moved);
}
C
$cc -O1 -fomit-frame-pointer -o turns turns.c -ldl 2>err || skip_all "no C compiler"
[ "$(./turns 10)" = 0 ] || skip_all "this loader does not put one library in the place of the other"
ap record --source=bpf -F 1999 -o run.db -- ./turns 400
is "$?" 0 "two libraries that take turns at one address"
"$APERTURE" report run.db --folded >folded 2>>err
python3 - folded >counts <<'P'
import sys
whole = cut = wrong = 0
bad = []
for line in open(sys.argv[1]):
    stack, n = line.rsplit(" ", 1)
    frames = [f.split("`")[-1] for f in stack.split(";")]
    if not any(f == "spin" or f.startswith("spin ") or "spin" == f.split("+")[0] for f in frames):
        continue
    n = int(n)
    if any("in the place of other code" in f for f in frames):
        cut += n
    elif any("turn" in f for f in frames) and any("main" in f for f in frames):
        whole += n
    else:
        wrong += n
        bad.append(line)
print(whole, cut, wrong)
sys.stdout.flush()
sys.stderr.writelines(bad[:5])
P
read -r whole cut wrong <counts
echo "# $whole whole, $cut cut, $wrong wrong"
[ "${whole:-0}" -gt 0 ] && [ "${cut:-0}" -gt 0 ]
ok $? "stacks are whole or cut"
is "$wrong" 0 "and no stack is wrong"
is "$(sql run.db 'SELECT sum(seen) = sum(stored) + sum(filtered) + sum(lost) FROM account')" 1 "all are accounted for"
done_testing
