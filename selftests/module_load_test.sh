#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The module stays while a cell lives; and however often it comes and goes while
# the kernel's hooked functions are in use, nothing of it is left.
#
# LOADS says how often. Each takes a second: unloading waits until every task has
# left the hooks. Needs root, the tool (LODGE, or `lodge` in PATH), a static busybox
# in /bin, and the module loaded, unused, from MODULE (a file; a test machine has one).
#
# shellcheck disable=SC2317 # functions are called by check, as its arguments

lodge=${LODGE:-$(command -v lodge)}
module=${MODULE:-/lib/modules/lodge.ko}
loads=${LOADS:-$((20 / ${LODGE_TEST_SLOW:-1}))}
dir=$(mktemp -d) || exit 1
hooked=/sys/kernel/tracing/enabled_functions
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"
jobs=''

load() {
	insmod "$module" "$parameters"
}

cleanup() {
	# shellcheck disable=SC2086 # several
	kill $jobs 2>/dev/null
	"$lodge" rm -f loaded 2>/dev/null
	[ -d /sys/module/lodge ] || load
	rm -rf "$dir"
}

# What a kernel keeps for itself: KiB
kernel_memory() {
	awk '/^(Slab|VmallocUsed|Percpu|KernelStack|PageTables):/ { sum += $2 } END { print sum }' /proc/meminfo
}

is_hooked() {
	grep -q lodge "$hooked"
}

# Forks, execs, opens, pipes and sockets, without an end
keep_busy() {
	while :; do
		/bin/busybox cat /proc/self/stat /etc/passwd | /bin/busybox wc >/dev/null
		/bin/busybox ip link >/dev/null
		/bin/busybox nc -w 1 127.0.0.1 9 </dev/null
		/bin/busybox ping -c 1 127.0.0.1 >/dev/null
		/bin/busybox nice true
	done 2>/dev/null
}

rmmod_refused() {
	! rmmod lodge && [ -d /sys/module/lodge ]
}

# rounds COUNT: loaded and unloaded; each time with all hooks in place, or without any
rounds() {
	for i in $(seq "$1"); do
		load || return 1
		is_hooked || { echo "round $i: no hooks" && return 1; }
		rmmod lodge || return 1
		! is_hooked || { echo "round $i: hooks are left" && return 1; }
	done
}

unused() {
	tries=100
	until [ "$(cat /sys/module/lodge/refcnt 2>/dev/null)" = 0 ]; do
		tries=$((tries - 1))
		[ -d /sys/module/lodge ] && [ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# Messages of the kernel, but the module's own, and that an emulated machine is slow
messages() {
	dmesg | grep -vE 'lodge: |hrtimer: interrupt took|clocksource: |interrupt took too long'
}

# same BEFORE AFTER
same() {
	diff "$1" "$2"
}

echo "TAP version 13"
if [ -z "$lodge" ]; then
	skip_all "no lodge tool: set LODGE"
elif [ ! -d /sys/module/lodge ] || [ ! -r "$module" ]; then
	skip_all "the module is not loaded, or there is no $module: set MODULE"
elif [ ! -r $hooked ]; then
	skip_all "no $hooked"
elif [ "$(cat /sys/module/lodge/refcnt)" != 0 ]; then
	skip_all "the module is in use"
fi
parameters="check_state=$(cat /sys/module/lodge/parameters/check_state)"
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# While a cell lives
mkdir -p "$dir/root/bin"
cp /bin/busybox "$dir/root/bin/"
check "a container" "$lodge" run -d --rm --net none --name loaded --rootfs "$dir/root" \
	/bin/busybox sleep 1000
check "rmmod is refused while it lives" rmmod_refused
check "and it goes on" "$lodge" exec loaded /bin/busybox true
check "its end" "$lodge" stop -t 0 loaded
unused
check "rmmod after it" rmmod lodge
[ -d /sys/module/lodge ] && exit 1

for i in 1 2 3; do
	keep_busy &
	jobs="$jobs $!"
done
messages >"$dir/before"
check "loading and unloading under load" rounds 3
memory=$(kernel_memory)
begin=$(cut -d. -f1 /proc/uptime)
check "$loads times more" rounds "$loads"
memory=$(($(kernel_memory) - memory))
took=$(($(cut -d. -f1 /proc/uptime) - begin))
echo "# $((took * 1000 / loads)) ms each; the kernel has $memory KiB more, $((memory / loads)) each"
# A kernel with checks keeps what was freed for a while; there, kmemleak tells.
if [ ! -e /sys/kernel/debug/kmemleak ]; then
	check "the kernel's memory does not grow" [ $memory -lt 4096 ]
fi
messages >"$dir/after"
check "the kernel has nothing to say" same "$dir/before" "$dir/after"
check "loaded for good" load

echo "1..$n"
exit $((failed > 0))
