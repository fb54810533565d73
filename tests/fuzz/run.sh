#!/usr/bin/env bash
# Builds every tests/fuzz/fuzz_*.c with clang's libFuzzer, ASan and UBSan, and runs each for a time; TAP.
# Usage: run.sh SRCDIR CLANG SECONDS JOBS [NAME...]. Works in ./build-fuzz of the current build folder. A finding is kept there as
# NAME-crash-*; `build-fuzz/tests/fuzz/NAME FILE` runs it again.
set -u
src=$(cd "$1" && pwd) clang=$2 seconds=$3 jobs=$4
shift 4
[ -n "$clang" ] || { echo "1..0 # SKIP no clang (apt-get install clang libclang-rt-14-dev)"; exit 0; }
names=("$@")
if [ $# = 0 ]; then
	for f in "$src"/tests/fuzz/fuzz_*.c; do [ -e "$f" ] && names+=("$(basename "$f" .c)"); done
fi
[ ${#names[@]} -gt 0 ] || { echo "1..0 # SKIP no fuzz target"; exit 0; }
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p build-fuzz && cd build-fuzz || exit 1
printf 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d == 0 && n; }\n' >try.c
"$clang" -fsanitize=fuzzer,address,undefined try.c -o try >/dev/null 2>&1 ||
	{ echo "1..0 # SKIP $clang has no libFuzzer (apt-get install libclang-rt-14-dev, or libclang-rt-dev)"; exit 0; }
if [ ! -e Makefile ]; then
	"$src/configure" -q --without-check CC="$clang" CFLAGS="-g -O1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all" \
		>configure.out 2>&1 || { cat configure.out; echo "not ok 1 - fuzz build: configure"; exit 1; }
fi
# two calls: `all` runs a make of its own, which must not build the libraries beside this one
make -s -k -j"$jobs" all >make.out 2>&1
make -s -k -j"$jobs" $(printf 'tests/fuzz/%s ' "${names[@]}") >>make.out 2>&1

one() {
	mkdir -p "corpus/$2" "seeds/$2"
	local seeds=$1/tests/fuzz/seeds/${2#fuzz_}
	[ -d "$seeds" ] || seeds=seeds/$2
	: >"$2.log"
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 timeout -k 10 $(($3 * 2 + 60)) "tests/fuzz/$2" -max_total_time="$3" -timeout=10 \
		-rss_limit_mb=1024 -malloc_limit_mb=512 -artifact_prefix="$2-" -print_final_stats=1 "corpus/$2" "$seeds" >"$2.log" 2>&1
	echo $? >"$2.rc"
}
export -f one
printf '%s\0' "${names[@]}" | xargs -0 -P "$jobs" -I{} bash -c 'if [ -x "tests/fuzz/$2" ]; then one "$1" "$2" "$3"; else echo unbuilt >"$2.rc"; fi' \
	one "$src" {} "$seconds"

echo "1..${#names[@]}"
n=0 bad=0
for name in "${names[@]}"; do
	n=$((n + 1)) rc=$(cat "$name.rc")
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$name.log" 2>/dev/null)
	case $rc in
	0) echo "ok $n - $name: ${runs:-?} inputs in $seconds s" ;;
	unbuilt)
		bad=1
		echo "not ok $n - $name: does not build"
		# alone, so that its own messages are what is shown
		make -s "tests/fuzz/$name" 2>&1 | head -n 30 | sed 's/^/# /'
		;;
	*)
		bad=1
		echo "not ok $n - $name: exit $rc"
		grep -vE '^#[0-9]+' "$name.log" | tail -n 50 | sed 's/^/# /'
		;;
	esac
done
exit $bad
