#!/usr/bin/env bash
# Each option of the program is in its manual page and in the completion, and each of these is an option. The program's are read from the
# getopt tables of src/cmd, which are one table a command.
. "$(dirname "$0")/lib.sh"
need python3
src=$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)
python3 - "$src" <<'P' >options.out
import os, re, sys

src = sys.argv[1]


def read(*path):
    with open(os.path.join(src, *path), encoding="utf-8") as f:
        return f.read()


files = {"record": "record_args.c", "report": "report_args.c", "query": "cmd_query.c", "merge": "cmd_merge.c", "symbolize": "cmd_symbolize.c", "doctor": "cmd_doctor.c"}
bash = read("doc", "aperture.bash")
for command, file in files.items():
    code = read("src", "cmd", file)
    table = re.search(r"static const struct option \w+\[\] = \{(.*?)\{0\}", code, re.S).group(1)
    short = re.search(r'getopt_long\([^"]*"\+?([^"]*)"', code).group(1).replace(":", "")
    rows = re.findall(r'\{"([a-z-]+)",([^}]*)\}', table)
    real = {"--" + name for name, rest in rows if "OPT_LATER" not in rest}
    later = {"--" + name for name, rest in rows if "OPT_LATER" in rest}
    shorts = {"-" + c for c in short}
    page = read("doc", "aperture-%s.1" % command).replace("\\-", "-")
    # the options that the page describes stand on the line behind .TP; those of a small command in its synopsis
    described = set()
    for line in re.findall(r"^\.(?:TP|SH SYNOPSIS)\n\.BR? (.*)$", page, re.M):
        described |= set(re.findall(r"(?<![\w-])(--?[A-Za-z](?:[a-z-]*[a-z])?)", line))
    m = re.search(r"^\t\t%s\) words='([^']*)'" % command, bash, re.M)
    offered = {w.rstrip("=") for w in m.group(1).split()} - {"--"}
    for name, missing in (("in the manual page", (real | shorts) - described - {"-h", "--help"}), ("known to the program", described - real - shorts - later),
                          ("completed", {o for o in real - offered if o != "--help"}), ("a completion of an option that is there", offered - real - shorts)):
        print("%s %s: every option is %s%s" % ("not ok" if missing else "ok", command, name, ": not " + " ".join(sorted(missing)) if missing else ""))
P
while read -r line; do
	[ "${line#ok }" != "$line" ]
	ok $? "${line#*ok }"
done <options.out
is "$n" 24 "six commands"
done_testing
