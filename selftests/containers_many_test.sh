#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# 100 containers of one image at once: each has an address and is reached there,
# the image is in memory once, and kill -9 of all keepers leaves nothing.
#
# CONTAINERS says how many. Needs root, the tool (LODGE, or `lodge` in PATH), the
# module, a static busybox in /bin, mkfs.erofs, nft, and nobody else's containers.
#
# shellcheck disable=SC2317 # functions are called by check, as its arguments

lodge=${LODGE:-$(command -v lodge)}
dir=$(mktemp -d) || exit 1
guests=/run/lodge/guests
count=${CONTAINERS:-$((100 / ${LODGE_TEST_SLOW:-1}))}
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

keepers() {
	cat $guests/*/state.json 2>/dev/null | sed -n 's/.*"keeper":\([0-9]*\).*/\1/p'
}

cleanup() {
	# shellcheck disable=SC2046 # several
	kill -KILL $(keepers) 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# is WANTED SEEN
is() {
	[ "$1" = "$2" ] || { echo "seen: $2, wanted: $1" && false; }
}

# In hundredths of a second
now() {
	sed 's/ .*//; s/\.//' /proc/uptime
}

available() {
	sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

loops() {
	ls -d /sys/block/loop*/loop 2>/dev/null
}

# All that containers have of the host, but for processes
traces() {
	cat /proc/mounts
	ip link | grep -v ' lodge0: ' | grep '^[0-9]'
	ls -d /sys/fs/cgroup/lodge/*/ 2>/dev/null
	ls $guests 2>/dev/null
	nft list tables
	loops
	# Locks, by device and file
	sed 's/^[0-9]*://; s/ [0-9]* \([0-9a-f]*:\)/ \1/' /proc/locks
	"$lodge" ps -q
	echo "refcnt $(cat /sys/module/lodge/refcnt)"
	grep -hE '^(lodge|lodge-init|lodge-janitor|nc)$' /proc/[0-9]*/comm 2>/dev/null
}

nothing_left() {
	traces >"$dir/after" 2>&1
	cmp -s "$dir/before" "$dir/after"
}

start() {
	# shellcheck disable=SC2016 # for the shell inside
	"$lodge" run --store "$dir/store" -d --rm --name "many$1" busybox sh -c \
		'ip addr show eth0; exec nc -ll -p 80 -e hostname' >>"$dir/names" 2>>"$dir/err" </dev/null
}

# Four callers, each of which starts every fourth
start_all() {
	for first in 1 2 3 4; do
		for i in $(seq $first 4 "$count"); do
			start "$i"
		done &
	done
	wait
}

address_of() {
	sed -n 's,.*inet \([0-9.]*\)/.*,\1,p' "$guests/$1/log"
}

answers() {
	tries=50
	until [ "$tries" = 0 ]; do
		if [ "$(timeout 10 nc -w 5 "$1" 80 </dev/null 2>/dev/null)" = "$2" ]; then
			return 0
		fi
		tries=$((tries - 1))
		sleep 0.1
	done
	return 1
}

all_answer() {
	while read -r name address; do
		answers "$address" "$name" || { echo "$name at $address: no answer" && return 1; }
	done <"$dir/addresses"
}

all_are_pinged() {
	while read -r name address; do
		ping -c 1 -W 5 "$address" >/dev/null ||
			{ echo "$name at $address: no answer" && return 1; }
	done <"$dir/addresses"
}

echo "TAP version 13"
if [ -z "$lodge" ]; then
	skip_all "no lodge tool: set LODGE"
elif [ ! -c /dev/lodge ]; then
	skip_all "the module is not loaded"
elif [ ! -x /bin/busybox ] || ! command -v mkfs.erofs >/dev/null || ! command -v nft >/dev/null; then
	skip_all "no /bin/busybox, no mkfs.erofs or no nft"
fi

mkdir -p "$dir/image/bin"
cp /bin/busybox "$dir/image/bin/"
for applet in sh ip nc hostname true; do
	ln -s busybox "$dir/image/bin/$applet"
done
if ! "$lodge" image import -q --store "$dir/store" busybox "$dir/image" >"$dir/out" 2>&1 ||
   ! "$lodge" run --store "$dir/store" busybox true >>"$dir/out" 2>&1; then
	sed 's/^/# /' "$dir/out"
	echo "Bail out! cannot run a container"
	exit 1
fi
: >"$dir/err"
# What that container had of the network takes a moment to go.
until ! grep -qx lodge-janitor /proc/[0-9]*/comm 2>/dev/null; do
	sleep 0.1
done
traces >"$dir/before" 2>&1

memory=$(available)
begin=$(now)
start_all
took=$(($(now) - begin))
memory=$((memory - $(available)))
echo "# started in $((took / 100)) s, $((took * 10 / count)) ms each"
echo "# memory: $((memory / count)) KiB a container"
sed 's/^/# /' "$dir/err" | head -n 20
check "$count containers run" is "$count" "$("$lodge" ps -q | wc -l)"

while read -r name; do
	echo "$name $(address_of "$name")"
done <"$dir/names" >"$dir/addresses"
check "each has an address of its own" is "$count" \
	"$(cut -d' ' -f2 "$dir/addresses" | grep . | sort -u | wc -l)"
check "the host reaches all: ping" all_are_pinged
check "the host reaches all: TCP, and each is who it should be" all_answer
check "their image is in memory once: one loop device" is 1 "$(loops | wc -l)"
# Without what they share, each would have 2 MiB of busybox alone.
check "a container takes less than 4 MiB" [ $((memory / count)) -lt 4096 ]

keepers >"$dir/keepers"
check "each has a keeper" is "$count" "$(wc -l <"$dir/keepers")"
begin=$(now)
# shellcheck disable=SC2046 # several
kill -KILL $(cat "$dir/keepers")
until nothing_left || [ $(($(now) - begin)) -gt $((3000 * ${LODGE_TEST_PATIENCE:-1})) ]; do
	sleep 0.1
done
took=$(($(now) - begin))
echo "# all gone $((took / 100)).$((took / 10 % 10)) s after kill -9 of all keepers"
check "no mount, interface, cgroup, rule, lock, loop device, guest or process is left" \
	diff "$dir/before" "$dir/after"

echo "1..$n"
exit $((failed > 0))
