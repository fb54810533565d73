#!/usr/bin/env bash
# CPU of each report on a file of a million samples, 200,000 stack nodes, 20,000 functions and 50 processes, made here; medians of RUNS (5).
# Beside them: what one plain SQL scan of the same samples costs in the sqlite3 shell, and the ratio to it.
set -u
: "${APERTURE:?the program under test}" "${SRCDIR:?the source folder}"
command -v python3 >/dev/null && command -v sqlite3 >/dev/null || { echo "bench_report: python3 and sqlite3 are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
python3 - "$APERTURE" "$SRCDIR" "${RUNS:-5}" <<'P'
import os, random, sqlite3, statistics, subprocess, sys

aperture, src, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
SAMPLES, STACKS, FUNCTIONS, FRAMES, PROCESSES, EXECUTABLES = 1000000, 200000, 20000, 40000, 50, 40


def make(path):
    """A tree of stacks about 25 deep; a tenth of the frames has an inlined function, a twentieth no name."""
    r = random.Random(1)
    db = sqlite3.connect(path)
    db.executescript(subprocess.run([os.path.join(src, "tests/report/schema.sh"), os.path.join(src, "sql")], capture_output=True, text=True, check=True).stdout)
    db.execute("INSERT INTO host(id, key, name) VALUES (1, 'bench', 'bench')")
    db.execute("INSERT INTO run(id, uuid, host, boot, start_ns, start_realtime_ns, end_ns, end_reason, source) "
               "VALUES (1, 'bench', 1, 'b', 0, 0, 100000000000, 'duration', 'perf')")
    db.execute("INSERT INTO event(id, run, seq, name, source, unit) VALUES (1, 1, 0, 'cpu-clock', 'perf', 'ns')")
    db.executemany("INSERT INTO process(id, host, boot, pid, start_ns, comm) VALUES (?, 1, 'b', ?, 0, ?)",
                   ((i, 1000 + i, "process%d" % (i % 17)) for i in range(1, PROCESSES + 1)))
    db.executemany("INSERT INTO thread(id, process, tid, start_ns, comm) VALUES (?, ?, ?, 0, ?)",
                   ((i, (i + 3) // 4, 1000 + i, "thread%d" % ((i - 1) % 23)) for i in range(1, PROCESSES * 4 + 1)))
    db.executemany("INSERT INTO executable(id, build_id, path, kind, why) VALUES (?, ?, ?, 1, '')",
                   ((i, "%040x" % i, "/usr/lib/libmodule%d.so" % i) for i in range(1, EXECUTABLES + 1)))
    db.executemany("INSERT INTO function(id, name, linkage_name, file, line) VALUES (?, ?, '', ?, ?)",
                   ((i, ("some::name::space::Function%d::operator()(int, char const*)" if i % 3 == 0 else "do_function%d") % i,
                     "src/file%d.cc" % (i % 997), i) for i in range(1, FUNCTIONS + 1)))
    db.executemany("INSERT INTO frame VALUES (?, ?, ?, ?)", ((i, 1 + i % EXECUTABLES, i * 16, 2 if i % 9 == 0 else 1) for i in range(1, FRAMES + 1)))
    lines = []
    for i in range(1, FRAMES + 1):
        if i % 20:
            lines.append((i, 0, r.randint(1, FUNCTIONS), "src/file%d.cc" % (i % 997), i % 1000))
            if i % 10 == 1:
                lines.append((i, 1, r.randint(1, FUNCTIONS), "src/file%d.cc" % (i % 997), i % 1000))
    db.executemany("INSERT INTO frame_line VALUES (?, ?, ?, ?, ?)", lines)
    depth, stacks = [0], []
    used = set()
    for i in range(1, STACKS + 1):
        while True:
            parent = 0 if i < 40 else r.randint(max(1, i - 10000), i - 1) if r.random() < 0.9 else r.randint(1, i - 1)
            frame = r.randint(1, FRAMES)
            if depth[parent] < 60 and (parent, frame) not in used:
                break
        used.add((parent, frame))
        depth.append(depth[parent] + 1)
        stacks.append((i, parent, frame))
    db.executemany("INSERT INTO stack VALUES (?, ?, ?)", stacks)
    # a stack is mostly one program's: its threads share a name; one sample in twenty is of another program's
    hot = [r.randint(1, STACKS) for _ in range(20000)]

    def sample(i):
        stack = r.choice(hot) if i % 4 else r.randint(1, STACKS)
        thread = (stack % 23 + 23 * r.randint(0, 7)) if i % 20 else r.randint(0, PROCESSES * 4 - 1)
        return i * 100000, i & 3, 1 + thread, stack

    db.executemany("INSERT INTO sample_row VALUES (1, ?, ?, 1, ?, ?, 1000000)", map(sample, range(SAMPLES)))
    db.execute("INSERT INTO account VALUES (1, 'perf', ?, ?, 0, 0)", (SAMPLES, SAMPLES))
    db.commit()
    db.close()


def cpu(argv):
    """CPU ms of a program, its output thrown away; the least of what a noisy machine gives is still a median."""
    times = []
    for _ in range(runs):
        with open(os.devnull, "r+b") as null:
            p = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null)
            _, status, u = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            raise SystemExit("bench_report: %s: exit %d" % (" ".join(argv), p.returncode))
        times.append((u.ru_utime + u.ru_stime) * 1000)
    return statistics.median(times)


make("raw.db")
# a file with its totals, as a recording leaves it
subprocess.run([aperture, "merge", "-o", "big.db", "raw.db"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
scan = cpu(["sqlite3", "big.db", "SELECT stack, thread, count(*), sum(weight) FROM sample GROUP BY stack, thread"])
join = cpu(["sqlite3", "big.db", "SELECT t.comm, s.stack, sum(s.weight) FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process "
            "WHERE p.pid < 1030 AND s.ts > 1000000 GROUP BY 1, 2"])
print("%d samples, %d stack nodes, %.0f MB; CPU ms, medians of %d" % (SAMPLES, STACKS, os.path.getsize("big.db") / 1e6, runs))
print("%-52s %8.0f" % ("sqlite3: sums by stack and thread", scan))
print("%-52s %8.0f" % ("sqlite3: the same, filtered by process and time", join))
filters = ["--pid", ",".join(str(1000 + i) for i in range(1, 30)), "--from", "1ms", "--function", "unction[0-9]*7"]
for name, args, peer, aim in (("--top", ["--top"], scan, 300), ("--tree", ["--tree"], scan, 300), ("--folded", ["--folded"], scan, 300),
                              ("--summary", ["--summary"], scan, 300), ("--top, filtered", ["--top"] + filters, join, 1000),
                              ("--tree, filtered", ["--tree"] + filters, join, 1000), ("--folded, filtered", ["--folded"] + filters, join, 1000),
                              ("--summary, filtered", ["--summary"] + filters, join, 1000)):
    ms = cpu([aperture, "report", "big.db"] + args)
    print("%-52s %8.0f   %.2f of sqlite3   (aim %d ms)" % ("report " + name, ms, ms / peer, aim), flush=True)
P
