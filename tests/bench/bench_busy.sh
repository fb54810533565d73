#!/usr/bin/env bash
# Two busy CPUs at 997 Hz with whole stacks: samples lost, and the recorder's CPU and memory (rings included) beside perf's on the same work.
# One run of SECONDS_BUSY (20) each; the promise is for 60 s: nothing lost, 64 MB, 8 % of one core.
# Then a storm of short processes, medians of five: the CPU of the storm alone, and with each recorder watching the whole machine.
set -u
: "${APERTURE:?the program under test}"
command -v python3 >/dev/null && command -v xz >/dev/null || { echo "bench_busy: python3 and xz are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null | head -c 96M >data
python3 - "$APERTURE" "${SECONDS_BUSY:-20}" "${RUNS:-5}" "${FORKS:-2000}" <<'P'
import os, re, shutil, signal, sqlite3, statistics, subprocess, sys, time

aperture, seconds, runs, forks = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
null = subprocess.DEVNULL
perf = shutil.which("perf")


def cpu(p):
    _, status, r = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return r.ru_utime + r.ru_stime, r.ru_maxrss / 1024


def rings_mb(pid):
    """What is mapped of perf rings; newer kernels do not count it as resident."""
    size = 0
    for line in open("/proc/%d/maps" % pid):
        if "[perf_event]" in line:
            a, b = (int(x, 16) for x in line.split()[0].split("-"))
            size += b - a
    return size / 2**20


def busy(name, argv, count):
    feed = subprocess.Popen(["sh", "-c", "while cat data; do :; done"], stdout=subprocess.PIPE, stderr=null)
    work = subprocess.Popen(["xz", "-6", "-T2", "-c"], stdin=feed.stdout, stdout=null)
    feed.stdout.close()
    try:
        time.sleep(0.3)
        p = subprocess.Popen(argv(str(work.pid)), stdin=null, stdout=null, stderr=null)
        time.sleep(1)
        rings = rings_mb(p.pid)
        used, rss = cpu(p)
    finally:
        work.kill()
        feed.kill()
        work.wait()
        feed.wait()
    n, lost = count()
    print("%-10s %8d samples %6d lost   CPU %5.2f %% of one core   memory %5.1f MB + %4.1f MB of rings"
          % (name, n, lost, 100 * used / float(seconds), rss, rings), flush=True)


def aperture_count():
    with sqlite3.connect("file:r.db?mode=ro", uri=True) as db:
        return db.execute("SELECT sum(stored), sum(lost) FROM account").fetchone()


def perf_count():
    out = subprocess.run([perf, "report", "--stats", "-i", "r.data"], stdin=null, capture_output=True, text=True).stdout
    found = {k: int(v) for k, v in re.findall(r"^\s*(SAMPLE|LOST|LOST_SAMPLES) events:\s*(\d+)", out, re.M)}
    return found.get("SAMPLE", 0), found.get("LOST", 0) + found.get("LOST_SAMPLES", 0)


print("xz -6 -T2 for %s s at 997 Hz, whole stacks" % seconds)
busy("aperture", lambda pid: [aperture, "record", "-q", "-p", pid, "-F", "997", "--call-graph=dwarf", "-d", seconds, "-o", "r.db"], aperture_count)
if perf:
    busy("perf", lambda pid: [perf, "record", "-q", "-p", pid, "-F", "997", "--call-graph=dwarf", "-o", "r.data", "--", "sleep", seconds], perf_count)

storm = ["sh", "-c", "i=0; while [ $i -lt %s ]; do /bin/true; i=$((i+1)); done" % forks]
watchers = {"alone": None, "aperture": [aperture, "record", "-q", "-a", "-o", "s.db"]}
if perf:
    watchers["perf -g"] = [perf, "record", "-q", "-a", "-g", "-F", "99", "-o", "s.data"]
alone = None
print("%s short processes, CPU seconds of the storm itself, medians of %d" % (forks, runs))
rows = {name: [] for name in watchers}
for _ in range(runs):
    for name, argv in watchers.items():
        w = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null) if argv else None
        time.sleep(0.3)
        rows[name].append(cpu(subprocess.Popen(storm))[0])
        if w:
            w.send_signal(signal.SIGINT)
            w.wait()
for name, values in rows.items():
    m = statistics.median(values)
    alone = alone or m
    print("%-10s %6.3f s   %+5.1f %%" % (name, m, 100 * (m / alone - 1)))
P
