#!/usr/bin/env bash
# What whole-machine sampling costs: xz -6 -T2 of MB (16) watched at 99 and 999 Hz by aperture's eBPF source, by perf with frame pointers and with
# DWARF, and by bpftrace. Medians of RUNS (5), the watchers in turn. Agent: its CPU while the work ran, threads and all. Programs: the kernel's own
# count of BPF run time (kernel.bpf_stats_enabled; perf's hits have none). Work: the CPU of the fixed work against the same work unwatched; noisy.
# Then a hit's own cost: a native stack of 30 frames at 999 Hz, by the histogram that the program keeps.
set -u
: "${APERTURE:?the program under test}"
for t in python3 xz bpftool cc; do
	command -v "$t" >/dev/null || { echo "bench_bpf: $t is needed"; exit 1; }
done
stats=/proc/sys/kernel/bpf_stats_enabled
[ -w "$stats" ] || { echo "bench_bpf: only root may switch $stats"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
was=$(cat "$stats")
trap 'echo "$was" >"$stats"; cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
echo 1 >"$stats"
find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null | head -c "${MB:-16}M" >data
cat >deep.c <<'C'
#include <stdlib.h>
static volatile unsigned long sink;
__attribute__((noinline)) static unsigned long down(int n, unsigned long to)
{
	if (!n)
		for (unsigned long i = 0; i < to; i++)
			sink += i;
	else
		sink += down(n - 1, to);
	return sink;
}
int main(int argc, char **argv)
{
	(void)argc;
	return down(26, strtoul(argv[1], NULL, 10)) == 1;
}
C
cc -O2 -fno-optimize-sibling-calls -fomit-frame-pointer -o deep deep.c || exit 1
python3 - "$APERTURE" "${RUNS:-5}" <<'P'
import glob, json, os, re, shutil, signal, sqlite3, statistics, subprocess, sys, time

aperture, runs = sys.argv[1], int(sys.argv[2])
null = subprocess.DEVNULL
perf, bpftrace = shutil.which("perf"), shutil.which("bpftrace")
SETTLE_S = 3  # bpftrace compiles and perf starts up meanwhile


def watchers(hz):
    """Name: the command line, the file that it leaves, how to count its samples."""
    found = {"alone": None, "aperture bpf": ([aperture, "record", "-q", "-a", "--source=bpf", "-F", hz, "-o", "r.db"], "r.db", aperture_count)}
    if perf:
        for name, graph in (("perf fp", "fp"), ("perf dwarf", "dwarf")):
            found[name] = ([perf, "record", "-q", "-a", "-F", hz, "--call-graph", graph, "-o", "r.data"], "r.data", perf_count)
    if bpftrace:
        found["bpftrace"] = ([bpftrace, "-q", "-o", "r.txt", "-e", "profile:hz:%s { @[ustack, kstack] = count(); }" % hz], "r.txt", bpftrace_count)
    return found


def aperture_count():
    with sqlite3.connect("file:r.db?mode=ro", uri=True) as db:
        return db.execute("SELECT sum(stored), sum(lost) FROM account").fetchone()


def perf_count():
    out = subprocess.run([perf, "report", "--stats", "-i", "r.data"], stdin=null, capture_output=True, text=True).stdout
    found = {k: int(v) for k, v in re.findall(r"^\s*(SAMPLE|LOST|LOST_SAMPLES) events:\s*(\d+)", out, re.M)}
    return found.get("SAMPLE", 0), found.get("LOST", 0) + found.get("LOST_SAMPLES", 0)


def bpftrace_count():
    return sum(map(int, re.findall(r"\]: (\d+)$", open("r.txt").read(), re.M))), 0


def agent_s(pid):
    """CPU seconds of a process so far, from its threads."""
    ns = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        try:
            ns += int(open(path).read().split()[0])
        except OSError:  # a thread that ended meanwhile
            pass
    return ns / 1e9


def programs_s():
    """Run time of the sampling programs that are loaded, while statistics are on."""
    listed = json.loads(subprocess.run(["bpftool", "prog", "show", "-j"], capture_output=True, text=True).stdout or "[]")
    return sum(p.get("run_time_ns", 0) for p in listed if p["type"] in ("perf_event", "raw_tracepoint")) / 1e9


def work():
    p = subprocess.Popen(["xz", "-6", "-T2", "-c", "--block-size=4MiB", "data"], stdin=null, stdout=null)
    _, status, r = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise SystemExit("bench_bpf: xz failed")
    return r.ru_utime + r.ru_stime


def one(watch):
    """CPU of the work; with a watcher also its CPU and its programs' in percent of the machine, its samples and their bytes."""
    if not watch:
        return {"work": work()}
    argv, path, count = watch
    if os.path.exists(path):
        os.unlink(path)
    w = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null)
    time.sleep(SETTLE_S)
    agent, programs, begun = agent_s(w.pid), programs_s(), time.monotonic()
    row = {"work": work()}
    machine = (time.monotonic() - begun) * os.cpu_count() / 100
    row["programs"] = (programs_s() - programs) / machine
    row["agent"] = (agent_s(w.pid) - agent) / machine
    w.send_signal(signal.SIGINT)
    w.wait()
    if not os.path.exists(path):
        raise SystemExit("bench_bpf: %s left nothing" % argv[0])
    row["samples"], row["lost"] = count()
    row["bytes"] = os.path.getsize(path) / max(row["samples"], 1)
    return row


def table(hz):
    rows = {}
    for _ in range(runs):
        for name, watch in watchers(hz).items():
            rows.setdefault(name, []).append(one(watch))
    m = {name: {k: statistics.median(r[k] for r in got) for k in got[0]} for name, got in rows.items()}
    print("%s Hz, load %.1f; the work alone %.2f s of CPU" % (hz, os.getloadavg()[0], m["alone"]["work"]))
    for name, r in m.items():
        if name != "alone":
            print("%-13s agent %6.3f %% + programs %6.3f %% = %6.3f %% of the machine   work %+5.1f %%   %6d samples %5d lost %7.0f bytes a sample"
                  % (name, r["agent"], r["programs"], r["agent"] + r["programs"], 100 * (r["work"] / m["alone"]["work"] - 1), r["samples"], r["lost"],
                     r["bytes"]), flush=True)
    if "perf fp" in m:
        a, p = m["aperture bpf"], m["perf fp"]
        print("ratio of agents, aperture bpf to perf fp: %.2f" % (a["agent"] / p["agent"] if p["agent"] else float("nan")), flush=True)


def deep():
    found = []
    for _ in range(runs):
        out = subprocess.run([aperture, "record", "-v", "--source=bpf", "-F", "999", "-o", "d.db", "--", "./deep", "1000000000"], capture_output=True,
                             text=True, stdin=null).stderr
        lines = re.findall(r"median ([\d.]+) us, 99 % within ([\d.]+) us", out)
        whole = re.findall(r"([\d.]+) % of stacks whole", out)
        if len(lines) != 2 or not whole:
            raise SystemExit("bench_bpf: no cost in: " + out)
        found.append([float(x) for pair in lines for x in pair] + [float(whole[0])])
    print("30 native frames: a hit %.2f us median, %.2f us p99; its unwinding %.2f us median, %.2f us p99; %.1f %% of stacks whole"
          % tuple(statistics.median(column) for column in zip(*found)))


deep()
for rate in ("99", "999"):
    table(rate)
P
