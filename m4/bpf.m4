dnl AP_BPF: the eBPF source needs libbpf, a clang that compiles for BPF, and bpftool. --with-bpf=yes makes what is missing an error.
AC_DEFUN([AP_BPF], [
  AC_ARG_WITH([bpf], [AS_HELP_STRING([--without-bpf], [do not build the eBPF source])], [], [with_bpf=check])
  have_bpf=no ap_bpf_why="--without-bpf was given"
  AS_IF([test "x$with_bpf" != xno], [
    ap_bpf_why=
    PKG_CHECK_MODULES([BPF], [libbpf >= 1.0], [], [ap_bpf_why="libbpf 1.0 is missing"])
    AS_IF([test -z "$CLANG"], [ap_bpf_why="clang is missing"])
    AS_IF([test -z "$BPFTOOL"], [ap_bpf_why="bpftool is missing"])
    AS_CASE([$host_cpu],
      [x86_64], [AP_BPF_TARGET="-D__x86_64__"],
      [aarch64], [AP_BPF_TARGET="-D__aarch64__"],
      [ap_bpf_why="no programs for $host_cpu"])
    AP_BPF_TARGET="$AP_BPF_TARGET -idirafter /usr/include/`$CC -print-multiarch 2>/dev/null` -idirafter /usr/`$CC -print-multiarch 2>/dev/null`/include"
    AS_IF([test -z "$ap_bpf_why"], [
      AC_MSG_CHECKING([whether $CLANG compiles for BPF])
      AS_IF([echo 'int f(void) { return 0; }' | $CLANG -target bpf -g -O2 -x c -c - -o conftest.bpf.o >&AS_MESSAGE_LOG_FD 2>&1],
        [AC_MSG_RESULT([yes]); have_bpf=yes],
        [AC_MSG_RESULT([no]); ap_bpf_why="clang cannot compile for BPF"])
      rm -f conftest.bpf.o
    ])
    AS_IF([test "x$with_bpf" = xyes && test "x$have_bpf" != xyes], [AC_MSG_ERROR([--with-bpf: $ap_bpf_why; install: libbpf-dev clang bpftool])])
  ])
  AS_IF([test "x$have_bpf" = xyes], [AC_DEFINE([HAVE_BPF], [1], [the eBPF source is built])])
  AC_SUBST([AP_BPF_TARGET])
  AM_CONDITIONAL([HAVE_BPF], [test "x$have_bpf" = xyes])
])
