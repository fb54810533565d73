#!/usr/bin/env python3
"""raw_to_flame.py APERTURE DATA: from the raw file to the flame graph, against `perf script` alone, of one recording each.

xz -6 -T2 of DATA for SECONDS_EACH (4) s at HZ (997), attached to by process ID; then each file is shown RUNS (5) times, in turn, so that
a noisy minute falls on all of them. perf script is only perf's first step: its text is still to be folded and drawn."""
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

aperture, data = sys.argv[1], sys.argv[2]
runs, seconds, hz = int(os.environ.get("RUNS", "5")), os.environ.get("SECONDS_EACH", "4"), os.environ.get("HZ", "997")
null = subprocess.DEVNULL


def used(argv):
    """CPU and wall seconds of a program and of the children that it waited for; its exit must be 0."""
    began = time.monotonic()
    p = subprocess.Popen(argv, stdin=null, stdout=null, stderr=subprocess.PIPE)
    err = p.stderr.read()
    _, status, r = os.wait4(p.pid, 0)
    wall = time.monotonic() - began
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        raise SystemExit("bench_flame: %s: exit %d: %s" % (" ".join(argv), p.returncode, err.decode(errors="replace")[-400:]))
    return r.ru_utime + r.ru_stime, wall


def record(argv):
    work = subprocess.Popen(["xz", "-6", "-T2", "-k", "-c", data], stdin=null, stdout=null)
    time.sleep(0.5)  # its threads are there before anybody attaches
    try:
        used([arg.replace("PID", str(work.pid)) for arg in argv])
    finally:
        work.kill()
        work.wait()


def count_aperture(path):
    with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as db:
        return db.execute("SELECT count(*) FROM sample").fetchone()[0]


def count_perf(path):
    """A line a sample that begins at the margin."""
    out = subprocess.run(["perf", "script", "-F", "tid", "-G", "-i", path], stdin=null, capture_output=True, text=True)
    return len(out.stdout.split())


# name: how to record, how to count what is there, how to show it
tools = {"aperture": ([aperture, "record", "-q", "-o", "flame.db", "-F", hz, "--call-graph=dwarf", "-d", seconds, "-p", "PID"],
                      "flame.db", count_aperture, [aperture, "report", "flame.db", "--flame", "-o", "flame.html"])}
if shutil.which("perf"):
    for graph in ("dwarf", "fp"):
        f = "perf-%s.data" % graph
        tools["perf " + graph] = (["perf", "record", "-q", "-o", f, "-F", hz, "--call-graph", graph, "-p", "PID", "--", "sleep", seconds],
                                  f, count_perf, ["perf", "script", "-i", f])
print("raw file to flame graph: xz -6 -T2, %s Hz, %s s, medians of %d, load %.1f" % (hz, seconds, runs, os.getloadavg()[0]))
samples = {}
for name, (argv, path, count, _) in tools.items():
    record(argv)
    samples[name] = count(path)
    if not samples[name]:
        raise SystemExit("bench_flame: %s stored no sample" % name)
rows = {name: [] for name in tools}
for _ in range(runs):
    for name, (_, _, _, show) in tools.items():
        rows[name].append(used(show))
took = {name: [statistics.median(c) for c in zip(*r)] for name, r in rows.items()}
print("%-34s %9s %11s %9s %9s" % ("", "samples", "file bytes", "CPU ms", "wall ms"))
for name, (_, path, _, _) in tools.items():
    what = "aperture report --flame" if name == "aperture" else "perf script of --call-graph " + name.split()[1]
    print("%-34s %9d %11d %9.1f %9.1f" % (what, samples[name], os.path.getsize(path), *(1000 * t for t in took[name])))
for name in list(tools)[1:]:
    print("aperture report --flame / perf script (%s): CPU %.4f, wall %.4f" % (name.split()[1], *(a / b for a, b in zip(took["aperture"], took[name]))))
if len(tools) == 1:
    print("perf is not here: no ratio to perf script (apt-get install linux-perf)")
