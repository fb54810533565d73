#!/usr/bin/env bash
# The store: samples a second into it, bytes a million, time to seal; merge rates; and every view with stock sqlite3. Each beside plain prepared
# statements in the same run, medians of RUNS (5). A million samples have 200,000 stack nodes, 20,000 functions, 50 processes; hosts share 70 %
# of their stacks. Rates are by CPU time (user and system), wall time beside it. FILES (20) small files have 1/20 of that each.
set -u
: "${BUILDDIR:?the build folder}"
bench=$BUILDDIR/tests/bench/bench_store
[ -x "$bench" ] && command -v python3 >/dev/null && command -v sqlite3 >/dev/null || { echo "bench_store: bench_store, python3 and sqlite3 are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
python3 - "$bench" "${RUNS:-5}" "${SAMPLES:-1000000}" "${FILES:-20}" <<'P'
import glob, os, resource, statistics, subprocess, sys, time

bench, runs, samples, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
nodes = samples // 5


def remove(*names):
    for pattern in names:
        for f in glob.glob(pattern):
            os.unlink(f)


def run(*args):
    p = subprocess.run([bench, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if p.returncode:
        raise SystemExit("bench_store: %s: %s" % (" ".join(map(str, args)), p.stderr.strip()))
    return [float(v) for v in p.stdout.split()]


def medians(*args, out):
    rows = []
    for _ in range(runs):
        remove(out + "*")
        rows.append(run(*args))
    return [statistics.median(c) for c in zip(*rows)]


def rate(n, seconds):
    return "%.2fM/s" % (n / seconds / 1e6)


ours = medians("insert", "a.db", samples, nodes, 1, out="a.db")
plain = medians("plain", "p.db", samples, nodes, 1, out="p.db")
table = subprocess.run(["sqlite3", "a.db", "SELECT sum(pgsize) FROM dbstat WHERE name = 'sample_row'"], capture_output=True, text=True).stdout.strip()
print("insert: %s by CPU, %s by wall; plain statements %s by CPU: %.2f times as fast (target 1M/s)"
      % (rate(samples, ours[1]), rate(samples, ours[0]), rate(samples, plain[1]), plain[1] / ours[1]))
print("seal: %.2f s CPU, %.2f s wall" % (ours[3], ours[2]))
print("a million samples: %.1f MB, of which the samples %.1f MB (target 24 MB); plain statements %.1f MB without totals and indexes"
      % (ours[4] / samples, int(table or 0) / samples, plain[2] / samples), flush=True)

run("insert", "b.db", samples, nodes, 2)
for i in range(files):
    run("insert", "s%d.db" % i, samples // files, nodes // files, i)
for what, names in (("2 files x %d samples" % samples, ["a.db", "b.db"]),
                    ("%d files x %d samples" % (files, samples // files), ["s%d.db" % i for i in range(files)])):
    m = medians("merge", "m.db", *names, out="m.db")
    remove("q.db*")
    p = medians("plain-merge", "q.db", *names, out="q.db")
    run("merge", "m.db", names[-1])
    again = [statistics.median(c) for c in zip(*(run("merge", "m.db", names[-1]) for _ in range(runs)))]
    print("merge %s: %s by CPU, %s by wall, totals included, peak %.0f MB; plain statements %s by CPU without totals: %.2f times as fast (target 1M/s); "
          "one of them again: %.1f ms CPU, %.1f ms wall (target 10 ms)" % (what, rate(m[2], m[1]), rate(m[2], m[0]), m[3] / 1024, rate(p[2], p[1]), p[1] / m[1], again[1] * 1000, again[0] * 1000), flush=True)


def shell(sql):
    """Median CPU milliseconds of sqlite3, its start included, and the rows it printed."""
    times = []
    for _ in range(runs):
        p = subprocess.Popen(["sqlite3", "a.db", sql], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        rows = p.stdout.read().count(b"\n")
        err = p.stderr.read()
        _, status, r = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise SystemExit("bench_store: %s: %s" % (sql, err.decode()))
        times.append((r.ru_utime + r.ru_stime) * 1000)
    return statistics.median(times), rows


print("views with stock sqlite3, CPU ms (target 100):")
views = subprocess.run(["sqlite3", "a.db", "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name"], capture_output=True, text=True).stdout.split()
lookups = {"samples": "WHERE id = %d" % (samples // 2), "folded": "WHERE stack_id = 100", "flame_nodes": "WHERE parent_id = 0",
           "frame_name": "WHERE frame = 1000"}
for v in views:
    line = "  %-16s LIMIT 10: %5.1f" % (v, shell("SELECT * FROM %s LIMIT 10" % v)[0])
    if v in lookups:
        line += "   %s: %5.1f (%d rows)" % (lookups[v], *shell("SELECT * FROM %s %s" % (v, lookups[v])))
    if v not in ("sample", "samples", "folded"):
        line += "   whole: %5.1f (%d rows)" % shell("SELECT * FROM " + v)
    print(line, flush=True)
P
