#!/usr/bin/env bash
# From one real recording to its flame graph, against `perf script` alone. Then the page of STACKS (1,000,000) distinct stacks: CPU to write it,
# against sqlite3 reading the same rows; its size; the first use in Chromium.
set -u
: "${APERTURE:?the program under test}" "${SRCDIR:?}"
command -v python3 >/dev/null && command -v sqlite3 >/dev/null || { echo "bench_flame: python3 and sqlite3 are needed"; exit 1; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aperture-bench.XXXXXX")
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
if command -v xz >/dev/null; then
	find /usr/lib /usr/bin -xdev -type f -size +100k -print0 2>/dev/null | sort -z | xargs -0 cat 2>/dev/null | head -c 64M >data
	python3 "$SRCDIR/tests/bench/raw_to_flame.py" "$APERTURE" data || exit 1
	rm -f data perf-*.data
else
	echo "no xz: no real recording is compared with perf script"
fi
python3 "$SRCDIR/tests/bench/million.py" "$SRCDIR/sql" raw.db "${STACKS:-1000000}" || exit 1
"$APERTURE" merge -o million.db raw.db >/dev/null 2>&1 || exit 1 # with its totals, as a recording leaves it
median() { # CPU seconds of a command, median of five
	for _ in 1 2 3 4 5; do
		python3 -c 'import resource, subprocess, sys
if subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode: raise SystemExit(1)
r = resource.getrusage(resource.RUSAGE_CHILDREN); print("%.2f" % (r.ru_utime + r.ru_stime))' "$@" || exit 1
	done | sort -n | sed -n 3p
}
sql=$(median sqlite3 million.db 'SELECT sum(id + parent_id + frame_id) FROM stack; SELECT sum(event + thread + stack + weight) FROM sample')
page=$(median "$APERTURE" report million.db --flame -o million.html)
echo "flame graph: $page s of CPU to write, $(stat -c %s million.html) bytes; sqlite3 reads the rows in $sql s; ratio $(awk "BEGIN { print $page / $sql }")"
folded=$(median "$APERTURE" report million.db --folded)
echo "folded: $folded s of CPU; ratio to sqlite3 $(awk "BEGIN { print $folded / $sql }")"
raw=$(median "$APERTURE" report raw.db --flame -o raw.html)
echo "flame graph of a recording that was killed, without totals: $raw s of CPU"
browser=$(command -v chromium) && command -v node >/dev/null || { echo "no chromium and node: the first paint is not measured"; exit 0; }
FLAME_PAINT=million node "$SRCDIR/tests/flame_test.js" "$browser" "$dir" # five loads, the median
