#!/usr/bin/env bash
# Names, lines and inlined calls of 20,000 addresses of a program with DWARF: CPU of our resolver and of one `addr2line -a -f -i` on the same
# addresses (one child for all of them; one a symbol would be thousands of times that). Then the time from Ctrl-C to a sealed file for python3
# and node. Medians of RUNS (5).
set -u
: "${APERTURE:?the program under test}"
lines=$(dirname "$APERTURE")/tests/sym_lines
command -v python3 >/dev/null && command -v objdump >/dev/null && command -v addr2line >/dev/null && [ -x "$lines" ] ||
	{ echo "bench_sym: python3, binutils and tests/sym_lines (make check) are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
python3 - "$APERTURE" "$lines" "${RUNS:-5}" <<'P'
import os, re, shutil, signal, statistics, subprocess, sys, time

aperture, lines, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
null = subprocess.DEVNULL
text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", aperture], capture_output=True, text=True).stdout
addresses = re.findall(r"^ +([0-9a-f]+):", text, re.M)
addresses = addresses[:: max(1, len(addresses) // 20000)][:20000]
with open("addresses", "w") as f:
    f.write("\n".join(addresses) + "\n")


def cpu(argv):
    p = subprocess.Popen(argv, stdin=open("addresses"), stdout=open("out", "w"), stderr=null)
    _, status, r = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise SystemExit("bench_sym: %s failed" % argv[0])
    return r.ru_utime + r.ru_stime


ours = statistics.median(cpu([lines, aperture]) for _ in range(runs))
frames = sum(1 for _ in open("out"))
theirs = statistics.median(cpu(["addr2line", "-a", "-f", "-i", "-e", aperture]) for _ in range(runs))
print("%d addresses, %.1f functions each: %.3f s CPU (limit 5 s); addr2line -i %.3f s; ratio %.2f"
      % (len(addresses), (frames - len(addresses)) / 2 / len(addresses), ours, theirs, ours / theirs))

programs = {"python3": ["python3", "-c", "while True: sum(i * i for i in range(1000))"]}
if shutil.which("node"):
    programs["node"] = ["node", "-e", "for (;;) { JSON.parse(JSON.stringify({a: [1, 2, 3], b: Math.random()})) }"]
for name, command in programs.items():
    walls = []
    for _ in range(runs):
        p = subprocess.Popen([aperture, "record", "-q", "-F", "997", "-o", "run.db", "--"] + command, stdin=null, stdout=null, stderr=null)
        time.sleep(2)
        at = time.monotonic()
        p.send_signal(signal.SIGINT)
        p.wait()
        walls.append(time.monotonic() - at)
    print("%s, 2 s at 997 Hz: Ctrl-C to a sealed file in %.3f s (limit 1 s)" % (name, statistics.median(walls)))
P
