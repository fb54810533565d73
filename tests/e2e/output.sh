#!/usr/bin/env bash
# The output file: what is kept, what is refused, and that it stands alone.
. "$(dirname "$0")/lib.sh"
need sqlite3
need_recording
busy='i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done'
ap record -o run.db -F 499 -- sh -c "$busy"
is "$?" 0 "first"
first=$(sql run.db 'SELECT uuid FROM run')
ap record -o run.db -F 499 -- sh -c "$busy"
is "$?" 0 "second to the same file"
is "$(sql run.db.old 'SELECT uuid FROM run')" "$first" "the first is kept as run.db.old"
[ "$(sql run.db 'SELECT uuid FROM run')" != "$first" ]
ok $? "the second is a run of its own"
is "$(stat -c %a run.db)" 600 "only its owner may read it"

echo "dear diary" >notes
ap record -o notes -- true
is "$?" 125 "a file of another kind is refused"
is "$(cat notes)" "dear diary" "and left as it was"
like "$(cat err)" 'notes' "by its name"
sqlite3 other.db 'CREATE TABLE t(x)'
sum=$(cksum <other.db)
ap record -o other.db -- true
is "$?" 125 "so is another program's database"
is "$(cksum <other.db)" "$sum" "left as it was"
mkdir folder
ap record -o folder -- true
is "$?" 125 "and a folder"
ln -s target link
ap record -o link -- true
is "$? $(test -e target && echo made)" "125 " "and a symbolic link, which is not followed"

# moved away from the program that it recorded
cp "$(command -v sha256sum)" ./prog && head -c 80M /dev/zero >zeros
ap record -o alone.db -F 499 -- ./prog zeros
is "$?" 0 "a program that then disappears"
ap report alone.db --folded
cp out before
mkdir elsewhere && mv alone.db elsewhere/ && rm -f prog zeros
(cd elsewhere && "$APERTURE" report alone.db --folded >../after 2>../err)
cmp -s before after && [ -s after ]
ok $? "moved and without the program: the same report"
for v in samples top_functions top_stacks folded flame_nodes by_process by_thread data_quality lock_top syscall_latency off_cpu_top gpu_kernel_sum gpu_mem_sum; do
	: >err
	sql elsewhere/alone.db "SELECT * FROM $v LIMIT 10" >out
	ok $? "view $v answers in stock sqlite3"
done
# what cannot be moved out of the way is refused and left as it was
ap record -o keep.db -- true
mkdir -p keep.db.old/full
before=$(cksum <keep.db)
ap record -o keep.db -- true
is "$?" 125 "a file that cannot be kept as .old is refused"
is "$(cksum <keep.db)" "$before" "and stays as it was"
done_testing
