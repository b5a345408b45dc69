#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# 20 VMs of one image at once, 128 MiB each: all answer, and what each costs the host
# beside its guest's memory. It takes minutes on an emulated processor, so it is not
# among the tests that `make check` runs:
#
#	scripts/testvm --mem 4096 -- /usr/lib/lodge/selftests/vms_many_test.sh
#
# VMS says how many. Needs root, the tool (LODGE, or `lodge` in PATH), the module, a
# static busybox in /bin, mkfs.erofs, the host's kernel with its modules, or GUEST.
#
# shellcheck disable=SC2317 # functions are called by check, as its arguments

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
guests=/run/lodge/guests
cgroup=/sys/fs/cgroup
own=$cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
count=${VMS:-20}
cleanup() {
	for i in $(seq "$count"); do
		"$lodge" rm -f "many$i" >/dev/null 2>&1
	done
	echo $$ >"$own/cgroup.procs"
	rmdir "$cgroup/vms-many" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

available() {
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

start() {
	# shellcheck disable=SC2086 # $kernel is none or two words
	"$lodge" run --vm $kernel --store "$dir/store" -m 128 --net none -d --rm --name "many$1" \
		busybox sleep 100000 >/dev/null 2>>"$dir/err" </dev/null
}

# Two callers, as there are CPUs: more would only wait for each other
start_all() {
	for first in 1 2; do
		for i in $(seq $first 2 "$count"); do
			start "$i"
		done &
	done
	wait
}

all_answer() {
	for i in $(seq "$count"); do
		[ "$("$lodge" exec "many$i" hostname)" = "many$i" ] || return 1
	done
}

# processes NAME: keeper, VMM and janitor of a VM
processes() {
	keeper=$(sed -n 's/.*"keeper": *\([0-9]*\).*/\1/p' "$guests/$1/state.json")
	echo "$keeper"
	tr ' ' '\n' <"/proc/$keeper/task/$keeper/children"
}

# memory PID FIELD: KiB without the guest's memory, the one piece that is so large.
# Pss has its part of what it shares with others: keeper and VMM have the same ancestor.
memory() {
	awk -v field="^$2:" '/^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
	     /^Size:/	{ guest = $2 >= 126976 }
	     $0 ~ field	{ if (!guest) sum += $2 }
	     END	{ print sum + 0 }' "/proc/$1/smaps"
}

# sum NAME FIELD: the same of all processes of a VM
sum() {
	sum=0
	for pid in $(processes "$1"); do
		sum=$((sum + $(memory "$pid" "$2")))
	done
	echo $sum
}

largest() {
	awk '/^[0-9a-f]+-[0-9a-f]+ /	{ name = $6; guest = 0 }
	     /^Size:/	{ guest = $2 >= 126976 }
	     /^Pss:/	{ if (!guest) sum[name] += $2 }
	     END	{ for (n in sum) if (sum[n] > 16) print "#   " sum[n] " KiB " n }' \
		"/proc/$1/smaps" | sort -rnk2
}

# KiB of kernel memory of all that is in a cgroup, or was when it had it made
kernel_memory() {
	echo $(($(sed -n 's/^kernel \([0-9]*\)/\1/p' "$1/memory.stat") / 1024))
}

echo "TAP version 13"
need_image_vms
mkdir -p "$dir/image/bin"
cp /bin/busybox "$dir/image/bin/"
for applet in sh sleep hostname; do
	ln -s busybox "$dir/image/bin/$applet"
done
if ! "$lodge" image import -q --store "$dir/store" busybox "$dir/image" >"$dir/out" 2>&1; then
	sed 's/^/# /' "$dir/out"
	echo "Bail out! cannot import an image"
	exit 1
fi

# What is made before the VMM enters its own cgroup is counted here.
: >"$dir/err"
echo +memory >"$cgroup/cgroup.subtree_control"
mkdir -p "$cgroup/vms-many"
# A test machine keeps a CPU for itself.
if [ -s "$own/cpuset.cpus" ]; then
	cat "$own/cpuset.cpus" >"$cgroup/vms-many/cpuset.cpus"
fi
echo $$ >"$cgroup/vms-many/cgroup.procs"
before=$(kernel_memory "$cgroup/vms-many")
free=$(available)
begin=$(cut -d . -f 1 /proc/uptime)
start_all
echo "# started in $(($(cut -d . -f 1 /proc/uptime) - begin)) s"
sed 's/^/# /' "$dir/err" | head -n 20
check "$count VMs run" [ "$("$lodge" ps -q | wc -l)" = "$count" ]
check "all answer" all_answer
echo "# the host has $(((free - $(available)) / count)) KiB less for each, its guest's memory included"

most=0
for i in $(seq "$count"); do
	pss=$(sum "many$i" Pss)
	[ "$pss" -le "$most" ] || most=$pss
done
for pid in $(processes many1); do
	echo "# $(cat "/proc/$pid/comm"): $(memory "$pid" Pss) KiB, private $(memory "$pid" "Private_(Clean|Dirty)") KiB"
	largest "$pid"
done
all=$(($(kernel_memory "$cgroup/vms-many") - before))
for i in $(seq "$count"); do
	all=$((all + $(kernel_memory "$cgroup/lodge/many$i")))
done
echo "# keeper, VMM and janitor: $most KiB; of the kernel for a VM: $((all / count)) KiB"
check "a VM takes less than 3 MiB beside its guest's memory" [ $((most + all / count)) -lt 3072 ]

echo "1..$n"
exit $((failed > 0))
