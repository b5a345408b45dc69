#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The network of a VM: who reaches it, that nothing is lost or changed on the way,
# and that nothing is left; by the kernel's vhost-net and without it.
#
# shellcheck disable=SC2317 # functions are called by check, as its arguments
#
# Needs root, nft, tun, vhost_net, and a guest with a driver for virtio-net. All of
# it happens in a network namespace of its own, which is the host here.

lodge=${LODGE:-$(command -v lodge)}
keeper=$(dirname "$0")/net-keeper

skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit 4
}

if [ "$1" != inside ]; then
	if [ -z "$lodge" ] || [ ! -c /dev/lodge ]; then
		skip_all "no lodge tool, or the module is not loaded"
	elif [ ! -r "$GUEST" ] || [ ! -r "$GUEST_INITRD" ] || [ ! -r "$GUEST_MODULES" ]; then
		skip_all "GUEST, GUEST_INITRD and GUEST_MODULES do not name what is to boot"
	elif [ ! -x "$keeper" ] || ! command -v nft >/dev/null; then
		skip_all "no net-keeper or no nft"
	fi
	modprobe -a tun vhost_net 2>/dev/null
	if [ ! -c /dev/net/tun ] || [ ! -c /dev/vhost-net ]; then
		skip_all "no /dev/net/tun or no /dev/vhost-net"
	elif ! unshare -n -m true 2>/dev/null; then
		skip_all "no network namespace: not root?"
	fi
	exec unshare -n -m sh "$0" inside
fi

echo "TAP version 13"
mount -t tmpfs none /run || exit 1
mount -t sysfs none /sys || exit 1
mount -t cgroup2 none /sys/fs/cgroup || exit 1
dir=$(mktemp -d) || exit 1
patience=${LODGE_TEST_PATIENCE:-1}
pids=''
# shellcheck source=selftests/tap.sh
. "$(dirname "$0")/tap.sh"

details() {
	tail -n 3 "$dir/out" | sed "s/^/# guest: /"
}
ip link set lo up

cleanup() {
	# shellcheck disable=SC2086 # several
	kill -9 $pids 2>/dev/null
	umount -l /dev "$dir/dev" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

until_true() {
	tries=$((600 * patience))
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.2
	done
}

is() {
	[ "$1" = "$2" ] || { echo "'$1', not '$2'"; return 1; }
}

# tcp_says WORD COMMAND...: what it prints is WORD
tcp_says() {
	word=$1
	shift
	"$@" </dev/null >"$dir/says" 2>&1
	cat "$dir/says"
	grep -q "^$word\$" "$dir/says"
}

# guest_said TEXT: a line of the guest's
guest_said() {
	tr -d '\r' <"$dir/out" 2>/dev/null | grep -q "^$1"
}

no_trace() {
	[ -z "$(nft list tables)" ] && ! ip link | grep -q 'lodge-' &&
		! grep -qs '^vhost-' /proc/[0-9]*/task/*/comm
}

served_by_kernel() {
	grep -qs '^vhost-' /proc/[0-9]*/task/*/comm
}

# The guest's address is in its MAC.
cat >"$dir/guest.sh" <<'END'
set -- $(tr : ' ' </sys/class/net/eth0/address)
net=$((0x$3)).$((0x$4))
ip link set lo up
ip link set eth0 up
ip addr add $net.$((0x$5)).$((0x$6))/20 dev eth0
ip route add default via $net.0.1
ping -c 1 -W 10 $net.0.1 >/dev/null && echo guest: host reached
ping -c 1 -W 10 192.0.2.2 >/dev/null && echo guest: outside reached
nc -ll -p 80 -e echo served-by-the-guest &
echo "guest: mac $1:$2 mtu $(cat /sys/class/net/eth0/mtu)"
nc -l -p 81 >/echoed
nc -w 60 $net.0.1 9000 </echoed
echo "guest: echoed"
sleep 10000
END
cat "$GUEST_INITRD" "$GUEST_MODULES" >"$dir/initrd"
command=$(base64 -w 0 "$dir/guest.sh")
dd if=/dev/urandom of="$dir/data" bs=64k count=320 2>/dev/null
sum=$(sha256sum <"$dir/data")

# Another computer, which knows no way to the guests
"$keeper" outside 192.0.2.2/24 >"$dir/outside" 2>&1 </dev/null &
pids="$pids $!"
until_true test -s "$dir/outside"
outside=$(cat "$dir/outside")
nsenter -t "$outside" -n ip route del default
ip addr add 192.0.2.1/24 dev outside0

mkfifo "$dir/silence"

mkdir -p "$dir/root/bin" "$dir/root/etc" "$dir/root/proc" "$dir/root/sys" "$dir/root/dev"
cp /bin/busybox "$dir/root/bin/"
ln -s busybox "$dir/root/bin/nc"

in_container() {
	"$lodge" run --container --rootfs "$dir/root" "$@"
}

# round NAME OPTION...: one VM's life
round() {
	name=$1
	shift
	rm -f "$dir/out" "$dir/back"
	"$lodge" run --vm --kernel "$GUEST" --initrd "$dir/initrd" -m 192 --name net "$@" \
		--append "console=hvc0 quiet lodge.cmd=$command" </dev/null >"$dir/out" 2>&1 &
	vm=$!
	pids="$pids $vm"
	# The end of its input would be the end of the connection.
	nc -l -p 9000 >"$dir/back" <>"$dir/silence" &
	sink=$!
	pids="$pids $sink"
	check "$name: its address, its MTU and a MAC that goes with it" \
		until_true guest_said "guest: mac 02:4c mtu 1500"
	if [ $failed -gt 0 ]; then
		echo "Bail out! the guest has no network"
		exit 1
	fi
	address=10.88.0.2
	check "$name: the guest reaches the host" guest_said "guest: host reached"
	check "$name: and outside" guest_said "guest: outside reached"
	check "$name: the host reaches the guest" ping -c 1 -W 10 $address
	check "$name: and its server" until_true tcp_says served-by-the-guest nc -w 10 $address 80
	check "$name: a published port from outside" tcp_says served-by-the-guest \
		nsenter -t "$outside" -n nc -w 10 192.0.2.1 8080
	check "$name: a container reaches it" tcp_says served-by-the-guest \
		in_container nc -w 10 $address 80
	begin=$(date +%s)
	check "$name: 20 MiB to the guest" timeout $((100 * patience)) nc -w 60 $address 81 <"$dir/data"
	check "$name: and back" until_true guest_said "guest: echoed"
	wait $sink
	echo "# $name: $(($(date +%s) - begin)) s"
	check "$name: nothing is lost, nothing is changed" is "$(sha256sum <"$dir/back")" "$sum"
}

round "vhost-net" -p 8080:80
check "the kernel serves it" served_by_kernel
kill -9 "$vm"
wait "$vm" 2>/dev/null
check "kill -9 leaves nothing" until_true no_trace

# The same without /dev/vhost-net
mkdir "$dir/dev"
mount -t tmpfs none "$dir/dev"
mkdir "$dir/dev/net"
for device in null zero urandom tty console lodge net/tun; do
	cp -a "/dev/$device" "$dir/dev/$device"
done
ln -s /proc/self/fd "$dir/dev/fd"
mount --bind "$dir/dev" /dev
round "in the tool" --net bridge -p 8080:80
check "the tool serves it" sh -c '! grep -qs "^vhost-" /proc/[0-9]*/task/*/comm'
kill -TERM "$vm"
wait "$vm"
check "SIGTERM leaves nothing, at once" no_trace
check "not even the bridge" sh -c '[ ! -e /sys/class/net/lodge0 ]'

# What cannot be
refused() {
	what=$1 words=$2
	shift 2
	"$lodge" run --vm --kernel "$GUEST" "$@" </dev/null >"$dir/refused" 2>&1
	check "$what" sh -c "[ $? = 125 ] && grep -q '$words' '$dir/refused'"
}
refused "--net none and -p" "with --net bridge only" --net none -p 8080:80
refused "--net host" "give --net bridge or --net none" --net host
nc -ll -p 7777 -e true >/dev/null 2>&1 </dev/null &
pids="$pids $!"
until_true sh -c 'netstat -tln | grep -q :7777'
refused "a port that is taken" "port 7777/tcp: Address already in use" -p 7777:80
rm "$dir/dev/net/tun"
refused "no /dev/net/tun" "modprobe tun" --net bridge
check "they leave nothing" no_trace

echo "1..$n"
exit $((failed > 0))
