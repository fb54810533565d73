#!/usr/bin/env bash
# merge: a file again changes nothing; order does not matter; what is foreign is refused by name.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
busy='i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'
ap record -o a.db -F 499 -- sh -c "$busy"
ap record -o b.db -F 499 -- sh -c "$busy"
na=$(sql a.db 'SELECT count(*) FROM sample') nb=$(sql b.db 'SELECT count(*) FROM sample')
ap merge -o ab.db a.db b.db
is "$?" 0 "two files"
is "$(sql ab.db 'SELECT count(*) FROM sample')" $((na + nb)) "have the samples of both"
is "$(sql ab.db 'SELECT count(*) FROM run')" 2 "and two runs"
is "$(sql ab.db 'SELECT count(*) FROM host')" 1 "of one host"
is "$(sql ab.db 'SELECT count(*) FROM stack WHERE parent_id >= id')" 0 "parent < id"
before=$(sql ab.db .dump | cksum)
ap merge -o ab.db a.db
is "$?" 0 "one of them again"
is "$(sql ab.db .dump | cksum)" "$before" "changes nothing"
ap merge -o ba.db b.db a.db
ap report ab.db --folded && sort out >1
ap report ba.db --folded && sort out >2
cmp -s 1 2 && [ -s 1 ]
ok $? "any order gives the same report"
sum=$(sql ab.db .dump | cksum)
echo nonsense >foreign
head -c 20000 a.db >cut.db
sqlite3 other.db 'CREATE TABLE sample(x)'
for f in foreign cut.db other.db none.db; do
	ap merge -o ab.db $f
	is "$?" 1 "$f is refused"
	like "$(cat err)" "$f" "by name"
done
is "$(sql ab.db .dump | cksum)" "$sum" "the output is unharmed"
is "$(sql ab.db 'PRAGMA integrity_check')" ok "and whole"
done_testing
