# SQL files to C strings: one `const char ap_sql_NAME[]` a file.
function name(path) {
	sub(/^.*\//, "", path)
	sub(/\.sql$/, "", path)
	return path
}
BEGIN { print "/* Made from sql/ by sql/embed.awk. */\n#include \"store/sql_text.h\"" }
FNR == 1 { if (NR > 1) print ";"; printf "const char ap_sql_%s[] =\n", name(FILENAME) }
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	printf "\t\"%s\\n\"\n", $0
}
END { print ";" }
