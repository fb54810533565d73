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
for kind in plain diff deep several wide one empty; do
	tests/flame_page "$dir/schema.sql" $kind >"$dir/$kind.html" || { echo "Bail out! flame_page $kind failed"; exit 1; }
done
# the same by the command line: a recording against a copy of itself
if command -v sqlite3 >/dev/null; then
	sh "$here/tests/report/schema.sh" "$here/sql" | cat - "$here/tests/report/fixture.sql" | sqlite3 "$dir/now.db" >/dev/null &&
		cp "$dir/now.db" "$dir/base.db" && sqlite3 "$dir/base.db" "UPDATE run SET command = 'before'" &&
		./aperture report "$dir/now.db" --base "$dir/base.db" --flame -o "$dir/cli.html" 2>"$dir/said" || { echo "Bail out! $(tr '\n' ' ' <"$dir/said")"; exit 1; }
fi
node "$here/tests/flame_test.js" "$browser" "$dir"
