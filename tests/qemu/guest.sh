#!/bin/busybox sh
# init of a guest of the kernel matrix: for each cell a line "CELL|name|exit status|source|share of known_hot|complete|what was said" on the
# serial console. One boot for all cells: the lockdown, which can only be tightened, comes last.
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
field() { # name, of the summary's JSON in ./summary
	tr -d '\n' <summary | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}
cell() { # name, source, prefix...
	local name=$1 source=$2 rc=0
	shift 2
	rm -rf /tmp/cell && mkdir -m 777 /tmp/cell && cd /tmp/cell || return
	timeout 60 "$@" /bin/aperture record --source="$source" -F 199 -o run.db -- hot >log 2>&1 || rc=$?
	: >summary
	[ ! -e run.db ] || aperture report run.db --summary --format=json >summary 2>/dev/null
	echo "CELL|$name|$rc|$(field source)|$([ ! -e run.db ] || share run.db)|$(field complete_pct)|$(
		grep -vE '^[[:space:]]*$' log | grep -vE 'samples, |recorder used |next: ' | head -n 1 | cut -c1-400 | tr '|' '/')"
}
lock_down() { # level
	echo "$1" >/sys/kernel/security/lockdown 2>/dev/null
	grep -q "\[$1\]" /sys/kernel/security/lockdown || echo "NOLOCKDOWN|$1"
}
ids="--reuid=65534 --regid=65534 --clear-groups"
caps="-all,+bpf,+perfmon"

echo 3 >/proc/sys/kernel/perf_event_paranoid # Debian's own default, above the kernel's
cell root auto
cell root-bpf bpf
cell capabilities-3 auto /bin/util-setpriv $ids --inh-caps=$caps --ambient-caps=$caps
cell paranoid auto /bin/util-setpriv $ids
echo 2 >/proc/sys/kernel/perf_event_paranoid
cell capabilities auto /bin/util-setpriv $ids --inh-caps=$caps --ambient-caps=$caps
cell nobody auto /bin/util-setpriv $ids
cell eperm auto refuse EPERM
cell enosys auto refuse ENOSYS
: >/tmp/empty
mount --bind /tmp/empty /sys/kernel/btf/vmlinux
cell no-btf auto
umount /sys/kernel/btf/vmlinux
lock_down integrity
cell integrity auto
lock_down confidentiality
cell confidentiality auto
echo "DONE|"
poweroff -f
