dnl AP_TOOLS: programs that tests and the BPF parts use.
AC_DEFUN([AP_TOOLS], [
  AC_ARG_VAR([CLANG], [the clang that compiles BPF programs and fuzz targets])
  AC_ARG_VAR([BPFTOOL], [bpftool, which makes skeletons])
  AC_PATH_PROGS([CLANG], [clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14], [])
  AC_PATH_PROGS([BPFTOOL], [bpftool], [], [$PATH:/usr/sbin:/sbin])
  AC_PATH_PROG([VALGRIND], [valgrind], [])
  AM_CONDITIONAL([HAVE_CLANG], [test -n "$CLANG"])
  AM_CONDITIONAL([HAVE_VALGRIND], [test -n "$VALGRIND"])
])
dnl AP_FEATURE(name, yes/no, what is lost, remedy)
AC_DEFUN([AP_FEATURE], [
  AS_IF([test "x$2" = xyes], [AC_MSG_NOTICE([  $1: yes])], [AC_MSG_NOTICE([  $1: no ($3; $4)])])
])
AC_DEFUN([AP_SUMMARY], [
  AC_MSG_NOTICE([aperture $PACKAGE_VERSION])
  AP_FEATURE([perf_event sampling], [yes])
  AP_FEATURE([eBPF sampling], [$have_bpf], [$ap_bpf_why], [apt-get install libbpf-dev clang bpftool])
  AP_FEATURE([unit tests], [$have_check], [make check runs the end-to-end tests only], [apt-get install check])
  AP_FEATURE([fuzz targets], [`test -n "$CLANG" && echo yes || echo no`], [make fuzz cannot run], [apt-get install clang libclang-rt-14-dev])
  AP_FEATURE([valgrind tests], [`test -n "$VALGRIND" && echo yes || echo no`], [the unit tests do not run under valgrind], [apt-get install valgrind])
  AP_FEATURE([sanitizers], [$enable_sanitizers], [a normal build], [--enable-sanitizers])
])
