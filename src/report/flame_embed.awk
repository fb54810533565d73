# flame.html to two C strings, before and after the data. In it, a line @NAME@ stands for the file NAME beside it; @DATA@ for the data.
# -v dir=FOLDER
function put(line) {
	gsub(/\\/, "&&", line)
	gsub(/"/, "\\\"", line)
	printf "\t\"%s\\n\"\n", line
}
function include(path, line, status) {
	while ((status = (getline line < path)) > 0)
		put(line)
	if (status < 0) {
		print "cannot read " path > "/dev/stderr"
		exit 1
	}
}
BEGIN {
	print "/* Made from src/report/flame.html by src/report/flame_embed.awk. */\n#include \"report/flame_page.h\"\n\nconst char report_flame_before[] ="
}
$0 == "@DATA@" { print ";\nconst char report_flame_after[] ="; next }
/^@.*@$/ { include(dir "/" substr($0, 2, length($0) - 2)); next }
{ put($0) }
END { print ";" }
