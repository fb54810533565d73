#!/usr/bin/env bash
# Memory of the eBPF source on a full machine: PROCESSES (1,000) processes, each with the code of some of the FILES (50) largest ELF files mapped and all
# of them busy now and then, watched with -a for SECONDS_FULL (20). Prints the agent's peak RSS, what of it is memory of maps, and all that its maps and
# programs take in the kernel. The promise is 64 MB for the agent and 64 MB of maps.
set -u
: "${APERTURE:?the program under test}"
for t in python3 bpftool cc sqlite3; do
	command -v "$t" >/dev/null || { echo "bench_bpf_memory: $t is needed"; exit 1; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
crowd=
trap '[ -z "$crowd" ] || kill "$crowd"; cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
cat >crowd.c <<'C'
/* crowd N FILE...: N processes; the i-th maps, executable, eight files from the i-th on, touches each, and works a little 20 times a second */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
static volatile unsigned long sink;
static void map(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	const volatile char *at;
	if (fd < 0 || fstat(fd, &st))
		return;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (at != MAP_FAILED)
		sink += (unsigned long)at[0];
	close(fd);
}
int main(int argc, char **argv)
{
	int n = atoi(argv[1]), files = argc - 2;
	for (int i = 0; i < n; i++)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, 9);
			for (int k = 0; k < 8 && files; k++)
				map(argv[2 + (i + k) % files]);
			for (;;) {
				for (int k = 0; k < 20000; k++)
					sink += (unsigned long)k;
				usleep(50000 * 20);
			}
		}
	write(1, "", 1);
	for (;;)
		pause();
}
C
cc -O1 -o crowd crowd.c || exit 1
find /usr /opt -xdev -type f -size +200k \( -perm -u+x -o -name '*.so*' \) -printf '%s %p\n' 2>/dev/null | sort -rn | cut -d' ' -f2- |
	while read -r f; do [ "$(head -c 4 "$f" | tail -c 3)" = ELF ] && echo "$f"; done | head -n "${FILES:-50}" >files
# the code of the largest libraries is run, not only mapped: python loads what it can
python3 - >loaded <<'P' &
import ctypes, sys, time
n = 0
for path in open("files").read().split("\n"):
    if ".so" in path:
        try:
            ctypes.CDLL(path)
            n += 1
        except OSError:
            pass
print(n, flush=True)
end = time.monotonic() + 120
while time.monotonic() < end:
    sum(range(100000))
P
loader=$!
mapfile -t files <files
./crowd "${PROCESSES:-1000}" "${files[@]}" >ready &
crowd="$! $loader"
trap 'kill $crowd; cd /; rm -rf "$dir"' EXIT
while [ ! -s ready ]; do sleep 0.1; done
"$APERTURE" record -q -a --source=bpf -F "${HZ:-999}" -d "${SECONDS_FULL:-20}" --no-symbols -o r.db &
recorder=$!
sleep $((${SECONDS_FULL:-20} * 2 / 3))
python3 - "$recorder" <<'P'
import glob, json, re, subprocess, sys
pid = sys.argv[1]
status = open("/proc/%s/status" % pid).read()
kb = {k: int(v) for k, v in re.findall(r"^(VmHWM|VmRSS|RssAnon|RssFile|RssShmem):\s+(\d+) kB", status, re.M)}
maps_rss, name = 0, ""
for line in open("/proc/%s/smaps" % pid):
    if re.match(r"^[0-9a-f]+-", line):
        name = line.rstrip("\n")
    elif line.startswith("Rss:") and "bpf-map" in name:
        maps_rss += int(line.split()[1])
maps, seen = 0, set()
for path in glob.glob("/proc/%s/fdinfo/*" % pid):
    try:
        info = dict(re.findall(r"^(\w+):\s+(\S+)", open(path).read(), re.M))
    except OSError:
        continue
    if "map_id" in info and info["map_id"] not in seen:
        seen.add(info["map_id"])
        maps += int(info.get("memlock", 0))
agent = kb["VmHWM"] - maps_rss
print("agent: peak RSS %.1f MB, of it maps %.1f MB: its own %.1f MB (anonymous now %.1f MB); maps in the kernel %.1f MB in %d" % (
    kb["VmHWM"] / 1024, maps_rss / 1024, agent / 1024, kb["RssAnon"] / 1024, maps / 2**20, len(seen)))
P
wait "$recorder"
sqlite3 r.db "SELECT 'seen ' || sum(seen) || ' = stored ' || sum(stored) || ' + filtered ' || sum(filtered) || ' + lost ' || sum(lost) FROM account;
SELECT 'loss: ' || cause || ' ' || sum(n) FROM loss GROUP BY cause; SELECT 'processes sampled: ' || count(*) FROM process; SELECT 'binaries: ' || count(*) FROM executable"
echo "libraries loaded: $(cat loaded); load $(cut -d' ' -f1 /proc/loadavg)"
