#!/usr/bin/env bash
# One run, end to end: xz on real data; the file, the reports and the views agree with each other.
. "$(dirname "$0")/lib.sh"
need xz sqlite3 python3
need_recording
data 12

ap record -o run.db -F 499 -- xz -6 -T2 -k -c data
is $? 0 "record exits as xz did"
cmp -s <(xz -dc out) data
ok $? "the command's output is untouched"
like "$(cat err)" '[0-9]+ samples, [0-9]+ lost' "record ends with its one line"
like "$(tail -n 1 err)" '^next: aperture report ' "and the next command to type"
[ ! -e run.db-wal ] && [ ! -e run.db-shm ] && [ ! -e run.db-journal ]
ok $? "one file, no side files"
is "$(sql run.db 'PRAGMA integrity_check')" ok "integrity_check"
is "$(sql run.db 'PRAGMA application_id')" 1095783508 "application_id marks the file"
is "$(sql run.db 'SELECT count(*) FROM stack WHERE parent_id >= id')" 0 "parent < id"
is "$(sql run.db 'SELECT count(*) FROM account WHERE seen != stored + filtered + lost')" 0 "seen = stored + filtered + lost"
is "$(sql run.db 'SELECT sum(stored) = (SELECT count(*) FROM sample) FROM account')" 1 "the account's stored samples are those in the file"
is "$(sql run.db 'SELECT end_ns > start_ns AND end_reason IS NOT NULL FROM run')" 1 "the run has an end and its reason"

samples=$(sql run.db 'SELECT count(*) FROM sample')
[ "${samples:-0}" -ge 100 ]
ok $? "at least 100 samples (${samples:-none})"
top=$(sql run.db 'SELECT * FROM top_functions LIMIT 5')
like "$top" 'lzma|xz' "top_functions answers in stock sqlite3 and names xz's work"
[ "$(sql run.db "SELECT sum(self_n) * 2 > (SELECT count(*) FROM sample) FROM function_total JOIN executable e ON e.id = executable WHERE e.path LIKE '%lzma%' OR e.path LIKE '%/xz'")" = 1 ]
ok $? "more than half of the samples are in liblzma or xz"

ap report run.db --summary --format=json
ok $? "summary"
cp out summary.json
missing=$(python3 - <<'P' 2>&1
import json
d = json.load(open("summary.json"))
want = "source duration_s samples lost lost_pct complete_pct symbolised_pct processes threads executables events sources incomplete".split()
bad = [k for k in want if k not in d]
bad += [k for k in ("name", "samples", "source", "why") for e in d.get("events", [{}]) if k not in e]
print(" ".join(bad))
P
)
is "$missing" "" "the summary has every key of the contract"
is "$(python3 -c 'import json; print(json.load(open("summary.json"))["samples"])')" "$samples" "its samples are the file's rows"
is "$(python3 -c 'import json; print(json.load(open("summary.json"))["incomplete"])')" False "the recording ended well"
python3 -c 'import json,sys; sys.exit(json.load(open("summary.json"))["complete_pct"] < 95)'
ok $? "at least 95 % of the stacks are whole ($(python3 -c 'import json; print(json.load(open("summary.json"))["complete_pct"])'))"

ap report run.db --folded
ok $? "folded"
weight=$(sql run.db 'SELECT sum(weight) FROM sample')
is "$(awk '{s += $NF} END {printf "%.0f", s}' out)" "$weight" "folded adds up to the weight of all samples"
like "$(cut -d';' -f1 out | sort | uniq -c | sort -rn | head -n 1)" ' xz' "folded lines begin with the command"
ap report run.db --top
ok $? "top"
ap report run.db --tree
ok $? "tree"
ap report run.db --flame -o flame.html
ok $? "flame"
grep -q '<canvas' flame.html && grep -qi 'lzma' flame.html
ok $? "the flame graph is a page with xz's functions in it"
! grep -qE '(src|href)="?(https?:)?//' flame.html
ok $? "that fetches nothing"
done_testing
