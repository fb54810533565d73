#!/bin/busybox sh
# init of a guest of the kernel matrix: a line "CELL|name|exit status|source|share of known_hot|complete|what was said" a cell, on the
# serial console. The kernel command line's matrix= says which cells.
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev; mount -t tmpfs none /tmp
mount -t securityfs none /sys/kernel/security 2>/dev/null
chmod 1777 /tmp
echo "RELEASE|$(uname -r)"

# the share, of all weight, of whole stacks: main, the chain's 21 frames, known_hot
share() {
	aperture report "$1" --folded 2>/dev/null | awk '
		{ all += $NF }
		/;main;/ && /;known_hot[; ]/ { if (gsub(/;chain/, "&") == 21) whole += $NF }
		END { print all ? int(100 * whole / all) : 0 }'
}
field() { # of the summary, on one line or many
	aperture report "$1" --summary --format=json 2>/dev/null | tr -d '\n' | sed -n "s/.*\"$2\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}
cell() { # name, source, prefix...
	local name=$1 source=$2 rc=0
	shift 2
	rm -rf /tmp/cell && mkdir -m 777 /tmp/cell && cd /tmp/cell || return
	timeout 60 "$@" /bin/aperture record --source="$source" -F 499 -o run.db -- hot >log 2>&1 || rc=$?
	echo "CELL|$name|$rc|$(field run.db source)|$(share run.db)|$(field run.db complete_pct)|$(
		grep -vE '^[[:space:]]*$' log | grep -vE 'samples, |recorder used |next: ' | head -n 1 | cut -c1-300 | tr '|' '/')"
}
ids="--reuid=65534 --regid=65534 --clear-groups"
caps="-all,+bpf,+perfmon"

plain() {
	cell root auto
	cell root-bpf bpf
	cell capabilities-3 auto /bin/util-setpriv $ids --inh-caps=$caps --ambient-caps=$caps
	echo 2 >/proc/sys/kernel/perf_event_paranoid
	cell capabilities auto /bin/util-setpriv $ids --inh-caps=$caps --ambient-caps=$caps
	cell nobody auto /bin/util-setpriv $ids
	echo 3 >/proc/sys/kernel/perf_event_paranoid
	cell paranoid auto /bin/util-setpriv $ids
	cell eperm auto refuse EPERM
	cell enosys auto refuse ENOSYS
	: >/tmp/empty
	mount --bind /tmp/empty /sys/kernel/btf/vmlinux
	cell no-btf auto
}
case $(cat /proc/cmdline) in
*matrix=plain*) plain ;;
*matrix=integrity*) cell integrity auto ;;
*matrix=confidentiality*) cell confidentiality auto ;;
esac
echo "DONE|"
poweroff -f
