#!/bin/sh
# flame_embed.sh FOLDER: the flame graph's page as two C strings, before and after the data, on stdout. In flame.html a line @STYLE@ stands for
# flame.css, @LOADER@ for flame_load.js, @CODE@ for the flame_*.js named in it, packed; @POLICY@ for the hashes of those three, so that the page
# runs nothing else; @DATA@ for the data.
set -eu
LC_ALL=C
export LC_ALL
dir=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# without indents, empty lines and lines that are only a comment
strip() {
	awk '{
		sub(/^[\t ]+/, "")
		if (!comment && /^\/\*/) comment = 1
		if (!comment && $0 != "") print
		if (comment && /\*\/$/) comment = 0
	}' "$@"
}
# the hash of a file as a content security policy writes it
hash_of() {
	sha256sum <"$1" | awk '{
		digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		for (i = 1; i <= 64; i++) {
			v = v * 16 + index("0123456789abcdef", substr($1, i, 1)) - 1
			if (i % 3 == 0) { s = s substr(digits, int(v / 64) + 1, 1) substr(digits, v % 64 + 1, 1); v = 0 }
		}
		# one hex digit is left of 64
		print "sha256-" s substr(digits, v * 4 + 1, 1) "="
	}'
}
# Exactly what stands between the tags.
{ echo; strip "$dir/flame.css"; } >"$tmp/style"
{ echo; strip "$dir/flame_load.js"; } >"$tmp/loader"
for part in data views layout draw search state text table input start; do
	strip "$dir/flame_$part.js"
done >"$tmp/code"
gzip -9n <"$tmp/code" | base64 -w 0 >"$tmp/packed"
echo >>"$tmp/packed"
policy="script-src '$(hash_of "$tmp/loader")' '$(hash_of "$tmp/code")'; style-src '$(hash_of "$tmp/style")'"

awk -v tmp="$tmp" -v policy="$policy" '
function put(line) {
	gsub(/\\/, "&&", line)
	gsub(/"/, "\\\"", line)
	# string literals have a limit in C; these are joined
	while (length(line) > 400) {
		n = substr(line, 400, 1) == "\\" || substr(line, 399, 1) == "\\" ? 397 : 400
		printf "\t\"%s\"\n", substr(line, 1, n)
		line = substr(line, n + 1)
	}
	printf "\t\"%s\"\n", line
}
# the first line is empty: it ends the tag before
function include(path, line, first) {
	first = 1
	while ((getline line < path) > 0) {
		if (!first) put(line)
		if (!first) print "\t\"\\n\""
		first = 0
	}
}
BEGIN { print "/* Made by src/report/flame_embed.sh. */\n#include \"report/flame_page.h\"\n\nconst char report_flame_before[] =" }
$0 == "@DATA@" { print ";\nconst char report_flame_after[] ="; next }
$0 == "@STYLE@" { include(tmp "/style"); next }
$0 == "@LOADER@" { include(tmp "/loader"); next }
$0 == "@CODE@" { getline line < (tmp "/packed"); put(line); next }
{ sub(/@POLICY@/, policy); put($0); print "\t\"\\n\"" }
END { print ";" }' "$dir/flame.html"
