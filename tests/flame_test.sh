#!/bin/sh
# Opens the flame graph's page in chromium. Without node or chromium there is nothing to open it with.
set -u
skip() { echo "1..0 # SKIP $1"; exit 0; }
command -v node >/dev/null || skip "node is not installed"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "chromium is not installed"
here=${srcdir:-.}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
"$here/tests/report/schema.sh" "$here/sql" >"$dir/schema.sql" || exit 99
for kind in plain diff deep several wide empty; do
	tests/flame_page "$dir/schema.sql" $kind >"$dir/$kind.html" || { echo "Bail out! flame_page $kind failed"; exit 1; }
done
node "$here/tests/flame_test.js" "$browser" "$dir"
