#!/usr/bin/env bash
# Both sources give the same answer: real programs recorded by perf and by bpf in turn (ROUNDS, 2, of each, SECONDS_SAME, 4, at HZ, 999), shares of self
# samples by function. Their shares may differ by 1 point, or by the error of sampling where that is larger. Servers are watched by way of the whole machine:
# a task's own timer, as perf has it with -p, stands still while the kernel switches to the task, and a CPU's does not. Prints
# the worst function of each program and its bound. What is not installed is named and left out.
set -u
: "${APERTURE:?the program under test}"
for t in python3 xz; do
	command -v "$t" >/dev/null || { echo "bench_same: $t is needed"; exit 1; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
chmod 711 .
find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null | head -c 6M >data
python3 - "$APERTURE" "${ROUNDS:-2}" "${SECONDS_SAME:-4}" "${HZ:-999}" "${SRCDIR:-}" "${ONLY:-}" <<'P'
import glob, math, os, shutil, signal, sqlite3, statistics, subprocess, sys, time

aperture, rounds, seconds, hz, srcdir, only = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6].split()
null = subprocess.DEVNULL
PORT = "16399"
SHARES = """SELECT coalesce((SELECT f.name FROM frame_line l JOIN function f ON f.id = l.function WHERE l.frame = st.frame_id AND l.depth = 0), e.path, '?'), count(*)
FROM sample s JOIN stack st ON st.id = s.stack JOIN frame fr ON fr.id = st.frame_id LEFT JOIN executable e ON e.id = fr.executable
JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process WHERE ? = '' OR p.comm = ? GROUP BY 1"""


def run(argv, **kw):
    return subprocess.run(argv, stdin=null, stdout=null, stderr=null, **kw)


class Background:
    """Processes that are there while both sources record; ended, by their groups, at the end."""
    def __init__(self):
        self.running = []

    def start(self, argv, **kw):
        p = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True, **kw)
        self.running.append(p)
        return p

    def end(self):
        for p in reversed(self.running):
            try:
                os.killpg(p.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        for p in self.running:
            p.wait()


def redis(b):
    b.start(["redis-server", "--port", PORT, "--save", ""])
    time.sleep(1)
    b.start(["sh", "-c", "while :; do redis-benchmark -p %s -q -n 200000 -t set,get,lpush,zadd; done" % PORT])
    return ["-a"], "redis-server", None


def postgres(b):
    tools = os.path.dirname(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))[-1])
    os.mkdir("pg")
    shutil.chown("pg", "postgres")
    as_pg = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    here = os.getcwd()
    run(as_pg + [tools + "/initdb", "-D", here + "/pg/db"], check=True)
    b.start(as_pg + [tools + "/postgres", "-D", here + "/pg/db", "-k", here + "/pg", "-p", PORT, "-h", ""])
    time.sleep(3)
    run(as_pg + [tools + "/pgbench", "-i", "-h", here + "/pg", "-p", PORT, "postgres"], check=True)
    b.start(as_pg + ["sh", "-c", "while :; do %s/pgbench -S -c 2 -T 60 -h %s/pg -p %s postgres; done" % (tools, here, PORT)])
    time.sleep(1)
    return ["-a"], "postgres", None


def command(argv):
    return lambda b: ([], "", argv)


def make(b):
    tree = os.getcwd() + "/tree"
    os.mkdir(tree)
    for i in range(16):
        with open("%s/u%d.c" % (tree, i), "w") as f:
            f.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n#include <regex.h>\n")
            for k in range(60):
                f.write("int f%d(int n, const char *s) { int t = 0; for (int i = 0; i < n; i++) t += s[i %% 7] * (i + %d); return t ^ %d; }\n" % (k, k, i))
    with open(tree + "/Makefile", "w") as f:
        f.write("all: %s\n%%.o: %%.c\n\tcc -O2 -c -o $@ $<\n" % " ".join("u%d.o" % i for i in range(16)))
    return [], "", ["sh", "-c", "cd %s && rm -f *.o && make -s -j2" % tree]


PY = "d = {}\nfor i in range(800000):\n d[i % 1000] = str(i)[::-1]\n"
JS = "let o = {}; for (let i = 0; i < 1e6; i++) { o[i % 1000] = JSON.stringify({a: i, b: [i, i]}); }"
programs = {
    "xz": ("xz", command(["xz", "-6", "-T2", "-c", "--block-size=2MiB", "data"])),
    "python3": ("/usr/bin/python3", command(["/usr/bin/python3", "-c", PY])),
    "git": ("git", command(["git", "-C", srcdir or ".", "log", "-p", "--stat", "-M", "-n", "150"])),
    "node": ("node", command(["node", "-e", JS])),
    "make -j2": ("make", make),
    "redis": ("redis-server", redis),
    "postgres": ("pgbench", postgres),
}


def record(source, where, argv, comm):
    line = [aperture, "record", "-q", "--source=" + source, "-F", hz, "-o", "r.db"] + where + (["--"] + argv if argv else ["-d", seconds])
    if run(line).returncode:
        raise SystemExit("bench_same: failed: " + " ".join(line))
    with sqlite3.connect("file:r.db?mode=ro", uri=True) as db:
        got = dict(db.execute(SHARES, (comm, comm)))
    os.unlink("r.db")
    return got


def compare(a, b):
    n, m = sum(a.values()), sum(b.values())
    worst = None
    # of so many functions the worst alone is looked at: 1 of 20 comparisons may pass the bound, and not 1 of 20 functions (Sidak)
    z = statistics.NormalDist().inv_cdf(1 - (1 - 0.95 ** (1 / max(1, len(set(a) | set(b))))) / 2)
    for f in set(a) | set(b):
        x, y = a.get(f, 0) / n, b.get(f, 0) / m
        p = (a.get(f, 0) + b.get(f, 0)) / (n + m)
        bound = max(0.01, z * math.sqrt(p * (1 - p) * (1 / n + 1 / m)))
        if worst is None or abs(x - y) / bound > worst[0]:
            worst = (abs(x - y) / bound, f, x, y, bound)
    return n, m, worst


bad = 0
print("worst function of each program, perf against bpf, load %.1f" % os.getloadavg()[0])
for name, (tool, prepare) in programs.items():
    if only and name.split()[0] not in only:
        continue
    if not shutil.which(tool) and not (tool == "pgbench" and glob.glob("/usr/lib/postgresql/*/bin/pgbench")):
        print("%-9s not here" % name)
        continue
    b, total = Background(), {"perf": {}, "bpf": {}}
    try:
        where, comm, argv = prepare(b)
        for _ in range(rounds):
            for source, sums in total.items():
                for f, k in record(source, where, argv, comm).items():
                    sums[f] = sums.get(f, 0) + k
    finally:
        b.end()
    n, m, (ratio, f, x, y, bound) = compare(total["perf"], total["bpf"])
    bad += ratio > 1
    print("%-9s %6d and %6d samples: %-40.40s %6.2f %% and %6.2f %%: %.2f points, bound %.2f %s"
          % (name, n, m, f, 100 * x, 100 * y, 100 * abs(x - y), 100 * bound, "" if ratio <= 1 else "OVER"), flush=True)
raise SystemExit(bad != 0)
P
