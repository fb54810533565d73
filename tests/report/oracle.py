#!/usr/bin/env python3
"""Compares `aperture report` with a second, slow reading of the same file, written from the manual alone: random small files, random
filters. Usage: oracle.py APERTURE SQLDIR SEED CASES"""
import json, os, random, re, sqlite3, subprocess, sys

aperture, sqldir, seed, cases = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
r = random.Random(seed)
START = 1700000000
SCHEMA = subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.sh"), sqldir], capture_output=True, text=True, check=True).stdout


def make(path):
    if os.path.exists(path):
        os.unlink(path)
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
    db.executescript(SCHEMA)
    runs = r.randint(1, 3)
    for i in range(1, runs + 1):
        db.execute("INSERT OR IGNORE INTO host(id, key, name) VALUES (?, ?, ?)", (1 + i % 2, "key%d" % (i % 2), "host%d" % (i % 2)))
        ended = r.random() < 0.8
        db.execute("INSERT INTO run(id, uuid, host, boot, start_ns, start_realtime_ns, end_ns, end_reason) VALUES (?, ?, ?, 'b', 100, ?, ?, ?)",
                   (i, "uuid%d-%d" % (i, seed), 1 + i % 2, (START + i) * 10**9, 100 + 10**9 if ended else None, "duration" if ended else None))
        db.execute("INSERT INTO run_label VALUES (?, 'v', ?)", (i, str(i % 2)))
        for seq, name in enumerate(r.sample(["cpu-clock", "cycles", "faults"], r.randint(1, 2))):
            db.execute("INSERT INTO event(run, seq, name, source, unit) VALUES (?, ?, ?, 'perf', ?)", (i, seq, name, "ns" if name == "cpu-clock" else "events"))
        if r.random() < 0.8:
            db.execute("INSERT INTO account VALUES (?, 'perf', 100, 90, 0, ?)", (i, r.randint(0, 9)))
        for _ in range(r.randint(0, 3)):
            db.execute("INSERT INTO loss VALUES (?, ?, 'perf', ?, ?, ?)", (i, r.randrange(10**9), r.choice(["ring full", "throttled", "writer behind"]),
                                                                           r.choice([None, 0, 1]), r.randint(1, 5)))
    for i in range(1, 5):
        db.execute("INSERT INTO process(id, host, boot, pid, start_ns, comm) VALUES (?, 1, 'b', ?, 0, 'p')", (i, 10 + i))
        if i % 2:
            db.execute("INSERT INTO process_label VALUES (?, 'v', '1')", (i,))
    for i in range(1, 8):
        db.execute("INSERT INTO thread(id, process, tid, start_ns, comm) VALUES (?, ?, ?, 0, ?)", (i, r.randint(1, 4), 20 + i, r.choice(["a", "b", "c;d", ""])))
    for i in range(1, 5):
        db.execute("INSERT INTO executable(id, build_id, path, kind) VALUES (?, ?, ?, 1)", (i, str(i), "/lib/m%d" % i))
    for i in range(1, 7):
        db.execute("INSERT INTO function(id, name, linkage_name, file, line) VALUES (?, ?, '', '', 0)", (i, "f%d" % i))
    for i in range(1, 13):
        kind = r.choice([1, 1, 1, 2, 3])
        db.execute("INSERT INTO frame VALUES (?, ?, ?, ?)", (i, r.randint(1, 4), i * 16, kind))
        for depth in range(r.choice([0, 1, 1, 1, 2])):
            db.execute("INSERT INTO frame_line VALUES (?, ?, ?, '', 0)", (i, depth, r.randint(1, 6)))
    db.execute("INSERT INTO frame VALUES (13, 0, 3, 4)")
    used = set()
    for i in range(1, 40):
        parent, frame = r.randint(0, i - 1) if r.random() < 0.9 else 0, r.randint(1, 12)
        if i == 5:
            parent, frame = 0, 13
        if (parent, frame) in used:
            frame = next((f for f in range(1, 13) if (parent, f) not in used), None)
            if frame is None:
                parent, frame = i - 1, 1
        used.add((parent, frame))
        db.execute("INSERT INTO stack VALUES (?, ?, ?)", (i, parent, frame))
    for event, run in db.execute("SELECT id, run FROM event").fetchall():
        for _ in range(r.randint(0, 40)):
            db.execute("INSERT INTO sample_row VALUES (?, ?, ?, ?, ?, ?, ?)", (run, r.randrange(10**9), r.randint(0, 3), event, r.randint(1, 7), r.randint(0, 39), r.randint(1, 9)))
    db.commit()
    return db


def choose_filter(db):
    """Arguments, and the same as a Python condition over a joined sample."""
    args, tests = [], []

    def option(name, value, test):
        args.extend([name, value])
        tests.append(test)
    if r.random() < 0.25:
        hosts = r.sample(["host0", "key1", "nobody"], 2)
        option("--host", ",".join(hosts), lambda s: s["host"] in hosts or s["key"] in hosts)
    if r.random() < 0.25:
        n = r.randint(1, 3)
        option("--run", "uuid%d" % n, lambda s: s["run"] == n)
    if r.random() < 0.3:
        option("--pid", "11,13-20", lambda s: s["pid"] == 11 or 13 <= s["pid"] <= 20)
    if r.random() < 0.2:
        option("--tid", "21-24", lambda s: 21 <= s["tid"] <= 24)
    if r.random() < 0.3:
        option("--comm", "a,c;d", lambda s: s["comm"] in ("a", "c;d"))
    if r.random() < 0.3:
        option("--cpu", "0,2-3", lambda s: s["cpu"] != 1)
    if r.random() < 0.3:
        option("--function", "^f[12]$", lambda s: any(re.search("^f[12]$", f) for f in s["functions"]))
    if r.random() < 0.3:
        option("--module", "m[34]", lambda s: any(re.search("m[34]", m) for m in s["modules"]))
    if r.random() < 0.3:
        option("--label", "v=1", lambda s: s["run"] % 2 == 1 or s["process"] % 2 == 1)
    if r.random() < 0.3:
        option("--from", "0.25s", lambda s: s["ts"] >= 250000000)
    elif r.random() < 0.2:
        option("--from", "2023-11-14T22:13:21.5Z", lambda s: s["ts"] + s["real"] >= (START + 1) * 10**9 + 500000000)
    if r.random() < 0.3:
        option("--to", "700ms", lambda s: s["ts"] < 700000000)
    return args, tests


def escape(name):
    return name.replace(";", ":")


def load(db):
    lines = {}
    for frame, function in db.execute("SELECT l.frame, f.name FROM frame_line l JOIN function f ON f.id = l.function ORDER BY frame, depth"):
        lines.setdefault(frame, []).append(function)
    frames = {f: (lines.get(f) or ["[cut: the dumped part of the stack ended]" if k == 4 else "%s+0x%x" % (p.split("/")[-1], a)], p or "", k, f in lines)
              for f, k, a, p in db.execute("SELECT f.id, f.kind, f.address, e.path FROM frame f LEFT JOIN executable e ON e.id = f.executable")}
    stacks = {0: []}
    for i, parent, frame in db.execute("SELECT id, parent_id, frame_id FROM stack ORDER BY id"):
        stacks[i] = stacks[parent] + [frames[frame]]
    out = []
    for row in db.execute("SELECT s.run, s.ts, s.cpu, ev.name, s.stack, s.weight, t.comm, t.tid, p.pid, p.id, h.name, h.key, r.start_realtime_ns, ev.seq, t.id "
                          "FROM sample s JOIN thread t ON t.id = s.thread JOIN process p ON p.id = t.process JOIN run r ON r.id = s.run "
                          "JOIN host h ON h.id = r.host JOIN event ev ON ev.id = s.event"):
        s = dict(zip("run ts cpu event stack weight comm tid pid process host key real seq thread".split(), row))
        s["frames"] = stacks[s["stack"]]
        s["functions"] = [f for fr in s["frames"] for f in fr[0]]
        s["modules"] = [fr[1] for fr in s["frames"] if fr[1]]
        out.append(s)
    return out


def default_event(db, args):
    runs = [i for i, host, key in db.execute("SELECT r.id, h.name, h.key FROM run r JOIN host h ON h.id = r.host")
            if ("--host" not in args or {host, key} & set(args[args.index("--host") + 1].split(",")))
            and ("--run" not in args or args[args.index("--run") + 1] == "uuid%d" % i)]
    first = [n for n, run in db.execute("SELECT name, run FROM event WHERE seq = 0 ORDER BY id") if run in runs]
    return max(first, key=lambda n: (first.count(n), -first.index(n))) if first else None


def report(path, *args):
    p = subprocess.run([aperture, "report", path, *args], stdin=subprocess.DEVNULL, capture_output=True)
    if p.returncode not in (0, 1) or b"ERROR:" in p.stderr or b"runtime error" in p.stderr:
        raise SystemExit("oracle: %s: exit %d\n%s" % (args, p.returncode, p.stderr.decode()))
    return p.returncode, p.stdout.decode("utf-8")


def same(what, got, want, args):
    if got != want:
        raise SystemExit("oracle: seed %d, %s with %s:\ngot    %s\nwanted %s" % (seed, what, args, got, want))


for case in range(cases):
    db = make("oracle.db")
    samples = load(db)
    args, tests = choose_filter(db)
    kept = [s for s in samples if all(t(s) for t in tests)]
    event = default_event(db, args)
    shown = [s for s in kept if s["event"] == event]
    code, text = report("oracle.db", "--folded", *args)
    want = {}
    for s in shown:
        line = ";".join([escape(s["comm"]) or "[unnamed]"] + [escape(f) for fr in s["frames"] for f in reversed(fr[0])])
        want[line] = want.get(line, 0) + s["weight"]
    same("folded", {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in text.splitlines()}, want, args)
    same("exit", code, 0 if shown or not args else 1, args)

    top = {}
    for s in shown:
        seen = set()
        for k, (functions, module, kind, named) in enumerate(reversed(s["frames"])):
            if kind == 4:
                continue
            for i, f in enumerate(functions):
                key = (f if named else "[%s]" % module.split("/")[-1], module)
                v = top.setdefault(key, [0, 0])
                v[0] += s["weight"] if k == 0 and i == 0 else 0
                v[1] += s["weight"] if key not in seen else 0
                seen.add(key)
    _, text = report("oracle.db", "--top", "--format=json", *args)
    same("top", {(f["function"], f["module"]): [f["self"], f["total"]] for f in json.loads(text)}, top, args)

    _, text = report("oracle.db", "--tree", "--format=json", *args)
    path, tree = [], {}
    for row in json.loads(text):
        path = path[:row["depth"]] + [row["function"]]
        tree[tuple(path)] = tree.get(tuple(path), 0) + row["self"]
    want = {}
    for s in shown:
        p = tuple(f for fr in s["frames"] for f in reversed(fr[0]))
        if p:
            want[p] = want.get(p, 0) + s["weight"]
    same("tree", {p: w for p, w in tree.items() if w}, want, args)

    _, text = report("oracle.db", "--summary", "--format=json", *args)
    q = json.loads(text)
    frames = [fr for s in kept for fr in s["frames"] if fr[2] != 4]
    cut = sum(1 for s in kept if s["frames"] and s["frames"][0][2] == 4)
    same("samples", q["samples"], len(kept), args)
    same("complete", q["complete_pct"], round(100 - 100 * cut / len(kept), 2) if kept else None, args)
    same("symbolised", q["symbolised_pct"] and round(q["symbolised_pct"], 1), round(100 * sum(fr[3] for fr in frames) / len(frames), 1) if frames else None, args) \
        if not frames or abs(q["symbolised_pct"] - 100 * sum(fr[3] for fr in frames) / len(frames)) > 0.006 else None
    if args:
        same("processes", q["processes"], len({s["process"] for s in kept}), args)
        same("threads", q["threads"], len({s["thread"] for s in kept}), args)
        same("executables", q["executables"], len({fr[1] for fr in frames if fr[1]}), args)
    same("events", {e["name"]: e["samples"] for e in q["events"] if e["samples"]}, {n: sum(s["event"] == n for s in kept) for n in {s["event"] for s in kept}}, args)
    db.close()
print("%d random files and filters agree" % cases)
