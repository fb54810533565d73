#!/usr/bin/env bash
# The meaning of every filter: random files and filters, `aperture report` against a second reading of them in Python (tests/report/oracle.py).
. "$(dirname "$0")/lib.sh"
need python3
src=$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)
for seed in 1 2 3; do
	python3 "$src/tests/report/oracle.py" "$APERTURE" "$src/sql" $seed "${ORACLE_CASES:-20}" >out 2>err
	ok $? "seed $seed: $(cat out)"
done
done_testing
