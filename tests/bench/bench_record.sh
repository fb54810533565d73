#!/usr/bin/env bash
# Recorder CPU and file size a sample, and the CPU from the raw file to the flame graph, against perf on the same workload: xz -6 -T2 of 64 MB,
# attached to by process ID, so that a recorder's CPU is its own alone. Medians of RUNS (5) of SECONDS (5) each at HZ (997).
set -u
: "${APERTURE:?the program under test}"
command -v python3 >/dev/null && command -v xz >/dev/null || { echo "bench_record: python3 and xz are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null | head -c 64M >data
python3 - "$APERTURE" "${RUNS:-5}" "${SECONDS_EACH:-5}" "${HZ:-997}" <<'P'
import os, re, shutil, sqlite3, statistics, subprocess, sys, time

aperture, runs, seconds, hz = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
devnull = subprocess.DEVNULL


def cpu(argv):
    """CPU seconds of a program and of the children that it waited for; its exit must be 0."""
    p = subprocess.Popen(argv, stdin=devnull, stdout=devnull, stderr=subprocess.PIPE)
    err = p.stderr.read()
    _, status, r = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit("bench_record: %s: exit %d: %s" % (" ".join(argv), p.returncode, err.decode(errors="replace")[-400:]))
    return r.ru_utime + r.ru_stime


def perf_samples(path):
    out = subprocess.run(["perf", "report", "--header-only", "--stats", "-i", path], stdin=devnull, capture_output=True, text=True).stdout
    out += subprocess.run(["perf", "report", "--stats", "-i", path], stdin=devnull, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*SAMPLE events:\s*(\d+)", out, re.M)
    return int(found[0]) if found else 0


def aperture_samples(path):
    with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as db:
        return db.execute("SELECT count(*) FROM sample").fetchone()[0]


tools = {}
for source in ("bpf", "perf"):
    argv = [aperture, "record", "-q", "--source=" + source, "-o", "r", "-F", hz, "--call-graph=dwarf", "-d", seconds, "-p"]
    if subprocess.run(argv[:3] + ["--source=" + source, "-o", "probe", "--", "true"], stdin=devnull, stdout=devnull, stderr=devnull).returncode == 0:
        tools["aperture " + source] = (lambda pid, argv=argv: argv + [pid], aperture_samples, [aperture, "report", "r", "--flame", "-o", "f.html"])
if shutil.which("perf"):
    for graph in ("fp", "dwarf"):
        tools["perf " + graph] = (lambda pid, graph=graph: ["perf", "record", "-q", "-o", "r", "-F", hz, "--call-graph", graph, "-p", pid, "--", "sleep", seconds],
                                  perf_samples, ["perf", "script", "-i", "r"])
print("xz -6 -T2, %s Hz, %s s, medians of %d" % (hz, seconds, runs))
print("%-16s %9s %14s %14s %14s %14s" % ("", "samples", "bytes/sample", "record ms", "show ms", "total ms"))
total = {}
size = {}
for name, (record, samples, show) in tools.items():
    rows = []
    for _ in range(runs):
        for f in ("r", "r.old", "f.html"):
            if os.path.exists(f):
                os.unlink(f)
        xz = subprocess.Popen(["xz", "-6", "-T2", "-k", "-c", "data"], stdin=devnull, stdout=devnull)
        time.sleep(0.5)  # its threads are there before anybody attaches
        try:
            a = cpu(record(str(xz.pid)))
        finally:
            xz.kill()
            xz.wait()
        n, nbytes = samples("r"), os.path.getsize("r")
        b = cpu(show)
        if not n:
            raise SystemExit("bench_record: %s stored no sample" % name)
        rows.append((n, nbytes / n, a * 1000, b * 1000, (a + b) * 1000))
    m = [statistics.median(c) for c in zip(*rows)]
    total[name], size[name] = m[4], m[1]
    print("%-16s %9d %14.1f %14.1f %14.1f %14.1f" % (name, *m), flush=True)
for name in [t for t in total if t.startswith("aperture") and "perf dwarf" in total]:
    print("%s: bytes a sample 1/%.0f of perf dwarf (target 1/100); CPU of record + show %.2f of perf dwarf (target 0.50), %.2f of perf fp"
          % (name, size["perf dwarf"] / size[name], total[name] / total["perf dwarf"], total[name] / total["perf fp"]))
if "perf dwarf" not in total:
    print("perf is not here: nothing to compare with (apt-get install linux-perf)")
P
