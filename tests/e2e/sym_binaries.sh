#!/usr/bin/env bash
# Binaries that are deleted, replaced, in memory alone or in another mount namespace still name their functions; what a hostile target puts in
# a binary's place blocks and fools nothing.
. "$(dirname "$0")/lib.sh"
need sqlite3 gcc python3
need_recording
cat >burn.c <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>
#ifndef NAME
#define NAME the_first_burner
#endif
__attribute__((noinline)) long NAME(long n)
{
	volatile long s = 0;
	for (long i = 0; i < n; i++)
		s += i * i;
	return s;
}
static void into_memory(char **argv)
{
	int in = open("/proc/self/exe", O_RDONLY), out = memfd_create("burner", 0);
	char buf[65536], *args[] = {argv[0], NULL};
	ssize_t n;
	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, n) != n) exit(1);
	fexecve(out, args, environ);
	exit(1);
}
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "memfd"))
		into_memory(argv);
	if (argc > 1 && argv[1][0] == '/')
		unlink(argv[1]);
	if (argc > 2 && rename(argv[2], argv[1]))
		return 1;
	while ((double)clock() / CLOCKS_PER_SEC < 0.4)
		NAME(1000000);
	return 0;
}
C
gcc -O1 -g0 -o first burn.c 2>err && gcc -O1 -g0 -DNAME=another_burner -o other burn.c 2>>err || exit 99
names() { sql "$1" "SELECT group_concat(DISTINCT f.name) FROM function_total t JOIN function f ON f.id = t.function"; }
records() { # file, what; the rest is the command
	local db=$1 what=$2
	shift 2
	ap record -q -o "$db" -F 499 -- timeout 60 "$@"
	is "$?" 0 "record: $what"
	like "$(names "$db")" 'the_first_burner' "$what: its functions have names"
	case $(names "$db") in *another_burner*) ok 1 "$what: and none of another file's" ;; *) ok 0 "$what: and none of another file's" ;; esac
}

cp first gone
records gone.db "deleted while it runs" ./gone "$dir/gone"
cp first replaced
cp other in_its_place
records replaced.db "replaced while it runs" ./replaced "$dir/replaced" "$dir/in_its_place"
records memfd.db "a memfd" ./first memfd
odd=$(printf 'odd\n;\033[31m name')
cp first "$odd"
records odd.db "a path with a newline, an escape code and ;" "./$odd"
for r in --top --folded --summary; do
	ap report odd.db $r
	is "$(grep -c "$(printf '\033')" out)" 0 "report $r: the path's escape code does not come through"
done
ap report odd.db --folded
is "$(grep -cvE ' [0-9]+$' out)" 0 "a folded line stays a line"

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir -p new/inside root/bin && cp first new/inside/burn
	cat >bind.sh <<-'S'
		mount -t tmpfs none "$1" && cp "$2" "$1/burn" && exec "$1/burn"
	S
	records bind.db "in a mount namespace of its own" unshare -m sh bind.sh "$dir/new" "$dir/first"
	gcc -O1 -static -o root/bin/burn burn.c 2>err && cp other burn
	records chroot.db "in a chroot" chroot root /bin/burn
	# the same path in our root is another file
	mkdir -p "root$dir" && cp root/bin/burn "root$dir/burn"
	records shadow.db "in a chroot, where our root has another file at that path" chroot root "$dir/burn"
else
	skip 9 "wants root"
fi

# a library that puts something else into its own place
cat >evil.c <<'C'
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <sys/sysmacros.h>
long evil_burn(long n) { volatile long s = 0; for (long i = 0; i < n; i++) s += i; return s; }
__attribute__((constructor)) static void swap(void)
{
	const char *kind = getenv("EVIL"), *path = getenv("EVIL_PATH");
	unlink(path);
	if (kind[0] == 'f') mkfifo(path, 0666);
	if (kind[0] == 's') symlink("/proc/self/mem", path);
	if (kind[0] == 'o') symlink(getenv("EVIL_OTHER"), path);
	if (kind[0] == 'd' && mknod(path, S_IFCHR | 0666, makedev(1, 5))) symlink("/dev/zero", path);
}
C
printf 'long evil_burn(long);\n#include <time.h>\nint main(void) { while ((double)clock() / CLOCKS_PER_SEC < 0.3) evil_burn(100000); }\n' >user.c
gcc -O1 -shared -fPIC -o evil.so evil.c 2>err && sed 's/evil_burn/planted_name/' evil.c >planted.c && gcc -O1 -shared -fPIC -o planted.so planted.c 2>>err || exit 99
for kind in fifo symlink other device; do
	cp evil.so libevil.so && gcc -O1 -o user user.c "$dir/libevil.so" 2>err
	ap record -q -o evil.db -F 499 -- timeout 60 env EVIL=$kind EVIL_PATH="$dir/libevil.so" EVIL_OTHER="$dir/planted.so" ./user
	is "$?" 0 "a $kind in the place of a mapped library blocks nothing"
	case $(names evil.db) in *planted_name*) rc=1 ;; *) rc=0 ;; esac
	ok $rc "a $kind in its place fools nobody"
	[ "$(sql evil.db 'SELECT count(*) FROM sample')" -ge 20 ]
	ok $? "and its samples are there"
	rm -f libevil.so
done
done_testing
