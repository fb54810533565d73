dnl AP_COMPILER: the language and the warnings; sets AP_CFLAGS.
AC_DEFUN([AP_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC accepts $1])
  ap_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes]); AP_CFLAGS="$AP_CFLAGS $1"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$ap_save_CFLAGS
])
AC_DEFUN([AP_COMPILER], [
  AP_CFLAGS="-std=gnu11"
  m4_foreach_w([ap_flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
      -Wformat=2 -Wundef -Wvla -Wno-unused-parameter -Wno-missing-field-initializers -fno-omit-frame-pointer -fstack-protector-strong],
    [AP_TRY_CFLAG(ap_flag)])
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make every warning an error])],
    [AS_IF([test "x$enableval" = xyes], [AP_CFLAGS="$AP_CFLAGS -Werror"])])
  AC_SUBST([AP_CFLAGS])
])
dnl AP_SANITIZERS: --enable-sanitizers builds everything under ASan and UBSan.
AC_DEFUN([AP_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers], [build with the address and undefined-behaviour sanitizers])],
    [], [enable_sanitizers=no])
  AP_SAN_CFLAGS=
  AS_IF([test "x$enable_sanitizers" = xyes],
    [AP_SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"])
  AC_SUBST([AP_SAN_CFLAGS])
  AM_CONDITIONAL([SANITIZERS], [test "x$enable_sanitizers" = xyes])
])
