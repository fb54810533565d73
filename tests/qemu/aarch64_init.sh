#!/bin/busybox sh
# init of the aarch64 guest: a line "CELL|source|program|exit status|share of known_hot|of that below its chain|complete|what was said" a
# recording, on the console.
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev; mount -t tmpfs none /tmp
cd /tmp
# the emulated PMU's handler is slow: without this the kernel would lower the rate to nothing
echo 100 >/proc/sys/kernel/perf_cpu_time_max_percent
echo "RELEASE|$(uname -r)"

# of all weight, the percentage in known_hot; of that, the percentage whose stack is whole: main, the chain's 21 frames, known_hot
share() {
	aperture report run.db --folded 2>/dev/null | awk '
		{ all += $NF }
		/;known_hot[; ]/ { hot += $NF; if (/;main;/ && gsub(/;chain/, "&") == 21) whole += $NF }
		END { print all && hot ? int(100 * hot / all) "|" int(100 * whole / hot) : "0|0" }'
}
complete() {
	aperture report run.db --summary --format=json 2>/dev/null | tr -d '\n' | sed -n 's/.*"complete_pct": *\([^,}]*\).*/\1/p'
}
for source in perf bpf; do
	for program in hot hot-fp hot-pac handler; do
		rc=0
		rm -f run.db
		timeout 60 aperture record --source=$source -e cpu-clock -F 499 -o run.db -- $program >log 2>&1 || rc=$?
		echo "CELL|$source|$program|$rc|$(share)|$(complete)|$(grep -v '^$' log | head -n 1 | cut -c1-300 | tr '|' '/')"
		[ -z "$(grep matrix=verbose /proc/cmdline)" ] || aperture report run.db --folded | cat
	done
done
echo "DONE|"
poweroff -f
