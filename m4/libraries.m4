dnl AP_NEED(VAR, pkg-config test, Debian package, what it is for): a library without which there is no Aperture.
AC_DEFUN([AP_NEED], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 not found: it is needed for $4; install it with: apt-get install $3])])
])
dnl AP_NEED_HEADER_LIB(VAR, library, function, header, Debian package, what for): for those without a .pc file.
AC_DEFUN([AP_NEED_LIB], [
  AC_CHECK_HEADER([$4], [], [AC_MSG_ERROR([$4 not found: it is needed for $6; install it with: apt-get install $5])])
  AC_CHECK_LIB([$2], [$3], [$1_LIBS=-l$2], [AC_MSG_ERROR([lib$2 not found: it is needed for $6; install it with: apt-get install $5])])
  AC_SUBST([$1_LIBS])
])
AC_DEFUN([AP_LIBRARIES], [
  AP_NEED([ELF], [libelf >= 0.186], [libelf-dev], [reading ELF files])
  AP_NEED([DW], [libdw >= 0.186], [libdw-dev], [reading DWARF])
  AP_NEED([SQLITE], [sqlite3 >= 3.34], [libsqlite3-dev], [the store])
  AP_NEED([JANSSON], [jansson >= 2.13], [libjansson-dev], [JSON])
  AP_NEED([LZMA], [liblzma >= 5.2], [liblzma-dev], [.gnu_debugdata])
  AP_NEED_LIB([PFM], [pfm], [pfm_get_os_event_encoding], [perfmon/pfmlib_perf_event.h], [libpfm4-dev], [event names])
  AP_NEED_LIB([IBERTY], [iberty], [cplus_demangle], [libiberty/demangle.h], [libiberty-dev], [demangling])
  AC_CHECK_HEADER([xxhash.h], [], [AC_MSG_ERROR([xxhash.h not found: install it with: apt-get install libxxhash-dev])])
  dnl debuginfod is loaded with dlopen at run time by `aperture symbolize`, so it is never a build dependency.
  AC_ARG_WITH([check], [AS_HELP_STRING([--without-check], [do not build the unit tests])], [], [with_check=check])
  AS_IF([test "x$with_check" != xno],
    [PKG_CHECK_MODULES([CHECK], [check >= 0.15], [have_check=yes],
      [have_check=no
       AS_IF([test "x$with_check" = xyes], [AC_MSG_ERROR([check not found; install it with: apt-get install check])])])],
    [have_check=no])
  AM_CONDITIONAL([HAVE_CHECK], [test "x$have_check" = xyes])
])
