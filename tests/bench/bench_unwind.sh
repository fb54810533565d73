#!/usr/bin/env bash
# Unwinding: one stack of 30 frames, and the tables of a C library, an interpreter, git, and the largest libraries here.
set -u
files=()
for f in /lib/*-linux-gnu/libc.so.6 /usr/bin/python3 /usr/bin/git /usr/lib/*-linux-gnu/libLLVM-1?.so.1 /usr/bin/node; do [ -e "$f" ] && files+=("$f"); done
"$BUILDDIR/tests/bench/bench_unwind" "${files[@]}"
